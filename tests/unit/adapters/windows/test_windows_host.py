"""A Windows host, by what its kernel counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from reagent.adapters.windows.host import Machine, WindowsHost
from reagent.contracts.host import Address

LOOPBACK = Address("Loopback Pseudo-Interface 1", "127.0.0.1", b"\xff\0\0\0")
LAN = Address("Ethernet", "192.168.7.20", b"\xff\xff\xff\0")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(
        memory=lambda: (8_000, 3_000),
        times=lambda: (0, 0),
        addresses=lambda: [LOOPBACK, LAN],
        version=(10, 0, 19045),
        drive=str(tmp_path),
    )


async def test_memory_and_the_systems_drive_are_counted(machine: Machine) -> None:
    stats = await WindowsHost(machine).stats()

    assert (stats.memory_total, stats.memory_used, stats.memory_available) == (8_000, 5_000, 3_000)
    assert stats.storage_total >= stats.storage_used > 0
    assert not stats.docker_apps_mounted


async def test_a_drive_that_is_not_there_counts_nothing(machine: Machine) -> None:
    stats = await WindowsHost(replace(machine, drive="/not/there")).stats()

    assert (stats.storage_total, stats.storage_free) == (0, 0)


async def test_load_is_what_was_not_idle_since_the_last_look(machine: Machine) -> None:
    looks = iter([(1_000, 900), (2_000, 1_150), (2_000, 1_150)])
    host = WindowsHost(replace(machine, times=lambda: next(looks)))

    seen = [(await host.stats()).cpu_usage for _ in range(3)]

    assert seen == [0.0, 75.0, 0.0]


def test_addresses_that_nobody_tells_are_none(machine: Machine) -> None:
    def silent() -> Sequence[Address]:
        raise OSError("no")

    assert WindowsHost(replace(machine, addresses=silent)).addresses() == ()
    assert WindowsHost(machine).addresses() == [LOOPBACK, LAN]


def test_it_says_its_family_and_its_build(machine: Machine) -> None:
    assert WindowsHost(machine).description() == "windows 10.0.19045 10.0.19045"
