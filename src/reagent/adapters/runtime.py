"""What the agent runs on. All three are loaded once an agent has started: asking costs nothing."""

from __future__ import annotations

import ssl
import sys

from reagent.adapters.sqlite.driver import library


def versions() -> dict[str, str]:
    """Python, OpenSSL and SQLite, as they are in this process."""
    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        "openssl": ssl.OPENSSL_VERSION.split()[1],
        "sqlite": library().sqlite_version,
    }
