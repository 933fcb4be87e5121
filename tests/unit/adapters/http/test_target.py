from __future__ import annotations

import pytest

from reagent.adapters.http.target import Target
from reagent.adapters.net.endpoint import Endpoint
from reagent.adapters.net.proxies import Proxy
from reagent.errors import DownloadFailed


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://bucket.example/a/b", Endpoint("bucket.example", 80, "/a/b", secure=False)),
        ("https://bucket.example", Endpoint("bucket.example", 443, "/", secure=True)),
        ("https://[::1]:8443/a?b=c", Endpoint("::1", 8443, "/a?b=c", secure=True)),
        (
            "http://h/1.0.0+build/a b\u00e9#x",
            Endpoint("h", 80, "/1.0.0+build/a%20b%C3%A9", secure=False),
        ),
    ],
)
def test_a_url_taken_apart(url: str, endpoint: Endpoint) -> None:
    assert Target.of(url).endpoint == endpoint


@pytest.mark.parametrize(
    "url",
    ["", "bucket/a", "ftp://bucket/a", "file:///etc/passwd", "http://", "http://h:x/", "http://h:0/",
     "http://h:99999/", "http://b\u00fccket/a", "http://[::1/a", "http://h/\udc80", "http://h/?\udc80"],
)  # fmt: skip
def test_what_cannot_be_fetched_is_refused(url: str) -> None:
    with pytest.raises(DownloadFailed):
        Target.of(url)


def test_credentials_are_sent_and_never_shown() -> None:
    target = Target.of("https://me:p%40ss@bucket.example/a")

    assert "Authorization: Basic bWU6cEBzcw==" in target.request({}, None).decode()
    assert "p@ss" not in repr(target)
    assert target.shown == "https://bucket.example/a"
    with pytest.raises(DownloadFailed) as refused:
        Target.of("ftp://me:secret@bucket/a")
    assert "secret" not in str(refused.value)


def test_a_request_names_the_host_and_what_is_wanted() -> None:
    request = Target.of("http://bucket.example:81/a?b").request({"Range": "bytes=5-"}, None)

    lines = request.decode().split("\r\n")
    assert lines[:2] == ["GET /a?b HTTP/1.1", "Host: bucket.example:81"]
    assert "Range: bytes=5-" in lines
    assert request.endswith(b"\r\n\r\n")


def test_a_proxy_in_plain_text_gets_the_whole_url() -> None:
    proxy = Proxy("proxy", 3128, "me:p@ss")

    request = Target.of("http://bucket.example/a").request({}, proxy).decode()

    assert request.startswith("GET http://bucket.example/a HTTP/1.1\r\nHost: bucket.example\r\n")
    assert "Proxy-Authorization: Basic bWU6cEBzcw==" in request


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/b", "https://bucket.example/b"),
        ("b?c", "https://bucket.example/x/b?c"),
        ("//other.example/b", "https://other.example/b"),
        ("https://other.example:444/b", "https://other.example:444/b"),
    ],
)
def test_where_a_redirect_leads(location: str, url: str) -> None:
    assert Target.of("https://bucket.example/x/a").redirected(location).shown == url


@pytest.mark.parametrize(
    "location",
    ["", "http://bucket.example/a", "ftp://x/a", "http:///", "https://[::1", "//[", "https://h/\udc80"],
)  # fmt: skip
def test_a_redirect_to_nowhere_or_out_of_the_encryption_is_refused(location: str) -> None:
    with pytest.raises(DownloadFailed):
        Target.of("https://bucket.example/x/a").redirected(location)


def test_a_redirect_may_lead_into_encryption() -> None:
    target = Target.of("http://bucket.example/a").redirected("https://bucket.example/a")

    assert target.endpoint.secure


def test_credentials_do_not_follow_to_another_origin() -> None:
    target = Target.of("https://me:secret@bucket.example/a")

    assert target.redirected("/b").credentials == "me:secret"
    assert target.redirected("https://other.example/b").credentials == ""
    assert target.redirected("https://bucket.example:444/b").credentials == ""
