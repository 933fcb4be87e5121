"""The executable is killed at the system calls of an update, or they fail: the next start is as good
as any. Every one of them in `nox -s proof`, some of them always; docs/proof.md has the numbers."""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from dataclasses import asdict

import pytest

from sandbox.cloud import Cloud
from sandbox.paths import REPOSITORY
from sandbox.program import Program
from sandbox.strace import FAULTS, KILL, Call, Fault
from tests.frozen.sweep import STEPS, Bench, Step, Tried

ALL = os.environ.get("REAGENT_PROOF") == "all"
# How long a sample goes on, at the least as long as it takes to try some.
SAMPLE_S = 40.0
AT_LEAST = 4
REPORT = REPOSITORY / ".cache" / "reports" / "proof-syscalls.json"

pytestmark = pytest.mark.timeout(6 * 3600 if ALL else 600)


@pytest.fixture
async def bench(cloud: Cloud, program: Program) -> Bench:
    made = Bench(cloud, program)
    await made.prepare()
    return made


async def test_whatever_becomes_of_a_system_call_the_next_start_reaches_connected(
    bench: Bench, dice: random.Random
) -> None:
    steps = STEPS if ALL else dice.sample(STEPS, 2)
    places = [
        (step, call, fault)
        for step in steps
        for call in await bench.watch(step)
        for fault in FAULTS
    ]
    dice.shuffle(places)

    tried = await try_each(bench, places)

    report(len(places), tried)
    assert [each.lost for each in tried if each.lost] == []
    assert any(each.reached for each in tried)


async def try_each(bench: Bench, places: list[tuple[Step, Call, Fault]]) -> list[Tried]:
    begun, tried = time.monotonic(), list[Tried]()
    # Kills first: they are what this is about, should the time not do for everything.
    for step, call, fault in sorted(places, key=lambda place: place[2] is not KILL and ALL):
        if not ALL and len(tried) >= AT_LEAST and time.monotonic() - begun > SAMPLE_S:
            break
        tried.append(await bench.try_at(step, call, fault))
        if ALL:
            report(len(places), tried)
    return tried


def report(places: int, tried: list[Tried]) -> None:
    """Say what was tried, and leave it where a person finds it."""
    table = Counter((each.step, each.fault, each.ran) for each in tried if each.reached)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{step}, {fault}: {times}, then {ran}" for (step, fault, ran), times in table.items()]
    whole = {
        "places": places,
        "tried": len(tried),
        "reached": sum(each.reached for each in tried),
        "lost": [each.lost for each in tried if each.lost],
        "table": sorted(lines),
        "each": [asdict(each) for each in tried],
    }
    REPORT.write_text(json.dumps(whole, indent=1), encoding="utf-8")
    if not ALL:
        print(f"{len(tried)} of {places} places tried:", *sorted(lines), sep="\n  ")
