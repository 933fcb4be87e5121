"""Stands in for charset_normalizer, which requests imports to guess what a server does not say.

The engine and its registries speak JSON, so there is nothing to guess: 0.2 MB of memory and 60 KB
of every executable.
"""

__version__ = "3.0.0"


def detect(_content: bytes) -> dict[str, object]:
    """Answer as requests does where no such library is installed."""
    return {"encoding": "utf-8", "confidence": 1.0, "language": ""}
