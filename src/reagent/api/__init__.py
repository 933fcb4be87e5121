"""What callers may ask: one capability per file."""
