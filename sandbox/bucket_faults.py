"""What a bucket, or the way to it, does wrong: one entry for each thing devices have met.

A fault has a place where it strikes by default (the executable, its checksum, the version file) and
an act, which writes the answer instead of the honest one.
"""

import fnmatch
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol

FOR_EVER: Final = -1
EXECUTABLES: Final = ("*/reagent", "*/reagent.exe")
CHECKSUMS: Final = ("*.sha256",)
VERSIONS: Final = ("*/availableVersions.json",)
EVERYTHING: Final = ("*",)

ERROR_PATH: Final = "/error"
HTML: Final[Mapping[str, str]] = MappingProxyType({"Content-Type": "text/html"})
_PORTAL: Final = b"<html><head><title>Welcome</title></head><body>Accept our terms</body></html>\n"
_JUNK: Final = b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>"


class Fault(StrEnum):
    """Its value says what a device sees."""

    NOT_FOUND = "a 404 page"
    SERVER_ERROR = "a 503 page"
    CAPTIVE_PORTAL = "a portal's page with status 200"
    REDIRECT_TO_ERROR = "a redirect to a page that says 500"
    REDIRECT_AWAY = "a redirect to the same file at another origin"
    REDIRECT_LOOP = "a redirect to itself"
    HALF_A_FILE = "the announced length, and half of it"
    SHORT_FILE = "half of the file, announced as all of it"
    EMPTY = "an empty file"
    FLIPPED_BYTE = "the right length, one byte wrong"
    CHUNKED = "the whole file in chunks, no length"
    NO_LENGTH = "the whole file until the end of the connection, no length"
    STALL = "half of the file, then silence"
    SILENT = "no answer at all"
    SLOW = "the whole file, slowly"
    RESET = "a connection that is reset half-way"
    WRONG_CHECKSUM = "the checksum of something else"
    MISSING_CHECKSUM = "no checksum"
    JUNK_CHECKSUM = "a page instead of a checksum"
    EMPTY_CHECKSUM = "an empty checksum"
    BROKEN_VERSIONS = "a version file that is none"
    BACKWARDS = "a version file in chunks, the first of a size below zero"
    UNREACHABLE = "nobody listens"


_PLACES: Final[Mapping[Fault, tuple[str, ...]]] = {
    Fault.WRONG_CHECKSUM: CHECKSUMS,
    Fault.MISSING_CHECKSUM: CHECKSUMS,
    Fault.JUNK_CHECKSUM: CHECKSUMS,
    Fault.EMPTY_CHECKSUM: CHECKSUMS,
    Fault.BROKEN_VERSIONS: VERSIONS,
    Fault.BACKWARDS: VERSIONS,
    Fault.UNREACHABLE: EVERYTHING,
}


@dataclass(slots=True)
class Planned:
    """A fault, where it strikes, and for how many more requests (below zero: for ever)."""

    fault: Fault
    only: str | None = None
    left: int = FOR_EVER
    content: bytes = b"{"
    """What a broken version file holds."""
    bytes_per_s: int = 100_000
    """How slow slow is."""
    over: threading.Event = field(default_factory=threading.Event)
    """Set when the fault is healed: nobody keeps waiting in it."""

    def strikes(self, path: str) -> bool:
        """Whether it is this object's turn."""
        places = (self.only,) if self.only else _PLACES.get(self.fault, EXECUTABLES)
        return self.left != 0 and any(fnmatch.fnmatchcase(path, place) for place in places)


class Exchange(Protocol):
    """One request while it is answered."""

    @property
    def content(self) -> bytes:
        """What an honest answer would carry; empty where there is no such object."""

    @property
    def elsewhere(self) -> str:
        """The URL of the same object at another origin."""

    def answer(
        self,
        status: int,
        body: bytes = ...,
        headers: Mapping[str, str] = ...,
        *,
        length: int | None = ...,
    ) -> None:
        """Write status, headers and body.

        Args:
            status: of HTTP.
            body: what is sent.
            length: what Content-Length says; below zero the truth, None no such header.
            headers: more of them.
        """

    def write(self, part: bytes) -> None:
        """Write more of a body, as it is."""

    def hang_up(self, *, reset: bool = False) -> None:
        """End the connection, after what was written or at once."""


Act = Callable[[Exchange, Planned], None]


def act(exchange: Exchange, planned: Planned) -> None:
    """Answer as badly as was planned."""
    _ACTS[planned.fault](exchange, planned)


def _page(status: int) -> Act:
    body = f"<html><body><h1>{status}</h1></body></html>\n".encode()
    return lambda exchange, _: exchange.answer(status, body, HTML)


def _says(body: bytes, kind: str = "text/plain") -> Act:
    return lambda exchange, _: exchange.answer(200, body, {"Content-Type": kind})


def _redirect(exchange: Exchange, where: str) -> None:
    exchange.answer(302, b"", {"Location": where})


def _half(exchange: Exchange, *, length: int) -> None:
    content = exchange.content
    exchange.answer(200, content[: len(content) // 2], length=length)


def _half_a_file(exchange: Exchange, _: Planned) -> None:
    _half(exchange, length=len(exchange.content))
    exchange.hang_up()


def _stall(exchange: Exchange, planned: Planned) -> None:
    _half(exchange, length=len(exchange.content))
    planned.over.wait()
    exchange.hang_up()


def _reset(exchange: Exchange, _: Planned) -> None:
    _half(exchange, length=len(exchange.content))
    exchange.hang_up(reset=True)


def _silent(exchange: Exchange, planned: Planned) -> None:
    planned.over.wait()
    exchange.hang_up()


def _flipped(exchange: Exchange, _: Planned) -> None:
    content = bytearray(exchange.content)
    if content:
        content[len(content) // 2] ^= 1
    exchange.answer(200, bytes(content))


def _chunked(exchange: Exchange, _: Planned) -> None:
    exchange.answer(200, b"", {"Transfer-Encoding": "chunked"}, length=None)
    content, step = exchange.content, 65536
    for begin in range(0, len(content), step):
        part = content[begin : begin + step]
        exchange.write(b"%x\r\n%s\r\n" % (len(part), part))
    exchange.write(b"0\r\n\r\n")


def _backwards(exchange: Exchange, _: Planned) -> None:
    exchange.answer(200, b"", {"Transfer-Encoding": "chunked"}, length=None)
    exchange.write(b"-6\r\n%s\r\n0\r\n\r\n" % exchange.content)


def _no_length(exchange: Exchange, _: Planned) -> None:
    exchange.answer(200, exchange.content, {"Connection": "close"}, length=None)
    exchange.hang_up()


def _slow(exchange: Exchange, planned: Planned) -> None:
    content, step = exchange.content, max(1, planned.bytes_per_s // 10)
    exchange.answer(200, length=len(content))
    for begin in range(0, len(content), step):
        exchange.write(content[begin : begin + step])
        planned.over.wait(0.1)  # healed: the rest comes at once


_ACTS: Final[Mapping[Fault, Act]] = {
    Fault.NOT_FOUND: _page(404),
    Fault.SERVER_ERROR: _page(503),
    Fault.CAPTIVE_PORTAL: _says(_PORTAL, "text/html"),
    Fault.REDIRECT_TO_ERROR: lambda exchange, _: _redirect(exchange, ERROR_PATH),
    Fault.REDIRECT_AWAY: lambda exchange, _: _redirect(exchange, exchange.elsewhere),
    Fault.REDIRECT_LOOP: lambda exchange, _: _redirect(exchange, "?again"),
    Fault.HALF_A_FILE: _half_a_file,
    Fault.SHORT_FILE: lambda exchange, _: _half(exchange, length=-1),
    Fault.EMPTY: _says(b"", "application/octet-stream"),
    Fault.FLIPPED_BYTE: _flipped,
    Fault.CHUNKED: _chunked,
    Fault.NO_LENGTH: _no_length,
    Fault.STALL: _stall,
    Fault.SILENT: _silent,
    Fault.SLOW: _slow,
    Fault.RESET: _reset,
    Fault.WRONG_CHECKSUM: _says(b"0" * 64 + b"\n"),
    Fault.MISSING_CHECKSUM: _page(404),
    Fault.JUNK_CHECKSUM: _says(_JUNK, "application/xml"),
    Fault.EMPTY_CHECKSUM: _says(b""),
    Fault.BROKEN_VERSIONS: lambda exchange, planned: exchange.answer(200, planned.content),
    Fault.BACKWARDS: _backwards,
}
