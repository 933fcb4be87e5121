"""What only Google's client shows: credentials, deadlines, and what is asked of Google in a copy."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from reagent_release.errors import Changed, StoreError
from reagent_release.store import Stat

pytest.importorskip("google.cloud.storage", reason="google-cloud-storage is not installed")
from reagent_release.gcs import GoogleBucket

STAT = Stat("linux/amd64/1.0.0/reagent", 7, 1234, "crc32c:x", "public, max-age=0", "text/plain")


class Google(ThreadingHTTPServer):
    """Answers every request with one status, after a listing that succeeds."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 412
        self.asked: list[str] = []
        self.stays_silent = threading.Event()
        self.over = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    server: Google

    def do_GET(self) -> None:
        self._answer(200, b"{}")

    def do_POST(self) -> None:
        self.server.asked.append(self.path)
        if self.server.stays_silent.is_set():
            self.server.over.wait(20)
            return
        self._answer(self.server.status, b'{"error": {"message": "said by Google"}}')

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    with Google() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{server.server_port}")
        yield server
        server.over.set()
        server.shutdown()
        thread.join(10)


def test_a_copy_asks_google_to_hold_to_both_generations(google: Google) -> None:
    bucket = GoogleBucket("re-agent")

    with pytest.raises(Changed):
        bucket.copy(STAT, "linux/amd64/latest/reagent", replacing=99)

    (asked,) = google.asked
    query = parse_qs(urlsplit(asked).query)
    assert query["ifGenerationMatch"] == ["99"]
    assert query["ifSourceGenerationMatch"] == ["1234"]


def test_what_google_refuses_is_a_store_error_with_its_words(google: Google) -> None:
    google.status = 403
    bucket = GoogleBucket("re-agent")

    with pytest.raises(StoreError, match=r"version\.txt was not written.*said by Google"):
        bucket.put("version.txt", b"1.0.0\n", replacing=0)


def test_a_google_that_says_nothing_is_given_up(google: Google) -> None:
    google.stays_silent.set()
    bucket = GoogleBucket("re-agent", request_s=(0.5, 0.3), retries_s=1.0)
    began = time.monotonic()

    with pytest.raises(StoreError, match=r"version\.txt was not written"):
        bucket.put("version.txt", b"1.0.0\n", replacing=0)

    assert time.monotonic() - began < 10


def test_nobody_there_is_a_store_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")

    with pytest.raises(StoreError, match="no way into gs://re-agent"):
        GoogleBucket("re-agent", request_s=(0.5, 0.5), retries_s=1.0)


def test_without_credentials_the_way_to_them_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDSDK_CONFIG", "/nowhere")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)

    with pytest.raises(StoreError, match="gcloud auth application-default login"):
        GoogleBucket("re-agent")
