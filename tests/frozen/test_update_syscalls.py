"""The executable is killed at the system calls of an update, or they fail: the next start is as good
as any. Every one of them in `nox -s proof`, some of them always; docs/proof.md has the numbers."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterable

import pytest

from sandbox.cloud import Cloud
from sandbox.program import Program
from sandbox.strace import FAULTS, KILL
from tests.frozen.sweep import STEPS, Bench
from tests.proof import parts
from tests.proof.record import Record, Tried

# How long a sample goes on, at the least as long as it takes to try some.
SAMPLE_S = 40.0
AT_LEAST = 4

pytestmark = pytest.mark.timeout(6 * 3600 if parts.ALL else 600)


@pytest.fixture
async def bench(cloud: Cloud, program: Program) -> Bench:
    made = Bench(cloud, program)
    await made.prepare()
    return made


@pytest.mark.skipif(parts.ALL, reason="nox -s proof tries all")
async def test_whatever_becomes_of_a_system_call_the_next_start_reaches_connected(
    bench: Bench, dice: random.Random
) -> None:
    places = await bench.places(dice.sample(STEPS, 2), FAULTS)
    dice.shuffle(places)
    begun, tried = time.monotonic(), list[Tried]()

    for place in places:
        if len(tried) >= AT_LEAST and time.monotonic() - begun > SAMPLE_S:
            break
        tried.append(await bench.try_at(place))

    print(f"{len(tried)} of {len(places)} places tried:", *lines(tried), sep="\n  ")
    assert [each.lost for each in tried if each.lost] == []
    assert any(each.reached for each in tried)


@pytest.mark.skipif(not parts.ALL, reason="takes long: nox -s proof")
async def test_whatever_becomes_of_any_system_call_the_next_start_reaches_connected(
    bench: Bench, program: Program, dice: random.Random
) -> None:
    record = Record.of(parts.SYSCALLS, program.executable)
    if not record.places:
        places = await bench.places(STEPS, FAULTS)
        dice.shuffle(places)
        # Kills first: they are what this is about, should the time not do for everything.
        record.found(sorted(places, key=lambda place: place.fault != KILL.name))

    for place in parts.in_time(record.left()):
        record.add(await bench.try_at(place))

    assert record.losses == []
    assert any(each.reached for each in record.tried)


def lines(tried: Iterable[Tried]) -> list[str]:
    """What came of them, for people."""
    table = Counter((each.place.step, each.place.fault, each.ran) for each in tried if each.reached)
    return sorted(f"{step}, {fault}: {n}, then {ran}" for (step, fault, ran), n in table.items())
