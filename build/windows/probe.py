"""Run in the runtime of a reagent.exe that was just made, under wine: is everything in it?

Argument: the version that it should say. Says what it is made of, or what is wrong.
"""

import asyncio
import hashlib
import sqlite3
import ssl
import sys
import zlib

from reagent import resources
from reagent.settings import stamp

wrong: list[str] = []


def expect(what: str, holds: bool) -> None:  # noqa: FBT001 - read as a table below
    """Remember what does not hold."""
    if not holds:
        wrong.append(what)


for name in sys.argv[2:]:
    try:
        __import__(name)
    except Exception as error:  # noqa: BLE001 - whatever it is: the module is of no use there
        wrong.append(f"{name}: {type(error).__name__}: {error}")

expect("SQLite", sqlite3.connect(":memory:").execute("select 6 * 7").fetchone() == (42,))
expect("SHA-256", hashlib.sha256(b"").hexdigest().startswith("e3b0c442"))
expect("zlib", zlib.decompress(zlib.compress(b"x")) == b"x")
expect("TLS", ssl.create_default_context().verify_mode == ssl.CERT_REQUIRED)
expect("asyncio", asyncio.run(asyncio.sleep(0, 42)) == 42)
expect("the version", sys.argv[1] == stamp.VERSION)
expect("authorities", b"BEGIN CERTIFICATE" in resources.read("cacert.pem"))
print(*wrong, sep="\n")
if wrong:
    sys.exit(1)
made_of = sys.version.partition(" ")[0], ssl.OPENSSL_VERSION.split()[1], sqlite3.sqlite_version
print("CPython {}, OpenSSL {}, SQLite {}".format(*made_of))
