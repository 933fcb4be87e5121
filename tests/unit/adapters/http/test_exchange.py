"""Getting an answer: redirects, proxies, certificates, silence."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from reagent.adapters.http.download import Patience
from reagent.adapters.http.downloads import HttpDownloads
from reagent.errors import CertificateDate, DownloadFailed
from tests.fakes.authority import Authority
from tests.unit.adapters.http.conftest import Server

_PATIENCE = Patience(step=1.0, silence=0.3, pause=0.01)


async def text(downloads: HttpDownloads, url: str) -> bytes:
    return await downloads.document(url, most=1024, within=5.0)


# --- status and redirects


@pytest.mark.parametrize("status", [204, 206, 304, 400, 403, 404, 500, 503])
async def test_every_status_but_200_is_refused(
    server: Server, downloads: HttpDownloads, status: int
) -> None:
    server.answers(status, b"1.0.1")

    with pytest.raises(DownloadFailed, match=f"answers {status}, not 200"):
        await text(downloads, server.url)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(
    server: Server, downloads: HttpDownloads, status: int
) -> None:
    server.redirects("/elsewhere", status)
    server.answers(200, b"1.0.1")

    assert await text(downloads, server.url) == b"1.0.1"
    assert server.path() == "/elsewhere"


async def test_a_redirect_to_an_error_is_the_error(
    server: Server, downloads: HttpDownloads
) -> None:
    server.redirects("/error")
    server.answers(500, b"<html>oops</html>")

    with pytest.raises(DownloadFailed, match="/error answers 500"):
        await text(downloads, server.url)


async def test_redirects_have_an_end(server: Server, downloads: HttpDownloads) -> None:
    server.redirects("?again")

    with pytest.raises(DownloadFailed, match="more than 5 times"):
        await text(downloads, server.url)

    assert len(server.requests) == 6


async def test_a_document_in_chunks_is_put_together(
    server: Server, downloads: HttpDownloads
) -> None:
    server.sends(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"3\r\n1.0\r\n2\r\n.1\r\n0\r\n\r\n",
    )

    assert await text(downloads, server.url) == b"1.0.1"


async def test_a_document_is_asked_for_past_caches(
    server: Server, downloads: HttpDownloads
) -> None:
    server.answers(200, b"")

    await text(downloads, server.url)

    assert server.header("cache-control") == "no-cache"
    assert server.header("accept-encoding") == "identity"


# --- no answer


async def test_nobody_listens(server: Server, downloads: HttpDownloads) -> None:
    await server.stop()

    with pytest.raises(DownloadFailed, match=r"127\.0\.0\.1"):
        await text(downloads, server.url)


async def test_a_server_that_says_nothing(server: Server, downloads: HttpDownloads) -> None:
    server.sends(then_silent=True)

    with pytest.raises(DownloadFailed, match=r"no answer within 0\.3 s"):
        await text(downloads, server.url)


async def test_a_server_that_hangs_up_at_once(server: Server, downloads: HttpDownloads) -> None:
    server.sends()

    with pytest.raises(DownloadFailed, match="ended early"):
        await text(downloads, server.url)


async def test_what_is_no_http(server: Server, downloads: HttpDownloads) -> None:
    server.sends(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")

    with pytest.raises(DownloadFailed, match="not HTTP"):
        await text(downloads, server.url)


async def test_half_a_document(server: Server, downloads: HttpDownloads) -> None:
    server.answers(200, b"1.0", content_length="5")

    with pytest.raises(DownloadFailed, match="ended early"):
        await text(downloads, server.url)


async def test_a_document_that_drips_has_ten_seconds_in_all(server: Server) -> None:
    downloads = HttpDownloads({}, Patience(step=1.0, silence=30.0))
    server.sends(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x"] * 50, every=0.02)

    with pytest.raises(DownloadFailed, match=r"no whole answer within 0\.2 s"):
        await downloads.document(server.url, most=1024, within=0.2)


async def test_a_name_that_does_not_exist(downloads: HttpDownloads) -> None:
    with pytest.raises(DownloadFailed, match=r"nowhere\.invalid"):
        await text(downloads, "http://nowhere.invalid/file")


# --- certificates


async def encrypted(
    server: Server, authority: Authority, host: str = "localhost", **validity: timedelta
) -> str:
    """Serve under a certificate for a host; returns the URL."""
    await server.stop()
    await server.start(authority.server(host, **validity))
    server.answers(200, b"1.0.1")
    return f"https://{host}:{server.port}/file"


async def test_the_devices_authorities_are_trusted(server: Server, authority: Authority) -> None:
    url = await encrypted(server, authority)
    downloads = HttpDownloads({"SSL_CERT_FILE": str(authority.file)}, _PATIENCE)

    assert await text(downloads, url) == b"1.0.1"


async def test_other_authorities_are_not(server: Server, authority: Authority) -> None:
    url = await encrypted(server, authority)

    with pytest.raises(DownloadFailed, match="certificate is refused"):
        await text(HttpDownloads({}, _PATIENCE), url)


@pytest.mark.parametrize(("starts", "ends"), [(-2, -1), (1, 2)])
async def test_a_certificate_of_another_time_is_told_apart(
    server: Server, authority: Authority, starts: int, ends: int
) -> None:
    url = await encrypted(
        server, authority, starts=timedelta(hours=starts), ends=timedelta(hours=ends)
    )
    downloads = HttpDownloads({"SSL_CERT_FILE": str(authority.file)}, _PATIENCE)

    with pytest.raises(CertificateDate, match=r"expired|not yet valid"):
        await text(downloads, url)


async def test_a_certificate_for_another_name_is_no_matter_of_dates(
    server: Server, authority: Authority
) -> None:
    url = (await encrypted(server, authority)).replace("localhost", "127.0.0.1")
    downloads = HttpDownloads({"SSL_CERT_FILE": str(authority.file)}, _PATIENCE)

    with pytest.raises(DownloadFailed) as refused:
        await text(downloads, url)

    assert not isinstance(refused.value, CertificateDate)


async def test_out_of_the_encryption_no_redirect_is_followed(
    server: Server, authority: Authority
) -> None:
    url = await encrypted(server, authority)
    server._answers.clear()
    server.redirects("http://127.0.0.1:1/file")
    downloads = HttpDownloads({"SSL_CERT_FILE": str(authority.file)}, _PATIENCE)

    with pytest.raises(DownloadFailed, match="which is not encrypted"):
        await text(downloads, url)


# --- proxies


async def test_a_proxy_fetches_what_is_not_encrypted(server: Server) -> None:
    server.answers(200, b"1.0.1")
    downloads = HttpDownloads(
        {"HTTP_PROXY": f"http://me:p%40ss@127.0.0.1:{server.port}"}, _PATIENCE
    )

    assert await text(downloads, "http://bucket.example/file") == b"1.0.1"

    assert server.path() == "http://bucket.example/file"
    assert server.header("host") == "bucket.example"
    assert server.header("proxy-authorization") == "Basic bWU6cEBzcw=="


async def test_no_proxy_for_what_is_excluded(server: Server) -> None:
    server.answers(200, b"1.0.1")
    downloads = HttpDownloads({"HTTP_PROXY": "http://127.0.0.1:1"}, _PATIENCE)

    assert await text(downloads, server.url) == b"1.0.1"
    assert server.path() == "/file"


async def test_a_proxy_connects_to_what_is_encrypted(server: Server, authority: Authority) -> None:
    url = await encrypted(server, authority, "bucket.example")
    connected: list[str] = []

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append((await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[0])
        there, back = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_copy(reader, back))
            tasks.create_task(_copy(there, writer))

    proxy = await asyncio.start_server(connect, "127.0.0.1", 0)
    environment = {
        "HTTPS_PROXY": f"127.0.0.1:{proxy.sockets[0].getsockname()[1]}",
        "SSL_CERT_FILE": str(authority.file),
    }

    content = await text(HttpDownloads(environment, _PATIENCE), url)

    assert content == b"1.0.1"
    assert connected == [f"CONNECT bucket.example:{server.port} HTTP/1.1"]
    proxy.close()


async def test_a_proxy_that_refuses_is_named(server: Server) -> None:
    server.sends(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
    downloads = HttpDownloads({"HTTPS_PROXY": f"http://127.0.0.1:{server.port}"}, _PATIENCE)

    with pytest.raises(DownloadFailed, match=r"the proxy refused: HTTP/1\.1 407"):
        await text(downloads, "https://bucket.example/file")


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            sink.write(data)
    except ConnectionError:
        pass
    finally:
        sink.close()


# --- what is verified by other means


async def encrypted_long_ago(server: Server, authority: Authority) -> str:
    """Serve under a certificate that is expired; returns the URL."""
    return await encrypted(server, authority, starts=timedelta(hours=-2), ends=timedelta(hours=-1))


async def test_what_is_signed_is_fetched_from_whoever_has_it(
    server: Server, authority: Authority
) -> None:
    """A certificate of another time, of nobody's authority, for another name, all at once."""
    url = (await encrypted_long_ago(server, authority)).replace("localhost", "127.0.0.1")
    downloads = HttpDownloads({}, _PATIENCE, any_certificate=True)

    assert await text(downloads, url) == b"1.0.1"


async def test_a_device_without_any_authorities_fetches_it_too(
    server: Server, authority: Authority, tmp_path: Path
) -> None:
    url = await encrypted(server, authority)
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("")
    downloads = HttpDownloads({"SSL_CERT_FILE": str(nothing)}, _PATIENCE, any_certificate=True)

    assert await text(downloads, url) == b"1.0.1"


async def test_who_does_not_prove_who_it_is_is_shown_no_credentials(
    server: Server, authority: Authority
) -> None:
    url = await encrypted_long_ago(server, authority)
    downloads = HttpDownloads(
        {"SSL_CERT_FILE": str(authority.file)}, _PATIENCE, any_certificate=True
    )

    await text(downloads, url.replace("https://", "https://user:secret@"))

    assert server.header("authorization") == ""


async def test_who_proves_it_is_shown_them(server: Server, authority: Authority) -> None:
    url = await encrypted(server, authority)
    downloads = HttpDownloads(
        {"SSL_CERT_FILE": str(authority.file)}, _PATIENCE, any_certificate=True
    )

    await text(downloads, url.replace("https://", "https://user:secret@"))

    assert server.header("authorization") == "Basic dXNlcjpzZWNyZXQ="


async def test_a_certificate_that_is_refused_is_no_way_out_of_the_encryption(
    server: Server, authority: Authority
) -> None:
    url = await encrypted_long_ago(server, authority)
    server._answers.clear()
    server.redirects("http://127.0.0.1:1/file")
    downloads = HttpDownloads({}, _PATIENCE, any_certificate=True)

    with pytest.raises(DownloadFailed, match="which is not encrypted"):
        await text(downloads, url)
