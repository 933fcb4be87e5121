"""asyncio made safe: owned tasks, bounded waits, backoff."""
