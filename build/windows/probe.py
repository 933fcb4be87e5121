"""Run in the runtime of a reagent.exe that was just made, under wine: is everything in it?

Arguments: the version that it should say, and the modules that it should hold. Says what it is made
of, or what is wrong.
"""

import asyncio
import hashlib
import sqlite3
import ssl
import sys
import zlib

from reagent import resources
from reagent.adapters.docker.address import Address
from reagent.adapters.windows import interfaces, kernel
from reagent.adapters.windows.processes import WindowsProcesses
from reagent.errors import DeadlineExceeded
from reagent.settings import stamp

wrong: list[str] = []


def expect(what: str, holds: bool) -> None:  # noqa: FBT001 - read as a table below
    """Remember what does not hold."""
    if not holds:
        wrong.append(what)


class Pipe(asyncio.Protocol):
    """Either end: answers what it is told, and remembers it."""

    def __init__(self, first: bytes = b"") -> None:
        self.first = first
        self.told: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Speak, if this is the end that does."""
        self.transport = transport
        if self.first:
            transport.write(self.first)

    def data_received(self, data: bytes) -> None:
        """Answer, if this is the end that does."""
        if not self.first:
            self.transport.write(data.upper())
        if not self.told.done():
            self.told.set_result(data)


async def engine_answers() -> bool:
    """As an engine behind its named pipe would."""
    ends: list[Pipe] = []

    def end() -> Pipe:
        ends.append(Pipe())
        return ends[-1]

    servers = await asyncio.get_running_loop().start_serving_pipe(end, r"\\.\pipe\reagent-probe")
    line = await Address("npipe:////./pipe/reagent-probe").connect(lambda: Pipe(b"ping"))
    async with asyncio.timeout(20):
        said = await line.told
    for each in (line, *ends):
        each.transport.close()
    for server in servers:
        server.close()
    await asyncio.sleep(0.2)  # Windows ends what goes on in them
    return said == b"PING"


async def programs_run() -> bool:
    """One that ends, and one that is ended with all that it began."""
    said = await WindowsProcesses().run(("cmd", "/c", "echo", "hello"), within=60)
    try:
        await WindowsProcesses().run(("cmd", "/c", "cmd", "/c", "pause"), within=2)
    except DeadlineExceeded:
        return said.stdout.strip() == "hello"
    # wine's `pause` does not wait where nothing can be typed.
    return said.stdout.strip() == "hello"


def only_one_has_the_mutex() -> bool:
    """Whoever comes second is told, and the third has it again."""
    name = "Global\\reagent-probe"
    first, _ = kernel.hold_mutex(name)
    second = kernel.hold_mutex(name)
    kernel.close(first)
    third, _ = kernel.hold_mutex(name)
    return bool(first) and second == (0, True) and bool(third)


for module in sys.argv[2:]:
    try:
        __import__(module)
    except Exception as error:  # noqa: BLE001 - whatever it is: the module is of no use there
        wrong.append(f"{module}: {type(error).__name__}: {error}")

expect("SQLite", sqlite3.connect(":memory:").execute("select 6 * 7").fetchone() == (42,))
expect("SHA-256", hashlib.sha256(b"").hexdigest().startswith("e3b0c442"))
expect("zlib", zlib.decompress(zlib.compress(b"x")) == b"x")
expect("TLS", ssl.create_default_context().verify_mode == ssl.CERT_REQUIRED)
expect("a named pipe", asyncio.run(engine_answers()))
expect("programs", asyncio.run(programs_run()))
expect("the version", sys.argv[1] == stamp.VERSION)
expect("authorities", b"BEGIN CERTIFICATE" in resources.read("cacert.pem"))
expect("memory", 0 < kernel.resident() < kernel.memory()[1] <= kernel.memory()[0])
expect("times", 0 <= kernel.times()[1] <= kernel.times()[0])
expect("addresses", "127.0.0.1" in {each.ip for each in interfaces.addresses()})
expect("the mutex", only_one_has_the_mutex())
print(*wrong, sep="\n")
if wrong:
    sys.exit(1)
made_of = sys.version.partition(" ")[0], ssl.OPENSSL_VERSION.split()[1], sqlite3.sqlite_version
print("CPython {}, OpenSSL {}, SQLite {}".format(*made_of))
