"""docs/contract/wamp.md 3.2, 3.5, 4.23, 4.33 and apps.md 3.3, 3.6, 3.7."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from reagent.adapters.net.local import lan_address
from reagent.adapters.posix.host import PosixHost
from reagent.contracts.host import Address
from reagent.model.device import Stats

_MASK = b"\xff\xff\xff\x00"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("proc/device-tree", "etc", "usr/bin", "usr/lib", "opt/reagent"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def _write(root: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (root / name).write_text(content)


_MEMINFO = """MemTotal:        1000 kB
MemFree:          100 kB
MemAvailable:     600 kB
Buffers:           50 kB
Cached:           250 kB
SwapCached:         9 kB
SReclaimable:     100 kB
"""


async def test_memory_is_what_programs_hold(root: Path) -> None:
    _write(root, {"proc/meminfo": _MEMINFO})

    stats = await PosixHost(root).stats()

    assert (stats.memory_total, stats.memory_used, stats.memory_available) == (
        1000 * 1024,
        500 * 1024,
        600 * 1024,
    )


async def test_cpu_usage_is_of_the_time_since_the_sample_before(root: Path) -> None:
    host = PosixHost(root)
    _write(root, {"proc/stat": "cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 1 2 3\n"})
    first = await host.stats()
    _write(root, {"proc/stat": "cpu  120 5 115 800 150 5 0 5 60 0\n"})
    second = await host.stats()
    third = await host.stats()

    assert (first.cpu_usage, second.cpu_usage, third.cpu_usage) == (0.0, 25.0, 0.0)


@pytest.mark.parametrize("line", ["", "cpu", "cpu a b c d e", "cpu  1 2", "cpu  1 1 1 1 1 1 1 1\n"])
async def test_a_counter_that_makes_no_sense_is_no_usage(root: Path, line: str) -> None:
    host = PosixHost(root)
    _write(root, {"proc/stat": "cpu  100 0 100 700 100 0 0 0 0 0\n"})
    await host.stats()
    _write(root, {"proc/stat": line})

    stats = await host.stats()

    assert stats.cpu_usage == 0.0


async def test_storage_is_of_the_file_system_of_the_root(root: Path) -> None:
    there = os.statvfs(root)

    stats = await PosixHost(root).stats()

    assert stats.storage_total == there.f_blocks * there.f_frsize
    assert stats.storage_used > 0
    assert stats.storage_free > 0
    assert stats.cpu_count == os.cpu_count()


async def test_app_storage_on_the_same_file_system_is_not_mounted(root: Path) -> None:
    absent = await PosixHost(root).stats()
    (root / "opt/reagent/docker-apps").mkdir()

    present = await PosixHost(root).stats()

    assert (absent.docker_apps_total, absent.docker_apps_mounted) == (0, False)
    assert (present.docker_apps_total, present.docker_apps_mounted) == (
        present.storage_total,
        False,
    )


async def test_app_storage_on_a_file_system_of_its_own_is_mounted(root: Path) -> None:
    (root / "opt/reagent/docker-apps").symlink_to("/dev/shm")

    stats = await PosixHost(root).stats()

    assert stats.docker_apps_mounted


async def test_what_cannot_be_read_is_zero(tmp_path: Path) -> None:
    stats = await PosixHost(tmp_path / "missing").stats()

    assert stats == Stats(cpu_count=os.cpu_count() or 0)


async def test_this_machine_has_figures() -> None:
    stats = await PosixHost().stats()

    assert 0 < stats.memory_used < stats.memory_total
    assert 0 < stats.memory_available < stats.memory_total


_KERNEL = os.uname().release
_DEBIAN = 'ID=debian\nVERSION_ID="12"\n'


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"etc/debian_version": "13.3\n", "etc/os-release": _DEBIAN}, "debian 13.3 "),
        ({"etc/debian_version": "trixie/sid\n"}, "debian trixie/sid "),
        (
            {"etc/debian_version": "12.5\n", "etc/os-release": _DEBIAN, "usr/bin/raspi-config": ""},
            "raspbian 12.5 ",
        ),
        (
            {
                "etc/debian_version": "trixie/sid\n",
                "etc/lsb-release": "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=24.04\n",
            },
            "ubuntu 24.04 ",
        ),
        (
            {
                "etc/debian_version": "trixie/sid\n",
                "etc/os-release": 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n',
            },
            "ubuntu 24.04 ",
        ),
        ({"etc/alpine-release": "3.22.1\n", "etc/os-release": "ID=alpine\n"}, "alpine 3.22.1 "),
        ({"usr/lib/os-release": "ID='fedora'\nVERSION_ID=42\n"}, "fedora 42 "),
        ({"etc/os-release": "ID=linux\nVERSION_ID=1\n"}, "1 "),
        ({"etc/os-release": "ID=arch\n"}, "arch "),
        ({}, ""),
    ],
)
def test_the_system_in_words(root: Path, files: dict[str, str], words: str) -> None:
    _write(root, files)

    assert PosixHost(root).description() == f"linux {words}{_KERNEL}"


@pytest.mark.parametrize(
    ("path", "content", "gpu"),
    [
        ("etc/ld.so.cache", "...libnvidia-ml.so.1...", "yes"),
        ("etc/ld.so.cache", "...libc.so.6...", "no"),
        ("proc/device-tree/model", "NVIDIA Jetson Nano Developer Kit\0", "yes"),
        ("proc/device-tree/model", "Raspberry Pi 4\0", "no"),
        ("usr/lib/nvidia", "", "yes"),
        ("usr/lib/other", "", "no"),
    ],
)
def test_a_gpu_is_known_by_its_libraries_or_its_board(
    root: Path, path: str, content: str, gpu: str
) -> None:
    _write(root, {path: content})

    assert PosixHost(root).has_gpu() is (gpu == "yes")


def test_paths_are_looked_up_below_the_root(root: Path) -> None:
    host = PosixHost(root)

    assert host.exists("/opt/reagent")
    assert not host.exists("/opt/nothing")


def test_every_address_of_this_machine_is_seen_with_its_mask() -> None:
    seen = PosixHost().addresses()

    assert Address("lo", "127.0.0.1", b"\xff\x00\x00\x00") in seen
    assert all(len(each.mask) == (16 if ":" in each.ip else 4) for each in seen)
    assert seen[0].interface == "lo"


def test_the_address_towards_the_internet_is_one_of_ours() -> None:
    host = PosixHost()
    ours = {each.ip for each in host.addresses()}

    assert host.primary_ipv4() in {*ours, ""}


@pytest.mark.parametrize("interface", ["docker0", "my-docker", "veth12", "br-1a2b"])
def test_a_containers_network_is_not_the_lan(interface: str) -> None:
    seen = [
        Address("lo", "127.0.0.1", b"\xff\x00\x00\x00"),
        Address(interface, "172.17.0.1", _MASK),
        Address("eth0", "fe80::1", b"\xff" * 16),
        Address("eth0", "192.168.7.20", _MASK),
    ]

    assert lan_address(seen) == "192.168.7.20"
    assert lan_address(seen[:3]) == ""


@pytest.fixture(
    params=[(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, ""), (socket.AF_INET6, "::1")]
)
def taken(request: pytest.FixtureRequest) -> Iterator[dict[str, int]]:
    family, address = request.param
    held = {}
    sockets = []
    for protocol, kind in (("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)):
        try:
            one = socket.socket(family, kind)
            sockets.append(one)
            one.bind((address, 0))
        except OSError:
            pytest.skip("no IPv6 here")
        if protocol == "tcp":
            one.listen(1)
        held[protocol] = one.getsockname()[1]
    yield held
    for one in sockets:
        one.close()


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_port_that_somebody_has_on_any_address_is_not_free(
    taken: dict[str, int], protocol: str
) -> None:
    assert not PosixHost().port_free(taken[protocol], protocol)


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_port_that_nobody_has_is_free_and_stays_free(protocol: str) -> None:
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("", 0))
        port = probe.getsockname()[1]
    host = PosixHost()

    assert host.port_free(port, protocol)
    assert host.port_free(port, protocol)


@pytest.mark.parametrize("port", [-1, 0, 65536])
def test_a_number_that_is_no_port_is_not_free(port: int) -> None:
    assert not PosixHost().port_free(port, "tcp")
