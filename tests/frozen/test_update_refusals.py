"""What lies in a bucket and is of no use: refused with a clear line, nothing is left behind, and the
next good version is taken all the same (docs/contract/system.md 4.5, 4.6, 9.2).

As far as staging: the trial that follows has tests of its own. The versions here are executables of
a few bytes that say a version, and some padding.
"""

from __future__ import annotations

import hashlib
import os
import resource
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from reagent_release import layout
from sandbox.bucket import Bucket
from sandbox.bucket_faults import Fault
from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.program import Program
from sandbox.under_test import target
from tests.frozen.steps import online, until
from tests.frozen.tiny import elf

BAD, GOOD = "9.0.1", "9.0.2"
PADDING = os.urandom(600_000)
NOTHING = {
    "CurrentVersion": "",
    "LatestVersion": "",
    "Message": "",
    "DidAgentUpdate": False,
    "DidTunnelUpdate": False,
    "DidUpdate": False,
    "InProgress": False,
    "TotalFileSize": 0,
}
DONE = {**NOTHING, "DidAgentUpdate": True, "DidUpdate": True}


def executable(version: str) -> bytes:
    return elf(version) + PADDING


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Bucket]:
    with Bucket(tmp_path / "bucket") as made:
        made.publish(BAD, executable(BAD))
        made.roll_out(BAD)
        yield made


@dataclass(frozen=True, slots=True)
class Field:
    """A device that looks into a bucket when it is told to, and never switches versions.

    Its -agentDir is another folder than the one it was started from: it stages, and that is all.
    """

    device: Device
    bucket: Bucket
    caller: Caller
    folder: Path

    async def update(self) -> object:
        """Ask for an update; the answer."""
        return (await self.caller.ask(self.device.identity, "update_agent")).value

    @property
    def versions(self) -> list[str]:
        return sorted(each.name for each in self.folder.iterdir() if "reagent-" in each.name)

    @property
    def leftovers(self) -> list[str]:
        return [each.name for each in (self.folder / "downloads").iterdir()]

    async def refused(self, says: str) -> None:
        """The bad version is refused with such a line in the log, and leaves nothing."""
        assert await self.update() == NOTHING
        await self.device.logged(
            lambda entry: "no update" in str(entry["message"]) and says in str(entry.get("error"))
        )
        assert self.versions == []
        assert self.leftovers == []

    async def takes_the_next_one(self) -> None:
        """A good version is staged, complete and of the oldest date."""
        self.bucket.heal()
        self.bucket.publish(GOOD, executable(GOOD))
        self.bucket.roll_out(GOOD)
        assert await self.update() == DONE
        assert self.versions == [f"reagent-v{GOOD}"]
        staged = self.folder / f"reagent-v{GOOD}"
        assert staged.read_bytes() == executable(GOOD)
        assert staged.stat().st_mode & 0o7777 == 0o755
        assert staged.stat().st_mtime == 1
        assert self.leftovers == []


@pytest.fixture
async def field(
    cloud: Cloud, program: Program, bucket: Bucket, tmp_path: Path
) -> AsyncIterator[Field]:
    folder = tmp_path / "elsewhere"
    flags = (f"-remoteUpdateURL={bucket.url}", f"-agentDir={folder}", "-update=false")
    device = cloud.new_device(program, flags=flags)
    await online(cloud, device)
    async with Caller(cloud.router, "501", within=150.0) as caller:
        yield Field(device, bucket, caller, folder)


# --- the file


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault.NOT_FOUND, "answers 404, not 200"),
        (Fault.SERVER_ERROR, "answers 503, not 200"),
        (Fault.CAPTIVE_PORTAL, "digest"),
        (Fault.REDIRECT_TO_ERROR, "/error answers 500, not 200"),
        (Fault.REDIRECT_LOOP, "redirects more than"),
        (Fault.HALF_A_FILE, "ended early"),
        (Fault.SHORT_FILE, "digest"),
        (Fault.EMPTY, "is empty"),
        (Fault.FLIPPED_BYTE, "digest"),
        (Fault.CHUNKED, "says no length"),
        (Fault.NO_LENGTH, "says no length"),
        (Fault.RESET, "bytes came"),
    ],
)
async def test_a_file_that_does_not_come_as_it_was_published(
    field: Field, fault: Fault, says: str
) -> None:
    field.bucket.break_with(fault)

    await field.refused(says)

    await field.takes_the_next_one()


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault.WRONG_CHECKSUM, "digest"),
        (Fault.MISSING_CHECKSUM, "reagent.sha256 answers 404"),
        (Fault.JUNK_CHECKSUM, "holds no SHA-256"),
        (Fault.EMPTY_CHECKSUM, "holds no SHA-256"),
    ],
)
async def test_a_checksum_that_is_none_or_anothers(field: Field, fault: Fault, says: str) -> None:
    field.bucket.break_with(fault)

    await field.refused(says)

    await field.takes_the_next_one()


async def test_what_follows_the_first_word_of_a_checksum_file_says_nothing(field: Field) -> None:
    name = layout.sidecar(layout.executable(target(), BAD))
    digest = hashlib.sha256(executable(BAD)).hexdigest().upper()
    field.bucket.put(name, f"{digest}  reagent\n{'# signed by nobody' * 200}\n".encode())

    assert await field.update() == DONE


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"<html>welcome</html>", b"{}"])
async def test_a_version_file_that_is_none(field: Field, content: bytes) -> None:
    field.bucket.break_with(Fault.BROKEN_VERSIONS, content=content)

    await field.refused("availableVersions.json")

    await field.takes_the_next_one()


async def test_a_version_file_whose_size_leads_backwards(field: Field) -> None:
    field.bucket.break_with(Fault.BACKWARDS)

    await field.refused("a chunk of size b'-6'")

    await field.takes_the_next_one()


@pytest.mark.parametrize("version", ["latest", "9.0", "9.0.0.1", "9.0.1-rc1", "../../9.0.1"])
async def test_a_version_that_is_none_or_was_not_published(field: Field, version: str) -> None:
    field.bucket.roll_out(version)

    assert await field.update() == NOTHING
    assert field.versions == []

    await field.takes_the_next_one()


async def test_a_bucket_that_cannot_be_reached(field: Field) -> None:
    field.bucket.break_with(Fault.UNREACHABLE)

    await field.refused("availableVersions.json")

    await field.takes_the_next_one()


@pytest.mark.timeout(150)
async def test_a_download_that_stalls(field: Field) -> None:
    field.bucket.break_with(Fault.STALL)

    await field.refused("no more of it within")

    await field.takes_the_next_one()


# --- what is not to blame on the way


@dataclass(frozen=True, slots=True)
class Useless:
    """A file that arrives as it was published."""

    content: bytes
    says: str


@pytest.mark.parametrize(
    "useless",
    [
        pytest.param(Useless(elf(BAD, claims=8) + PADDING, "ELF machine 8"), id="mips"),
        pytest.param(Useless(b"#!/bin/sh\necho 9.0.1\n", "no ELF"), id="script"),
        pytest.param(Useless(b"<html>not found</html>" + PADDING, "no ELF"), id="page"),
        pytest.param(Useless(elf("9.0.0"), "'9.0.0'"), id="another version"),
        pytest.param(Useless(elf("hello"), "'hello'"), id="another program"),
        pytest.param(Useless(elf(BAD, status=1), "ended with 1"), id="fails"),
        pytest.param(Useless(elf(BAD)[:100], ""), id="first bytes of one"),
    ],
)
async def test_a_file_that_never_runs_here_is_blocked_and_not_fetched_again(
    field: Field, useless: Useless
) -> None:
    field.bucket.publish(BAD, useless.content)

    await field.refused(useless.says)
    field.bucket.forget()
    await field.refused("is blocked")

    assert field.bucket.asked(f"*/{BAD}/reagent") == ()
    digest = hashlib.sha256(useless.content).hexdigest()
    assert digest in (field.folder / "updates.json").read_text()
    await field.takes_the_next_one()


async def test_a_disk_that_is_full(
    cloud: Cloud, program: Program, bucket: Bucket, tmp_path: Path
) -> None:
    """A limit on the size of files is what a test without a disk of its own has."""
    folder = tmp_path / "elsewhere"
    flags = (f"-remoteUpdateURL={bucket.url}", f"-agentDir={folder}", "-update=false")
    device = cloud.new_device(program, flags=flags)
    await online(cloud, device)
    async with Caller(cloud.router, "501") as caller:
        field = Field(device, bucket, caller, folder)
        agent = device.processes[-1]
        _, most = resource.prlimit(agent, resource.RLIMIT_FSIZE)
        resource.prlimit(agent, resource.RLIMIT_FSIZE, (300_000, most))

        await field.refused(os.strerror(27))

        resource.prlimit(agent, resource.RLIMIT_FSIZE, (most, most))
        await field.takes_the_next_one()


# --- by itself


async def test_it_looks_by_itself_after_the_start(
    cloud: Cloud, program: Program, bucket: Bucket, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere"
    flags = (f"-remoteUpdateURL={bucket.url}", f"-agentDir={folder}")
    device = cloud.new_device(program, flags=flags)

    await online(cloud, device)
    await until((folder / f"reagent-v{BAD}").exists, what="the version is staged")

    assert len(bucket.asked("*/availableVersions.json")) == 1
    assert len(bucket.asked(f"*/{BAD}/reagent")) == 1


async def test_what_a_killed_download_left_is_gone_at_the_next_look(
    cloud: Cloud, program: Program, bucket: Bucket, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere"
    flags = (f"-remoteUpdateURL={bucket.url}", f"-agentDir={folder}")
    device = cloud.new_device(program, flags=flags)
    bucket.break_with(Fault.STALL)
    await online(cloud, device)
    await until(lambda: _is_partial(folder), what="a part of the file is there")
    await device.kill()
    assert _is_partial(folder)
    bucket.heal()

    await online(cloud, device)
    await until((folder / f"reagent-v{BAD}").exists, what="the version is staged")

    assert list((folder / "downloads").iterdir()) == []


def _is_partial(folder: Path) -> bool:
    downloads = folder / "downloads"
    return downloads.exists() and any(each.name != ".probe" for each in downloads.iterdir())


# --- the call


async def test_progress_is_published_while_it_comes(field: Field, cloud: Cloud) -> None:
    topic = f"re.mgmt.{field.device.identity.serial_number}.agent_update_progress"
    async with Caller(cloud.router, "502") as watcher:
        events = await watcher.follow(topic)

        assert await field.update() == DONE

        size = len(executable(BAD))
        heard = await events.until(
            lambda all_: all_[-1:] != [] and _current(all_[-1].first) == size
        )
    told = [event.first for event in heard]
    assert all(set(each) == {"increment", "currentBytes", "fileSize"} for each in told)
    assert sum(int(str(each["increment"])) for each in told) == size
    assert {each["fileSize"] for each in told} == {size}
    assert [_current(each) for each in told] == sorted(_current(each) for each in told)
    assert 64 >= len(told) > size // (64 * 1024)


def _current(event: dict[str, object]) -> int:
    return int(str(event["currentBytes"]))


async def test_metadata_tells_the_newest_version(field: Field) -> None:
    told = (await field.caller.ask(field.device.identity, "get_agent_metadata")).value

    assert isinstance(told, dict)
    assert told["latestVersion"] == told["latestAgentVersion"] == BAD
    assert told["latestTunnelVersion"] == "0.70.0"
    assert told["hasLatest"] is False


async def test_metadata_without_the_bucket_has_no_word_of_it(field: Field) -> None:
    field.bucket.break_with(Fault.UNREACHABLE)

    told = (await field.caller.ask(field.device.identity, "get_agent_metadata")).value

    assert isinstance(told, dict)
    assert told["serialNumber"] == field.device.identity.serial_number
    assert not {"latestVersion", "latestAgentVersion", "latestTunnelVersion", "hasLatest"} & set(
        told
    )


async def test_the_device_files_bucket_comes_before_the_flags(
    cloud: Cloud, program: Program, bucket: Bucket, tmp_path: Path, user: Caller
) -> None:
    flags = ("-remoteUpdateURL=http://127.0.0.1:1", f"-agentDir={tmp_path / 'x'}", "-update=false")
    device = cloud.new_device(program, flags=flags, changes={"update_url": f"{bucket.url}/"})
    await online(cloud, device)

    answer = await user.ask(device.identity, "update_agent")

    assert answer.value == DONE
