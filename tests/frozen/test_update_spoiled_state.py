"""`updates.json` and two of the three links as no agent ever left them: the device is CONNECTED,
and the links are in order, within ten seconds."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.cloud import Cloud
from sandbox.program import Program
from sandbox.under_test import patient
from tests.frozen.updating import Press, Unit, started

LANES = 4
WITHIN_S = 10.0
VERSION = "1.1.0"
TRUNCATIONS = 8

pytestmark = pytest.mark.timeout(240)

Spoil = Callable[[Path], object]


def _sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 100_000_000)


def _folder(path: Path) -> None:
    path.mkdir()
    (path / "something").write_text("in it")


def _written(content: bytes) -> Spoil:
    return lambda path: path.write_bytes(content)


HIGHER = {
    "format": 2,
    "trial": {"file": "reagent-v9.9.9", "phase": 3},
    "committed": "elsewhere",
    "blocked": [{"sha256": "a" * 64, "version": "7.7.7", "why": "it was bad", "since": 5}],
    "floor": VERSION,
    "what else": [1, 2],
}

CONTENTS: dict[str, Spoil] = {
    "missing": lambda _: None,
    "empty": _written(b""),
    "NULs": _written(b"\0" * 500),
    "[]": _written(b"[]"),
    "{}": _written(b"{}"),
    "null": _written(b"null"),
    "no UTF-8": _written(b'{"format": 1, "floor": "\xff\xfe"}'),
    "deep": _written(b"[" * 100_000),
    "words where numbers are": _written(
        b'{"format": "1", "trial": 7, "blocked": {}, "ends": [], "baseline": "x", "floor": 3}'
    ),
    "a higher format": _written(json.dumps(HIGHER).encode()),
    "a folder": _folder,
    "a FIFO": os.mkfifo,
    "100 MB": _sparse,
    "a link to itself": lambda path: path.symlink_to(path),
    "a link to nowhere": lambda path: path.symlink_to(path.with_name("nowhere")),
    "a device": lambda path: path.symlink_to("/dev/zero"),
}

LINKS: dict[str, Spoil] = {
    "whole": lambda _: None,
    "missing": lambda path: path.unlink(missing_ok=True),
    "dangling": lambda path: _relink(path, path.with_name("reagent-v0.0.1")),
    "a link to itself": lambda path: _relink(path, path),
    "a link to a folder": lambda path: _relink(path, path.parent / "downloads"),
}


def _relink(path: Path, target: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)


async def test_whatever_there_is_instead_of_the_state_the_device_is_connected(
    cloud: Cloud, program: Program, dice: random.Random
) -> None:
    """Every content meets links that are missing and links that dangle, and chance the rest."""
    Press.of(cloud, program).release(VERSION)
    units = [Unit(cloud, program) for _ in range(LANES)]
    await started(*units)
    await asyncio.gather(*(unit.on(VERSION) for unit in units))
    await asyncio.gather(*(unit.device.stop() for unit in units))
    whole = units[0].ledger.read_bytes()
    cuts = dice.sample(range(1, len(whole)), TRUNCATIONS)
    contents = CONTENTS | {f"cut after {cut}": _written(whole[:cut]) for cut in cuts}
    pairs = [("missing", "missing"), ("dangling", "dangling")]
    cases = [
        (content, *links)
        for content in contents
        for links in (*pairs, (dice.choice(list(LINKS)), dice.choice(list(LINKS))))
    ]
    waiting = iter(cases)

    async def lane(unit: Unit) -> None:
        for content, previous, latest in waiting:
            await _survives(unit, contents[content], previous, latest, f"{content}, {previous}")

    async with asyncio.TaskGroup() as lanes:
        for unit in units:
            lanes.create_task(lane(unit))


async def _survives(unit: Unit, spoil: Spoil, previous: str, latest: str, case: str) -> None:
    ledger = unit.ledger
    if ledger.is_dir() and not ledger.is_symlink():
        shutil.rmtree(ledger)
    ledger.unlink(missing_ok=True)
    spoil(ledger)
    LINKS[previous](unit.folder / "Reagent-previous")
    LINKS[latest](unit.folder / "Reagent-latest")
    seen, begun = len(unit.statuses), time.monotonic()

    await unit.device.start()
    try:
        await unit.connected(since=seen, within=WITHIN_S)
    except TimeoutError as error:
        raise TimeoutError(f"{case}, {latest}: {unit.described()}") from error
    links = [unit.named(name) for name in ("active", "previous", "latest")]
    assert time.monotonic() - begun < patient(WITHIN_S)
    assert links[0] == links[2] == VERSION, (case, latest)
    assert links[1] in (VERSION, unit.device.program.version), (case, latest)
    if previous == "missing":
        assert links[1] == VERSION
    assert await unit.device.stop() == 0
    assert "Traceback" not in unit.device.printed()


async def test_of_a_higher_format_what_every_format_shares_is_obeyed_and_kept(
    cloud: Cloud, program: Program
) -> None:
    """Its blocked digest is not fetched; its trial is replaced by the next one."""
    press = Press.of(cloud, program)
    unit = Unit(cloud, program)
    press.release(VERSION)
    digest = press.sha256(VERSION)
    state = HIGHER | {"blocked": [{"sha256": digest, "version": VERSION, "why": "it was bad"}]}
    unit.ledger.write_text(json.dumps(state))

    await started(unit)
    await unit.device.logged("no update")
    fetched = cloud.bucket.asked(f"*/{VERSION}/reagent")
    press.release("1.1.1")
    await unit.device.stop()
    await started(unit)
    await unit.on("1.1.1")

    assert fetched == ()
    assert unit.state["format"] == 1
    assert unit.state["what else"] == [1, 2]
    assert unit.blocked == [VERSION]


async def test_the_links_are_repaired_in_every_combination(cloud: Cloud, program: Program) -> None:
    units = [Unit(cloud, program) for _ in range(LANES)]
    Press.of(cloud, program).release(program.version)
    waiting = iter(itertools.product(LINKS, LINKS))

    async def lane(unit: Unit) -> None:
        for previous, latest in waiting:
            LINKS[previous](unit.folder / "Reagent-previous")
            LINKS[latest](unit.folder / "Reagent-latest")
            seen = len(unit.statuses)
            await unit.device.start()
            await unit.connected(since=seen, within=WITHIN_S)
            found = {unit.named(name) for name in ("active", "previous", "latest")}
            assert found == {program.version}, (previous, latest)
            await unit.device.stop()

    async with asyncio.TaskGroup() as lanes:
        for unit in units:
            lanes.create_task(lane(unit))
