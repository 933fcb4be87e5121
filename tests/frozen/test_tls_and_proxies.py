"""wss, old endpoints with client certificates, and proxies (docs/contract/wamp.md 1.1, 1.4)."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from sandbox.cloud import Cloud
from sandbox.program import Program
from sandbox.under_test import patient
from tests.frozen.platform import SECRET, connected
from tests.frozen.scripted_router import ScriptedRouter

pytestmark = pytest.mark.timeout(60)


class Certificate:
    """A self-signed certificate for 127.0.0.1, its key, and a file with both.

    An old one has a key that nobody would make today.
    """

    def __init__(self, folder: Path, name: str, *, old: bool = False) -> None:
        key = (
            rsa.generate_private_key(public_exponent=65537, key_size=1024)
            if old
            else ec.generate_private_key(ec.SECP256R1())
        )
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = dt.datetime.now(dt.UTC)
        names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.pem = made.public_bytes(serialization.Encoding.PEM).decode()
        self.key = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
        self.file = folder / f"{name}.pem"
        self.file.write_text(self.pem + self.key, encoding="ascii")

    def serving(self, *, clients: Certificate | None = None) -> ssl.SSLContext:
        """A server's context; with `clients` it demands a certificate of theirs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.load_cert_chain(self.file)
        if clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=clients.pem)
        return context


class Proxy:
    """Grants every CONNECT and pours into one port, whatever was asked for."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._tasks: set[asyncio.Task[None]] = set()
        self.requests: list[str] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
        source, sink = await asyncio.open_connection("127.0.0.1", self._target)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def pour(one: asyncio.StreamReader, other: asyncio.StreamWriter) -> None:
            while data := await one.read(65536):
                other.write(data)
            other.close()

        try:
            await asyncio.gather(pour(reader, sink), pour(source, writer))
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()
            sink.transport.abort()

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def proxy_to(router: ScriptedRouter) -> AsyncIterator[Proxy]:
    proxy = Proxy(router.port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        await proxy.end()
        server.close()


async def test_a_router_whose_certificate_is_trusted_is_joined(
    cloud: Cloud, program: Program, tmp_path: Path
) -> None:
    certificate = Certificate(tmp_path, "router.example")
    async with ScriptedRouter(certificate.serving()) as router:
        device = cloud.new_device(program, changes={"device_endpoint_url": router.url})
        device.environment["SSL_CERT_FILE"] = str(certificate.file)

        await device.start()
        await connected(router)

        assert router.certificates[0] == {}  # no client certificate is shown
        await device.close()


async def test_a_router_whose_certificate_is_not_trusted_learns_nothing(
    cloud: Cloud, program: Program, tmp_path: Path
) -> None:
    certificate = Certificate(tmp_path, "router.example")
    async with ScriptedRouter(certificate.serving()) as router:
        device = cloud.new_device(program, changes={"device_endpoint_url": router.url})

        await device.start()
        entry = await device.logged("dial failed")
        await asyncio.sleep(patient(1.0))

        assert "certificate" in str(entry["error"]).lower()
        assert router.requests == []
        assert device.running
        await device.close()


@pytest.mark.parametrize("old", [False, True], ids=["of today", "of old"])
async def test_an_old_endpoint_is_shown_a_certificate_and_is_not_verified(
    cloud: Cloud, program: Program, tmp_path: Path, *, old: bool
) -> None:
    names = ("nobody.example", "device-4021")
    server, client = (Certificate(tmp_path, name, old=old) for name in names)
    async with (
        ScriptedRouter(server.serving(clients=client)) as router,
        proxy_to(router) as proxy,
    ):
        device = cloud.new_device(
            program,
            changes={
                "device_endpoint_url": "wss://devices.ironflock.com:8080",
                "authentication": {"key": client.key, "certificate": client.pem},
                "secret": SECRET,
            },
        )
        device.environment["HTTPS_PROXY"] = f"http://127.0.0.1:{proxy.port}"

        await device.start()
        await connected(router)

        assert proxy.requests[0].startswith("CONNECT devices.ironflock.com:8080 HTTP/1.1\r\n")
        assert "device-4021" in str(router.certificates[0]["subject"])
        await device.close()


async def test_an_old_endpoint_without_a_usable_certificate_is_dialled_for_ever(
    cloud: Cloud, program: Program
) -> None:
    device = cloud.new_device(
        program,
        changes={
            "device_endpoint_url": "wss://devices.ironflock.com:8080",
            "authentication": {"key": "no key", "certificate": "no certificate"},
        },
    )
    device.environment["HTTPS_PROXY"] = "http://127.0.0.1:9"

    await device.start()
    await device.logged("dial failed")
    await asyncio.sleep(patient(1.0))

    assert device.running
    assert await device.stop() == 0


async def test_a_proxy_of_the_environment_is_asked_for_everything_but_loopback(
    cloud: Cloud, program: Program
) -> None:
    async with ScriptedRouter() as router, proxy_to(router) as proxy:
        device = cloud.new_device(
            program, changes={"device_endpoint_url": "ws://router.example.com/ws-re-dev"}
        )
        device.environment["HTTP_PROXY"] = f"http://robot:p%40ss@127.0.0.1:{proxy.port}"

        await device.start()
        await connected(router)

        request = proxy.requests[0]
        assert request.startswith("CONNECT router.example.com:80 HTTP/1.1\r\n")
        token = base64.b64encode(b"robot:p@ss").decode()
        assert f"Proxy-Authorization: Basic {token}\r\n" in request
        assert router.requests[0].startswith("GET /ws-re-dev HTTP/1.1\r\n")
        assert "\r\nHost: router.example.com\r\n" in router.requests[0]
        said = device.printed() + device.log.read_text("utf-8")
        assert "p@ss" not in said
        assert "p%40ss" not in said
        await device.close()


async def test_no_proxy_names_those_that_are_reached_directly(
    cloud: Cloud, program: Program
) -> None:
    async with ScriptedRouter() as router, proxy_to(router) as proxy:
        device = cloud.new_device(
            program, changes={"device_endpoint_url": "ws://no-such-host.invalid/ws"}
        )
        device.environment |= {
            "HTTP_PROXY": f"http://127.0.0.1:{proxy.port}",
            "NO_PROXY": "example.org,.invalid",
        }

        await device.start()
        await device.logged("dial failed")

        assert proxy.requests == []
        await device.close()
