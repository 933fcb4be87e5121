"""A router of one connection that a test scripts: it sees every byte of what the agent says.

WebSocket and WAMP in the standard library alone, so that nothing between the wire and the test
tidies up what was sent. Everything goes well unless a test says otherwise: a challenge for the
secret, REGISTERED, SUBSCRIBED, a RESULT for every CALL.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import ssl
import struct
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self

from sandbox.under_test import patient

HELLO, WELCOME, ABORT, CHALLENGE, AUTHENTICATE, GOODBYE = 1, 2, 3, 4, 5, 6
ERROR, PUBLISH, PUBLISHED, SUBSCRIBE, SUBSCRIBED = 8, 16, 17, 32, 33
UNSUBSCRIBE, EVENT, CALL, CANCEL, RESULT = 34, 36, 48, 49, 50
REGISTER, REGISTERED, INVOCATION, INTERRUPT, YIELD = 64, 65, 68, 69, 70

SESSION: Final = 7000000001
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
_MAGIC: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

Message = list[Any]  # as json reads it
Reply = Callable[[Message], Message | None]

CHALLENGE_TEXT: Final = (
    '{"nonce":"n0nce-1","authprovider":"dynamic","authid":"17-4021",'
    '"timestamp":"2031-05-06T07:08:09.000Z","authrole":"device","authmethod":"wampcra",'
    '"session":7000000001}'
)


class ScriptedRouter:
    """Serves every connection the same way; `messages` are those of the newest."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.certificates: list[dict[str, object]] = []
        self.requests: list[str] = []
        self.messages: list[Message] = []
        self.sessions: list[list[Message]] = []
        self.frames: list[tuple[int, bytes]] = []
        self.challenge: dict[str, object] = {"challenge": CHALLENGE_TEXT}
        self.method = "wampcra"
        self.welcome: dict[str, object] = {"roles": {"broker": {}, "dealer": {}}}
        self.answers: dict[str, Message] = {}
        self.replies: dict[int, Reply] = {}
        self.pongs = True
        self.registrations: dict[int, str] = {}
        self.subscriptions: dict[int, str] = {}
        self.port = 0
        self._numbers = 100
        self._invocations = 5000
        self._answered: dict[int, asyncio.Future[Message]] = {}
        self._news = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            self._server.close()

    @property
    def url(self) -> str:
        return f"ws{'s' if self._tls else ''}://127.0.0.1:{self.port}/ws-re-dev"

    # --- what a test does

    def calls(self, uri: str = "") -> list[Message]:
        """The CALLs of this session, all or those of one procedure."""
        return [m for m in self.messages if m[0] == CALL and uri in ("", m[3])]

    def of(self, kind: int) -> list[Message]:
        """The messages of one kind."""
        return [m for m in self.messages if m[0] == kind]

    async def until(self, holds: Callable[[], bool], within: float = 10.0) -> None:
        """Wait for a condition, looked at whenever something came.

        Raises:
            TimeoutError: It never held, with what came last.
        """
        within = patient(within)
        try:
            async with asyncio.timeout(within):
                while not holds():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError as error:
            last = [json.dumps(m)[:200] for m in self.messages[-12:]]
            raise TimeoutError(f"not in {within:g} s; the last messages: {last}") from error

    async def came(self, kind: int, times: int = 1, within: float = 10.0) -> list[Message]:
        """Wait for so many messages of a kind."""
        await self.until(lambda: len(self.of(kind)) >= times, within)
        return self.of(kind)

    async def called(self, uri: str, times: int = 1, within: float = 10.0) -> list[Message]:
        """Wait until a procedure was called so often."""
        await self.until(lambda: len(self.calls(uri)) >= times, within)
        return self.calls(uri)

    async def invoke(
        self,
        uri: str,
        *args: object,
        kwargs: Mapping[str, object] | None = None,
        details: Mapping[str, object] | None = None,
        within: float = 10.0,
    ) -> Message:
        """Call the agent, as account `system` unless details say otherwise; its raw answer."""
        number = next(n for n, name in self.registrations.items() if name == uri)
        self._invocations += 1
        request = self._invocations
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._answered[request] = answer
        message: Message = [
            INVOCATION,
            request,
            number,
            dict(details) if details is not None else {"caller_authid": "system", "caller": 1},
        ]
        if args or kwargs:
            message.append(list(args))
        if kwargs:
            message.append(dict(kwargs))
        self.send(message)
        async with asyncio.timeout(patient(within)):
            return await answer

    def send(self, message: Message) -> None:
        """Say something."""
        self.send_frame(TEXT, json.dumps(message).encode())

    def send_frame(self, code: int, payload: bytes) -> None:
        """Say something that need not be WAMP."""
        if self._writer is None:
            raise RuntimeError("nobody is connected")
        head = bytes([0x80 | code])
        if len(payload) < 126:
            head += bytes([len(payload)])
        else:
            head += b"\x7e" + struct.pack("!H", len(payload))
        self._writer.write(head + payload)

    def hang_up(self) -> None:
        """Cut the connection."""
        if self._writer is not None:
            self._writer.transport.abort()

    # --- the wire

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        secured = writer.get_extra_info("ssl_object")
        if secured is not None:
            self.certificates.append(secured.getpeercert() or {})
        try:
            await self._upgrade(reader, writer)
            self._writer = writer
            self.messages = []
            self.sessions.append(self.messages)
            self.registrations, self.subscriptions = {}, {}
            while True:
                code, payload = await _frame(reader)
                if code == TEXT:
                    self._take(json.loads(payload))
                else:
                    self.frames.append((code, payload))
                if code == PING and self.pongs:
                    self.send_frame(PONG, payload)
                self._news.set()
                if code == CLOSE:
                    self.send_frame(CLOSE, payload)
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            self._news.set()

    async def _upgrade(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
        self.requests.append(request)
        headers = headers_of(request)
        accept = base64.b64encode(
            hashlib.sha1(headers["sec-websocket-key"].encode() + _MAGIC).digest()
        ).decode()
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept}",
            "Sec-WebSocket-Protocol: wamp.2.json",
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode())

    def _take(self, message: Message) -> None:
        self.messages.append(message)
        kind = message[0]
        if kind in (YIELD, ERROR):  # the number stands elsewhere in an ERROR
            request = message[1] if kind == YIELD else message[2]
            waiting = self._answered.pop(request, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(message)
            return
        reply = self.replies.get(kind)
        answer = reply(message) if reply is not None else self.well(message)
        if answer is not None:
            self.send(answer)

    def well(self, message: Message) -> Message | None:
        """What a router in good order answers."""
        self._numbers += 1
        answer: Message | None = None
        match message:
            case [1, *_]:
                answer = [CHALLENGE, self.method, self.challenge]
            case [5, *_]:
                answer = [WELCOME, SESSION + len(self.sessions) - 1, self.welcome]
            case [6, *_]:
                answer = [GOODBYE, {}, "wamp.close.goodbye_and_out"]
            case [16, request, {"acknowledge": True}, *_]:
                answer = [PUBLISHED, request, self._numbers]
            case [32 | 64, request, _, name, *_]:
                answer = self._admit(message[0], request, str(name))
            case [48, request, _, uri, *_]:
                answer = self._result(request, str(uri))
            case _:
                pass
        return answer

    def _admit(self, kind: int, request: int, name: str) -> Message:
        table = self.registrations if kind == REGISTER else self.subscriptions
        table[self._numbers] = name
        return [REGISTERED if kind == REGISTER else SUBSCRIBED, request, self._numbers]

    def _result(self, request: int, uri: str) -> Message:
        answer = self.answers.get(uri, [])
        if answer[:1] == [ERROR]:
            return [ERROR, CALL, request, {}, *answer[1:]]
        return [RESULT, request, {}, *answer]


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
    elif length == 127:
        (length,) = struct.unpack("!Q", await reader.readexactly(8))
    mask = await reader.readexactly(4) if second & 0x80 else b"\0\0\0\0"
    body = await reader.readexactly(length)
    return first & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(body))


def headers_of(request: str) -> dict[str, str]:
    """The headers of an upgrade request, names in lower case."""
    pairs = (line.partition(":") for line in request.split("\r\n")[1:] if line)
    return {name.lower(): value.strip() for name, _, value in pairs}
