"""What devices rely on when they ask a bucket over HTTP: the sandbox's server, and Google's."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from reagent_release import layout
from reagent_release.errors import StoreError
from reagent_release.folder import FolderBucket
from reagent_release.store import ABSENT, Bucket
from sandbox.bucket import Bucket as Server
from sandbox.gcs import GoogleEmulator
from tests.contract.test_bucket import emulator  # noqa: F401  # pytest finds it by its name

pytestmark = pytest.mark.timeout(300)  # the first run builds fake-gcs-server

NAME = "linux/amd64/1.0.1/reagent"
CONTENT = os.urandom(1_000_003)


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Served:
    """A bucket, and where devices find it."""

    store: Bucket
    port: int
    name: str

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """One request, of an object by its name."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, f"/{self.name}/{path}", headers=named)
            answer = connection.getresponse()
            lowered = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, lowered, answer.read())
        finally:
            connection.close()


@pytest.fixture(params=["sandbox", "google"])
def served(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    if request.param == "sandbox":
        with Server(tmp_path) as server:
            yield Served(server.store, server.port, layout.BUCKET)
        return
    from reagent_release.gcs import GoogleBucket  # noqa: PLC0415 - not installed everywhere

    google: GoogleEmulator = request.getfixturevalue("emulator")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", google.address)
    name = f"bucket-{uuid4().hex}"
    google.make(name)
    yield Served(GoogleBucket(name), google.port, name)


def test_an_object_comes_whole_with_its_length_and_is_never_stale(served: Served) -> None:
    served.store.put(NAME, CONTENT, replacing=ABSENT)

    answer = served.ask(NAME)

    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["cache-control"] == "public, max-age=0"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"]


def test_what_is_not_there_is_a_404(served: Served) -> None:
    assert served.ask(NAME).status == 404
    assert served.ask(layout.MANIFEST).status == 404


def test_a_head_tells_the_length_without_the_bytes(served: Served) -> None:
    served.store.put(NAME, CONTENT, replacing=ABSENT)

    answer = served.ask(NAME, "HEAD")

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == str(len(CONTENT))


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-99", slice(0, 100)),
        ("bytes=1000000-", slice(1_000_000, None)),
        ("bytes=-5", slice(-5, None)),
        ("bytes=1000000-9999999", slice(1_000_000, None)),
    ],
)
def test_a_part_can_be_asked_for(served: Served, asked: str, part: slice) -> None:
    served.store.put(NAME, CONTENT, replacing=ABSENT)

    answer = served.ask(NAME, Range=asked)

    first, last = range(len(CONTENT))[part][0], range(len(CONTENT))[part][-1]
    assert (answer.status, answer.body) == (206, CONTENT[part])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(CONTENT)}"


def test_a_part_behind_the_end_is_refused(served: Served) -> None:
    served.store.put(NAME, CONTENT, replacing=ABSENT)

    assert served.ask(NAME, Range=f"bytes={len(CONTENT)}-").status == 416


def test_the_tag_follows_the_content(served: Served) -> None:
    first = served.store.put(NAME, b"first", replacing=ABSENT)
    tag = served.ask(NAME).headers["etag"]
    assert served.ask(NAME).headers["etag"] == tag

    served.store.put(NAME, b"second", replacing=first.generation)

    assert served.ask(NAME).headers["etag"] != tag


# --- the sandbox's own


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path) as made:
        yield made


def served_by(server: Server) -> Served:
    return Served(server.store, server.port, layout.BUCKET)


@pytest.mark.parametrize(
    "path", ["../.lock", ".hidden", "%2e%2e/.lock", "a/../../.lock", "", "linux", "%00"]
)
def test_nothing_but_objects_is_served(server: Server, path: str) -> None:
    server.put(NAME, CONTENT)

    assert served_by(server).ask(path).status == 404


def test_a_tag_that_is_known_is_not_modified(server: Server) -> None:
    server.put(NAME, CONTENT)
    tag = served_by(server).ask(NAME).headers["etag"]

    answer = served_by(server).ask(NAME, If_None_Match=tag)

    assert (answer.status, answer.body) == (304, b"")


def test_a_part_of_something_replaced_is_not_mixed_into_the_old(server: Server) -> None:
    served = served_by(server)
    server.put(NAME, b"the first one")
    tag = served.ask(NAME).headers["etag"]
    assert served.ask(NAME, Range="bytes=4-", If_Range=tag).body == b"first one"
    server.put(NAME, b"the second one")

    answer = served.ask(NAME, Range="bytes=4-", If_Range=tag)

    assert (answer.status, answer.body) == (200, b"the second one")


def test_a_release_is_put_there_in_two_words(server: Server) -> None:
    server.publish("1.0.1", CONTENT)
    server.roll_out("1.0.1")
    server.roll_out("1.0.2", "test")

    served = served_by(server)
    (name,) = [each.name for each in server.store.names("") if each.name.endswith("reagent")]
    assert served.ask(name).body == CONTENT
    assert served.ask(f"{name}.sha256").body == f"{hashlib.sha256(CONTENT).hexdigest()}\n".encode()
    assert json.loads(served.ask(layout.MANIFEST).body) == {
        "production": "1.0.1",
        "test": "1.0.2",
        "local": "1.0.1",
        "all": "1.0.1",
    }


async def test_requests_are_kept_and_can_be_waited_for(server: Server) -> None:
    server.put(NAME, CONTENT)
    served_by(server).ask(NAME, Range="bytes=0-9")
    served_by(server).ask("nothing")

    (request,) = await server.answered("*/reagent")

    assert (request.path, request.status, request.sent) == (f"re-agent/{NAME}", 206, 10)
    assert request.headers["range"] == "bytes=0-9"
    assert [each.status for each in server.requests] == [206, 404]
    with pytest.raises(TimeoutError, match=r"asked was.*404"):
        await server.answered("*/never", within=0.01)


def test_a_bucket_may_be_written_while_it_is_down(server: Server) -> None:
    port = server.port
    server.stop()

    FolderBucket(server.root).put(NAME, CONTENT, replacing=ABSENT)
    with pytest.raises(ConnectionError):
        Served(server.store, port, layout.BUCKET).ask(NAME)
    server.start()

    assert server.port == port
    assert served_by(server).ask(NAME).body == CONTENT


def test_names_that_are_none_are_refused_when_they_are_put(server: Server) -> None:
    make: Callable[[], None] = lambda: server.put("../x", b"")  # noqa: E731

    with pytest.raises(StoreError):
        make()
