"""The dial, byte by byte: upgrade, proxy, TLS, close (docs/contract/wamp.md 1.1, 1.4, 1.5, 1.12)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from reagent.adapters.wamp.connect import WampDialer
from reagent.adapters.wamp.session import RouterSession
from reagent.errors import DialFailed
from reagent.model.device import Identity
from tests.contract.messenger_worlds import identity, until
from tests.fakes.authority import Authority

WELCOME = [2, 7_000_000_001, {"roles": {"broker": {}, "dealer": {}}}]
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Peer:
    """A server that upgrades, welcomes, and writes down what it got."""

    def __init__(self, subprotocol: str = "wamp.2.json") -> None:
        self.port = 0
        self.head = ""
        self.messages: list[list[object]] = []
        self.closed_with: int | None = None
        self.pongs: list[bytes] = []
        self.shown: object = None
        self._subprotocol = subprotocol
        self._writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None

    async def start(self, context: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @property
    def headers(self) -> dict[str, str]:
        lines = (line.partition(": ") for line in self.head.split("\r\n")[1:])
        return {name.lower(): value for name, _, value in lines if name}

    def send(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        length = bytes([size]) if size < 126 else b"\x7e" + struct.pack("!H", size)
        if self._writer is not None:
            self._writer.write(bytes([0x80 | opcode]) + length + payload)

    def say(self, message: list[object]) -> None:
        self.send(1, json.dumps(message).encode())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.shown = writer.get_extra_info("peercert")
        try:
            self.head = (await reader.readuntil(b"\r\n\r\n")).decode()
            key = self.headers["sec-websocket-key"].encode()
            accept = base64.b64encode(hashlib.sha1(key + _MAGIC).digest()).decode()
            writer.write(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                f"Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
                f"Sec-WebSocket-Protocol: {self._subprotocol}\r\n\r\n".encode()
            )
            while await self._frame(reader):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _frame(self, reader: asyncio.StreamReader) -> bool:
        first, second = await reader.readexactly(2)
        assert second & 0x80, "a client has to mask"
        size = second & 0x7F
        if size == 126:
            size = struct.unpack("!H", await reader.readexactly(2))[0]
        key = await reader.readexactly(4)
        masked = await reader.readexactly(size)
        payload = bytes(byte ^ key[index % 4] for index, byte in enumerate(masked))
        opcode = first & 0x0F
        if opcode == 8:
            self.closed_with = struct.unpack("!H", payload[:2])[0]
            self.send(8, payload)
            return False
        if opcode == 10:
            self.pongs.append(payload)
        if opcode == 1:
            self._understand(json.loads(payload))
        return True

    def _understand(self, message: list[object]) -> None:
        self.messages.append(message)
        if message[0] == 1:
            self.say(WELCOME)
        if message[0] == 6:
            self.say([6, {}, "wamp.close.goodbye_and_out"])


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    made = Peer()
    await made.start()
    yield made
    await made.stop()


def me(peer: Peer, scheme: str = "ws", host: str = "127.0.0.1", path: str = "/ws?a=b") -> Identity:
    return identity(url=f"{scheme}://{host}:{peer.port}{path}")


async def dial(who: Identity, environment: dict[str, str] | None = None) -> RouterSession:
    dialer = WampDialer(connection_timeout_ms=3000, environment=environment or {})
    return await dialer.dial(who)


async def test_the_upgrade_offers_json_and_no_compression(peer: Peer) -> None:
    session = await dial(me(peer))

    assert peer.head.startswith("GET /ws?a=b HTTP/1.1\r\n")
    assert peer.headers["sec-websocket-protocol"] == "wamp.2.json"
    assert peer.headers["host"] == f"127.0.0.1:{peer.port}"
    assert "sec-websocket-extensions" not in peer.headers
    await session.leave(2)


async def test_leaving_is_goodbye_and_close_1000(peer: Peer) -> None:
    session = await dial(me(peer))

    await session.leave(2)

    assert peer.messages[-1] == [6, {}, "wamp.close.close_realm"]
    assert peer.closed_with == 1000
    assert await session.ended() is False


async def test_a_ping_is_answered(peer: Peer) -> None:
    session = await dial(me(peer))

    peer.send(9, b"are you there")

    await until(lambda: peer.pongs == [b"are you there"])
    await session.leave(2)


async def test_a_shutdown_goodbye_over_the_wire(peer: Peer) -> None:
    session = await dial(me(peer))

    peer.say([6, {}, "wamp.close.system_shutdown"])

    assert await asyncio.wait_for(session.ended(), 20) is True
    await until(lambda: peer.closed_with == 1000)
    assert peer.messages[-1] == [6, {}, "wamp.close.goodbye_and_out"]


async def test_a_close_frame_of_a_peer_that_goes_away_is_a_shutdown(peer: Peer) -> None:
    session = await dial(me(peer))

    peer.send(8, struct.pack("!H", 1001))

    assert await asyncio.wait_for(session.ended(), 20) is True


async def test_a_frame_that_is_no_frame_ends_the_session(peer: Peer) -> None:
    session = await dial(me(peer))

    peer.send(0x7, b"reserved")

    assert await asyncio.wait_for(session.ended(), 20) is False


async def test_a_server_with_another_subprotocol_is_a_failed_dial() -> None:
    peer = Peer(subprotocol="wamp.2.cbor")
    await peer.start()

    with pytest.raises(DialFailed):
        await dial(me(peer))

    await peer.stop()


async def test_the_kernel_watches_for_a_dead_peer(peer: Peer) -> None:
    session = await dial(me(peer))

    options = await asyncio.to_thread(_options_of_connection_to, peer.port)

    assert options["keepalive"] == 1
    assert options["user_timeout"] == 20_000
    await session.leave(2)


def _options_of_connection_to(port: int) -> dict[str, int]:
    import gc  # noqa: PLC0415 - the one place that looks for a socket from outside

    for candidate in gc.get_objects():
        if isinstance(candidate, socket.socket) and candidate.family == socket.AF_INET:
            try:
                remote = candidate.getpeername()
            except OSError:
                continue
            if remote[1] == port:
                return {
                    "keepalive": candidate.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                    "user_timeout": candidate.getsockopt(
                        socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT
                    ),
                }
    raise AssertionError("no such connection")


# --- TLS


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


async def test_a_certificate_of_a_trusted_authority_is_accepted(authority: Authority) -> None:
    peer = Peer()
    await peer.start(authority.server("localhost"))

    session = await dial(me(peer, "wss", "localhost"), {"SSL_CERT_FILE": str(authority.file)})

    assert session.connected
    await session.leave(2)
    await peer.stop()


async def test_a_certificate_of_another_authority_is_refused(
    authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "stranger")
    peer = Peer()
    await peer.start(stranger.server("localhost"))

    with pytest.raises(DialFailed, match="its certificate is refused"):
        await dial(me(peer, "wss", "localhost"), {"SSL_CERT_FILE": str(authority.file)})

    await peer.stop()


async def test_a_certificate_for_another_name_is_refused(authority: Authority) -> None:
    peer = Peer()
    await peer.start(authority.server("elsewhere.example"))

    with pytest.raises(DialFailed, match=r"[Hh]ostname mismatch"):
        await dial(me(peer, "wss", "localhost"), {"SSL_CERT_FILE": str(authority.file)})

    await peer.stop()


async def test_a_legacy_endpoint_is_not_verified_and_is_shown_our_certificate(
    authority: Authority,
) -> None:
    context = authority.server("whatever.example")
    context.load_verify_locations(authority.file)
    context.verify_mode = ssl.CERT_REQUIRED
    peer = Peer()
    await peer.start(context)
    certificate, key = authority.issue("device")
    # The rule looks at the whole URL, wherever in it the words are.
    who = replace(
        me(peer, "wss", path="/devices.example.com:8080"), certificate=certificate, private_key=key
    )

    session = await dial(who)

    assert session.connected
    assert peer.shown
    await session.leave(2)
    await peer.stop()


async def test_a_certificate_without_its_key_is_a_failed_dial(
    peer: Peer, authority: Authority
) -> None:
    certificate, _ = authority.issue("device")
    _, another_key = authority.issue("device")
    who = me(peer, "wss", path="/devices.example.com:8080")

    for pair in ((certificate, another_key), ("", ""), ("rubbish", "rubbish")):
        with pytest.raises(DialFailed):
            await dial(replace(who, certificate=pair[0], private_key=pair[1]))


# --- proxy


class Proxy:
    """Connects, or refuses."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.port = 0
        self.asked: list[str] = []
        self._refuses = refuses
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head)
        if self._refuses:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            writer.close()
            return
        port = int(head.split()[1].rpartition(":")[2])
        there, back = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._copy(reader, back))
            tasks.create_task(self._copy(there, writer))

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                sink.write(data)
        except ConnectionError:
            pass
        finally:
            sink.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    made = Proxy()
    await made.start()
    yield made
    await made.stop()


async def test_a_plain_connection_goes_through_the_proxy(peer: Peer, proxy: Proxy) -> None:
    environment = {"HTTP_PROXY": f"http://me:p%40ss@127.0.0.1:{proxy.port}"}

    session = await dial(me(peer, host="router.example"), environment)

    [head] = proxy.asked
    token = base64.b64encode(b"me:p@ss").decode()
    assert head.startswith(f"CONNECT router.example:{peer.port} HTTP/1.1\r\n")
    assert f"\r\nProxy-Authorization: Basic {token}\r\n" in head
    assert peer.headers["host"] == f"router.example:{peer.port}"
    await session.leave(2)


async def test_an_encrypted_connection_goes_through_the_proxy(
    proxy: Proxy, authority: Authority
) -> None:
    peer = Peer()
    await peer.start(authority.server("router.example"))
    environment = {
        "HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}",
        "SSL_CERT_FILE": str(authority.file),
    }

    session = await dial(me(peer, "wss", host="router.example"), environment)

    assert session.connected
    assert "Proxy-Authorization" not in proxy.asked[0]
    await session.leave(2)
    await peer.stop()


async def test_a_proxy_that_refuses_is_a_failed_dial(peer: Peer) -> None:
    proxy = Proxy(refuses=True)
    await proxy.start()

    with pytest.raises(DialFailed, match="407"):
        await dial(
            me(peer, host="router.example"), {"HTTP_PROXY": f"http://127.0.0.1:{proxy.port}"}
        )

    await proxy.stop()
