"""Fetching, proving and swapping a newer agent. Nothing here yet."""
