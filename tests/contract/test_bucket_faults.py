"""What a bucket of the sandbox does when it is told to: faults are only good if they are these."""

from __future__ import annotations

import asyncio
import http.client
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sandbox.bucket import Bucket
from sandbox.bucket_faults import Fault
from tests.contract.test_bucket_http import Answer, Served

NAME = "linux/amd64/1.0.1/reagent"
CONTENT = bytes(range(256)) * 4000
HALF = CONTENT[: len(CONTENT) // 2]


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Bucket]:
    with Bucket(tmp_path) as made:
        made.put(NAME, CONTENT)
        made.put(f"{NAME}.sha256", b"a" * 64 + b"\n")
        made.put("availableVersions.json", b"{}\n")
        yield made


def ask(bucket: Bucket, name: str = NAME) -> Answer:
    return Served(bucket.store, bucket.port, "re-agent").ask(name)


@pytest.mark.parametrize(
    ("fault", "status", "begins"),
    [
        (Fault.NOT_FOUND, 404, b"<html>"),
        (Fault.SERVER_ERROR, 503, b"<html>"),
        (Fault.CAPTIVE_PORTAL, 200, b"<html>"),
        (Fault.REDIRECT_TO_ERROR, 302, b""),
        (Fault.REDIRECT_AWAY, 302, b""),
        (Fault.REDIRECT_LOOP, 302, b""),
        (Fault.EMPTY, 200, b""),
    ],
)
def test_another_answer_than_the_executable(
    bucket: Bucket, fault: Fault, status: int, begins: bytes
) -> None:
    bucket.break_with(fault)

    answer = ask(bucket)

    assert answer.status == status
    assert answer.body.startswith(begins)
    assert len(answer.body) == int(answer.headers["content-length"]) < 100
    assert ask(bucket, f"{NAME}.sha256").body == b"a" * 64 + b"\n"


@pytest.mark.parametrize(
    ("fault", "body"),
    [
        (Fault.WRONG_CHECKSUM, b"0" * 64 + b"\n"),
        (Fault.EMPTY_CHECKSUM, b""),
        (Fault.JUNK_CHECKSUM, b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>"),
    ],
)
def test_another_checksum_and_the_executable_as_it_is(
    bucket: Bucket, fault: Fault, body: bytes
) -> None:
    bucket.break_with(fault)

    assert ask(bucket, f"{NAME}.sha256").body == body
    assert ask(bucket).body == CONTENT


def test_no_checksum(bucket: Bucket) -> None:
    bucket.break_with(Fault.MISSING_CHECKSUM)

    assert ask(bucket, f"{NAME}.sha256").status == 404


def test_a_version_file_holds_what_was_said(bucket: Bucket) -> None:
    bucket.break_with(Fault.BROKEN_VERSIONS, content=b"\0\0")

    assert ask(bucket, "availableVersions.json").body == b"\0\0"


def test_a_redirect_to_an_error_leads_to_one(bucket: Bucket) -> None:
    bucket.break_with(Fault.REDIRECT_TO_ERROR)

    location = ask(bucket).headers["location"]

    assert Served(bucket.store, bucket.port, "").ask(location.lstrip("/")).status in {404, 500}
    with closing(http.client.HTTPConnection("127.0.0.1", bucket.port, timeout=5)) as connection:
        connection.request("GET", location)
        assert connection.getresponse().status == 500


def test_a_redirect_away_leads_to_the_file_at_another_origin(bucket: Bucket) -> None:
    bucket.break_with(Fault.REDIRECT_AWAY)

    location = ask(bucket).headers["location"]

    assert location == f"http://localhost:{bucket.port}/re-agent/{NAME}"
    with closing(http.client.HTTPConnection("127.0.0.1", bucket.port, timeout=5)) as connection:
        connection.request("GET", f"/re-agent/{NAME}", headers={"Host": f"localhost:{bucket.port}"})
        assert connection.getresponse().read() == CONTENT


def test_half_a_file_breaks_its_promise(bucket: Bucket) -> None:
    bucket.break_with(Fault.HALF_A_FILE)

    with pytest.raises(http.client.IncompleteRead) as broken:
        ask(bucket)

    assert broken.value.partial == HALF


def test_a_short_file_keeps_its_promise(bucket: Bucket) -> None:
    bucket.break_with(Fault.SHORT_FILE)

    answer = ask(bucket)

    assert (answer.status, answer.body) == (200, HALF)
    assert answer.headers["content-length"] == str(len(HALF))


def test_one_byte_is_wrong_and_the_length_right(bucket: Bucket) -> None:
    bucket.break_with(Fault.FLIPPED_BYTE)

    body = ask(bucket).body

    assert len(body) == len(CONTENT)
    assert sum(one != other for one, other in zip(body, CONTENT, strict=True)) == 1


@pytest.mark.parametrize("fault", [Fault.CHUNKED, Fault.NO_LENGTH])
def test_everything_comes_and_no_length(bucket: Bucket, fault: Fault) -> None:
    bucket.break_with(fault)

    answer = ask(bucket)

    assert answer.body == CONTENT
    assert "content-length" not in answer.headers


def test_a_reset_is_no_end(bucket: Bucket) -> None:
    bucket.break_with(Fault.RESET)

    with pytest.raises(ConnectionResetError):
        ask(bucket)


@pytest.mark.parametrize(("fault", "sent"), [(Fault.STALL, len(HALF)), (Fault.SILENT, 0)])
async def test_silence_lasts_until_it_is_healed(bucket: Bucket, fault: Fault, sent: int) -> None:
    bucket.break_with(fault)
    asking = asyncio.create_task(asyncio.to_thread(ask, bucket))
    await bucket.until(lambda requests: bool(requests) and requests[0].sent == sent)
    assert not bucket.requests[0].done

    bucket.heal()

    with pytest.raises((http.client.HTTPException, ConnectionError)):
        await asking
    assert ask(bucket).body == CONTENT


def test_slow_is_slow_and_whole(bucket: Bucket) -> None:
    bucket.break_with(Fault.SLOW, bytes_per_s=5_000_000)
    began = time.monotonic()

    assert ask(bucket).body == CONTENT

    assert time.monotonic() - began > 0.1


def test_nobody_listens_until_it_is_healed(bucket: Bucket) -> None:
    port = bucket.port
    bucket.break_with(Fault.UNREACHABLE)
    with pytest.raises(ConnectionRefusedError):
        Served(bucket.store, port, "re-agent").ask(NAME)

    bucket.heal()

    assert bucket.port == port
    assert ask(bucket).body == CONTENT


def test_a_fault_may_strike_a_few_times_and_in_one_place(bucket: Bucket) -> None:
    bucket.put("linux/arm64/1.0.1/reagent", CONTENT)
    bucket.break_with(Fault.NOT_FOUND, only="*/arm64/*", times=2)

    assert [ask(bucket, "linux/arm64/1.0.1/reagent").status for _ in range(3)] == [404, 404, 200]
    assert ask(bucket).status == 200


async def test_closing_lets_go_of_who_is_stuck(bucket: Bucket) -> None:
    bucket.break_with(Fault.SILENT)
    asking = asyncio.create_task(asyncio.to_thread(ask, bucket))
    await bucket.until(bool)

    bucket.close()

    with pytest.raises((http.client.HTTPException, ConnectionError)):
        await asking
