"""How a bucket is reached: certificates, proxies; and where a version is put: small disks, read-only
ones (docs/contract/system.md 4.2, 4.5, 9.2).
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.bucket import Bucket
from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.program import Program
from sandbox.under_test import patient
from tests.fakes.authority import Authority
from tests.fakes.front import Line, in_front_of, pour
from tests.frozen.steps import online, until
from tests.frozen.tiny import elf

VERSION = "9.0.1"
CONTENT = elf(VERSION) + bytes(1_000_000)


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Bucket]:
    with Bucket(tmp_path / "bucket") as made:
        made.publish(VERSION, CONTENT)
        made.roll_out(VERSION)
        yield made


def looking(cloud: Cloud, program: Program, url: str, folder: Path, **changes: str) -> Device:
    """A device that looks by itself, and stages into another folder than it was started from."""
    flags = (f"-remoteUpdateURL={url}", f"-agentDir={folder}")
    device = cloud.new_device(program, flags=flags)
    device.environment |= changes
    return device


async def staged(folder: Path, within: float = 10.0) -> None:
    file = folder / f"reagent-v{VERSION}"
    await until(file.exists, within, "the version is staged")
    assert file.read_bytes() == CONTENT


async def refuses(device: Device, says: str) -> None:
    await device.logged(lambda entry: says in str(entry.get("error")))


# --- certificates


async def test_an_encrypted_bucket_is_trusted_by_the_devices_authorities(
    cloud: Cloud, program: Program, bucket: Bucket, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "authority")
    folder = tmp_path / "elsewhere"

    async with in_front_of(bucket, authority.server("localhost")) as url:
        device = looking(cloud, program, url, folder, SSL_CERT_FILE=str(authority.file))
        await online(cloud, device)

        await staged(folder)


async def test_a_bucket_that_nobody_vouches_for_gives_nothing(
    cloud: Cloud, program: Program, bucket: Bucket, tmp_path: Path
) -> None:
    async with in_front_of(bucket, Authority(tmp_path, "unknown").server("localhost")) as url:
        device = looking(cloud, program, url, tmp_path / "elsewhere")
        await online(cloud, device)

        await refuses(device, "its certificate is refused")

    assert bucket.requests == ()


async def test_a_certificate_that_is_not_valid_yet_is_tried_again_until_it_is(
    cloud: Cloud, program: Program, bucket: Bucket, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "authority")
    folder = tmp_path / "elsewhere"
    soon = timedelta(seconds=patient(4))

    async with in_front_of(bucket, authority.server("localhost", starts=soon)) as url:
        device = looking(cloud, program, url, folder, SSL_CERT_FILE=str(authority.file))
        await online(cloud, device)
        await refuses(device, "not yet valid")

        await staged(folder, within=20.0)


# --- proxies


async def test_a_bucket_behind_a_proxy_is_reached_through_it(
    cloud: Cloud, program: Program, bucket: Bucket, tmp_path: Path
) -> None:
    """The name of the bucket means nothing here: only the proxy can have found it."""
    asked: list[str] = []

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.append(head.split("\r\n")[0])
        path = head.split()[1].removeprefix("http://bucket.example")
        there, back = await asyncio.open_connection("127.0.0.1", bucket.port)
        back.write(
            f"GET {path} HTTP/1.1\r\nHost: bucket.example\r\nConnection: close\r\n\r\n".encode()
        )
        await pour(there, writer)
        back.close()

    proxy = await asyncio.start_server(forward, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
    folder = tmp_path / "elsewhere"
    device = looking(cloud, program, "http://bucket.example", folder, HTTP_PROXY=address)

    await online(cloud, device)
    await staged(folder)

    assert asked[0] == "GET http://bucket.example/re-agent/availableVersions.json HTTP/1.1"
    proxy.close()


# --- bad lines


async def killed_half_way(
    cloud: Cloud, program: Program, bucket: Bucket, folder: Path, meanwhile: Callable[[], None]
) -> None:
    """A device is killed with a part of the file there; the next start has it whole.

    Args:
        meanwhile: done while no process runs.
    """
    line = Line()
    line.most = 600_000
    async with in_front_of(bucket, None, line) as url:
        device = looking(cloud, program, url, folder)
        await online(cloud, device)
        await until(lambda: came(folder) > 0, what="a part of the file is there")
        await device.kill()
        meanwhile()
        line.most = None
        await online(cloud, device)
        await staged(folder)


async def test_a_download_goes_on_where_the_process_before_was_killed(
    cloud: Cloud, program: Program, bucket: Bucket, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere"
    there: list[int] = []

    await killed_half_way(cloud, program, bucket, folder, lambda: there.append(came(folder)))

    first, second = bucket.asked(f"*/{VERSION}/reagent")
    assert "range" not in first.headers
    assert second.headers["range"] == f"bytes={there[0]}-"
    assert second.sent == len(CONTENT) - there[0] < len(CONTENT)
    assert list((folder / "downloads").iterdir()) == []


async def test_what_a_cut_left_of_a_download_costs_one_whole_one(
    cloud: Cloud, program: Program, bucket: Bucket, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere"

    def spoil() -> None:
        (part,) = (folder / "downloads").glob("?" * 64)
        part.write_bytes(bytes(part.stat().st_size))

    await killed_half_way(cloud, program, bucket, folder, spoil)

    assert len(bucket.asked(f"*/{VERSION}/reagent")) == 3
    assert list((folder / "downloads").iterdir()) == []


def came(folder: Path) -> int:
    """Bytes of the file that are on the disk."""
    return sum(each.stat().st_size for each in (folder / "downloads").glob("?" * 64))


# --- disks


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts file systems in memory, with options as `mount -o` takes them."""
    mounted: list[Path] = []

    def mount(options: str) -> Path:
        folder = tmp_path / f"disk-{len(mounted)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, check=False, text=True)
        if done.returncode:
            pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=False)


async def test_a_disk_without_the_reserve_is_not_filled(
    cloud: Cloud, program: Program, bucket: Bucket, disk: Callable[[str], Path]
) -> None:
    folder = disk("size=64m")
    device = looking(cloud, program, bucket.url, folder)

    await online(cloud, device)
    await refuses(device, f"an update of {len(CONTENT)} bytes needs")

    assert list((folder / "downloads").iterdir()) == []
    assert not (folder / f"reagent-v{VERSION}").exists()


async def test_a_folder_that_cannot_be_written_to_keeps_no_device_from_the_cloud(
    cloud: Cloud, program: Program, bucket: Bucket, disk: Callable[[str], Path], user: Caller
) -> None:
    folder = disk("ro")
    device = looking(cloud, program, bucket.url, folder)

    await online(cloud, device)
    await refuses(device, str(folder))

    answer = await user.ask(device.identity, "update_agent")
    assert isinstance(answer.value, dict)
    assert answer.value["DidUpdate"] is False


async def test_a_disk_that_runs_no_programs_blocks_nothing(
    cloud: Cloud, program: Program, bucket: Bucket, disk: Callable[[str], Path], user: Caller
) -> None:
    folder = disk("noexec,size=200m")
    device = looking(cloud, program, bucket.url, folder)
    await online(cloud, device)
    await refuses(device, "cannot be run")
    assert list((folder / "downloads").iterdir()) == []

    subprocess.run(["mount", "-o", "remount,exec", str(folder)], check=True)
    answer = await user.ask(device.identity, "update_agent")

    assert isinstance(answer.value, dict)
    assert answer.value["DidUpdate"] is True
