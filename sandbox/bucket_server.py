"""The HTTP of a sandbox bucket: Range, ETag, Content-Length, honest errors, and planned faults.

A thread for each connection, because a faulty answer blocks where it stalls.
"""

import email.utils
import re
import socket
import struct
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

from reagent_release import layout
from reagent_release.steps import sha256
from sandbox.bucket_faults import ERROR_PATH, HTML, Planned, act

_PART: Final = 65536
_IDLE_S: Final = 300.0
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)
_LINGER: Final = struct.pack("ii", 1, 0)
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(slots=True)
class Request:
    """One request that was made. `status` and `sent` are final once it is `done`."""

    method: str
    path: str
    """Without the slash in front: re-agent/linux/amd64/1.0.1/reagent."""
    headers: dict[str, str]
    """Names in lower case."""
    at: float = field(default_factory=time.monotonic)
    status: int = 0
    sent: int = 0
    """Bytes of the body."""
    done: bool = False


class Desk(Protocol):
    """Who owns the folder, the faults and the log."""

    root: Path
    port: int

    def note(self, request: Request) -> None:
        """Add to the log."""

    def sent(self, request: Request, size: int) -> None:
        """Count more bytes of a body."""

    def finish(self, request: Request) -> None:
        """Mark as answered, well or badly."""

    def fault_for(self, path: str) -> Planned | None:
        """The fault whose turn it is."""


class Server(ThreadingHTTPServer):
    """Listens from `start` to `end`; the port is the one it was given, or a free one."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, bucket: Desk, port: int) -> None:
        self.bucket = bucket
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    def start(self) -> None:
        """Answer."""
        self._thread.start()

    def end(self) -> None:
        """Stop listening and cut what is being answered."""
        self.shutdown()
        self.server_close()
        for connection in tuple(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def get_request(self) -> tuple[socket.socket, object]:
        """Accept, and remember what has to be cut at the end."""
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: object) -> None:
        """Close one connection."""
        if isinstance(request, socket.socket):
            self._open.discard(request)
            super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up, or was hung up on, is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_S
    server: Server

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path).lstrip("/")
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._request = Request(self.command, path, headers)
        self._file = self._path(path)
        bucket = self.server.bucket
        bucket.note(self._request)
        try:
            if f"/{path}" == ERROR_PATH:
                self.answer(500, b"<html>something went wrong</html>\n", HTML)
            elif not self._was_sent_away and (planned := bucket.fault_for(path)):
                act(self, planned)
            else:
                self._serve()
        except OSError:
            self.close_connection = True
        finally:
            bucket.finish(self._request)

    do_HEAD = do_GET  # noqa: N815 - the base class looks for this name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """The log of requests is `Bucket.requests`."""

    # --- for faults

    @property
    def content(self) -> bytes:
        return self._file.read_bytes() if self._file else b""

    @property
    def _was_sent_away(self) -> bool:
        return self._request.headers.get("host", "").startswith("localhost:")

    @property
    def elsewhere(self) -> str:
        return f"http://localhost:{self.server.bucket.port}/{self._request.path}"

    def answer(
        self,
        status: int,
        body: bytes = b"",
        headers: Mapping[str, str] = _NONE,
        *,
        length: int | None = -1,
    ) -> None:
        self._request.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(len(body) if length < 0 else length))
        self.end_headers()
        self.write(body)

    def write(self, part: bytes) -> None:
        if self.command == "HEAD":
            return
        for begin in range(0, len(part), _PART):
            piece = part[begin : begin + _PART]
            self.wfile.write(piece)
            self.server.bucket.sent(self._request, len(piece))

    def hang_up(self, *, reset: bool = False) -> None:
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
            self.connection.close()

    # --- honest answers

    def _path(self, path: str) -> Path | None:
        words = path.split("/")
        if any(not word or word.startswith(".") or "\0" in word for word in words):
            return None
        found = self.server.bucket.root.joinpath(*words)
        return found if found.is_file() else None

    def _serve(self) -> None:
        if self._file is None:
            page = b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>\n"
            self.answer(404, page, {"Content-Type": "application/xml"})
            return
        with self._file.open("rb") as file:  # one descriptor: a replaced object stays whole
            content = file.read()
        changed = self._file.stat().st_mtime_ns
        tag = f'"{sha256(content)[:32]}"'
        headers = {
            "Content-Type": layout.content_type(self._file.name),
            "Cache-Control": layout.CACHE_CONTROL,
            "Accept-Ranges": "bytes",
            "ETag": tag,
            "Last-Modified": email.utils.formatdate(changed / 1e9, usegmt=True),
        }
        asked = self._request.headers
        if tag in asked.get("if-none-match", ""):
            self.answer(HTTPStatus.NOT_MODIFIED, headers={"ETag": tag}, length=None)
            return
        whole = asked.get("if-range", tag) != tag
        span = None if whole else _span(asked.get("range", ""), len(content))
        if span is None:
            self.answer(HTTPStatus.OK, content, headers)
        elif not span:
            headers["Content-Range"] = f"bytes */{len(content)}"
            self.answer(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)
        else:
            headers["Content-Range"] = f"bytes {span[0]}-{span[-1]}/{len(content)}"
            part = content[span.start : span.stop]
            self.answer(HTTPStatus.PARTIAL_CONTENT, part, headers)


def _span(header: str, size: int) -> range | None:
    """The bytes that are asked for; None: all of them, empty: none that exist."""
    found = _RANGE.fullmatch(header)
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        return range(max(0, size - int(last)), size)
    return range(int(first), min(size, int(last) + 1) if last else size)
