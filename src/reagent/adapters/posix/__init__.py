"""A POSIX host: figures, addresses, lock."""
