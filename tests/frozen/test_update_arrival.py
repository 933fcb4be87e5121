"""The first arrival from the reference: its manager script let us in, nothing of ours is there yet,
and `Reagent-previous` is an agent that knows nothing of parents and trials."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import pytest

from sandbox.cloud import Cloud
from sandbox.manager import Generation, LinkWatch, Manager
from sandbox.program import Program
from sandbox.variants import Broken
from tests.frozen.steps import until
from tests.frozen.updating import Press, Unit

OLD = "0.20.20"
BEFORE = 1_600_000_000
# What the reference looks like from outside: it runs until it is told not to, answers `-version`,
# and takes a subcommand for a mistake.
REFERENCE = """#!/bin/sh
for word in "$@"; do
    case "$word" in -version|--version) echo 0.20.20; exit 0;; esac
done
case "$*" in *-config*) ;; *) echo "-config is required"; exit 1;; esac
echo "$$ $0 $*" >> "{mark}"
trap 'exit 0' TERM
while :; do sleep 0.1; done
"""

pytestmark = pytest.mark.timeout(150)


class Newcomer(Unit):
    """A device as the field's script leaves it: ours is active and newest, the old one previous."""

    def __init__(self, cloud: Cloud, program: Program, broken: Broken | None = None) -> None:
        super().__init__(cloud, program, proof=3.0)
        self.mark = self.device.folder / "the reference ran"
        old, ours = self.folder / f"reagent-v{OLD}", self.device.flashed.executable
        old.write_text(REFERENCE.format(mark=self.mark))
        old.chmod(0o755)
        if broken is not None:
            content = Press.of(cloud, program).origin.variant(program.version, broken)
            ours.unlink()
            ours.write_bytes(content)
            ours.chmod(0o755)
        os.utime(old, (BEFORE, BEFORE))
        previous = self.folder / "Reagent-previous"
        previous.unlink()
        previous.symlink_to(old)

    @property
    def links(self) -> tuple[str, str, str]:
        """Active, previous, latest."""
        return self.named("active"), self.named("previous"), self.named("latest")

    @property
    def runs_the_reference(self) -> bool:
        """Whether the reference is what runs, as the process that was started."""
        with contextlib.suppress(OSError):
            found = int(self.mark.read_text().split()[0])
            # Behind a boot loader it is the process that this waits for.
            unpacked = self.device.leftovers() if self.device.program.unpacks_itself else []
            return found in (self.device.pid, *unpacked)
        return False


@contextlib.asynccontextmanager
async def scripts(unit: Newcomer) -> AsyncIterator[list[Manager]]:
    """Both generations of the script, one after the other in every half second."""

    async def start() -> bool:
        return not unit.device.running

    async def restart() -> None:
        return

    managers = [Manager(unit.folder, each, start=start, restart=restart) for each in Generation]
    tasks = [asyncio.create_task(manager.run(0.5)) for manager in managers]
    try:
        yield managers
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_one_that_proves_itself_stays_and_the_script_holds_still(
    cloud: Cloud, program: Program
) -> None:
    unit = Newcomer(cloud, program)
    Press.of(cloud, program).release(program.version)

    with LinkWatch(unit.folder) as watch:
        async with scripts(unit) as managers:
            await unit.device.serve()
            await unit.on(program.version)
            await until(lambda: all(each.cycles >= 3 for each in managers))

    assert unit.links == (program.version, OLD, program.version)
    assert unit.state["floor"] == program.version
    assert unit.device.starts == 1
    assert not unit.mark.exists()
    assert [each.deeds for each in managers] == [[], []]
    assert (watch.dangling, watch.unsettled) == ([], [])


async def test_one_that_fails_gives_way_to_the_reference_and_the_script_holds_still(
    cloud: Cloud, program: Program
) -> None:
    """A trial of itself has no parent that knows better: three ends of its own count."""
    unit = Newcomer(cloud, program, Broken.EXITS)
    Press.of(cloud, program).release(program.version)

    with LinkWatch(unit.folder) as watch:
        async with scripts(unit) as managers:
            await unit.device.serve(restart_after=0.5)
            await until(lambda: unit.runs_the_reference, 60.0, "the reference took over")
            done = [each.cycles for each in managers]
            await until(lambda: all(m.cycles >= n + 4 for m, n in zip(managers, done, strict=True)))

    assert unit.links == (OLD, program.version, program.version)
    assert unit.blocked == [program.version]
    assert f"{unit.device.flashed.active} " in unit.mark.read_text()
    assert len(unit.mark.read_text().splitlines()) == 1
    assert [each.deeds for each in managers] == [[], []]
    assert (watch.dangling, watch.unsettled) == ([], [])


async def test_one_that_does_not_get_through_waits_for_a_better_world(
    cloud: Cloud, program: Program
) -> None:
    """Nobody can tell whether it is the version: it is not given up within a day."""
    unit = Newcomer(cloud, program, Broken.NEVER_JOINS)
    Press.of(cloud, program).release(program.version)

    await unit.device.serve(restart_after=0.5)
    await unit.until("an attempt is over", given_back=1)

    assert unit.links == (program.version, OLD, program.version)
    assert unit.blocked == []
    assert unit.trial["strikes"] == 0


async def test_a_previous_that_does_not_speak_is_linked_not_tried(
    cloud: Cloud, program: Program
) -> None:
    """Going back to the reference after crashes: no trial of it, its process is simply started."""
    unit = Newcomer(cloud, program)
    Press.of(cloud, program).release(program.version)
    await unit.device.serve(restart_after=0.3)
    await unit.on(program.version)

    for _ in range(5):
        if unit.runs_the_reference:
            break
        seen = len(unit.statuses)
        await unit.device.kill()
        with contextlib.suppress(TimeoutError):
            await unit.connected(since=seen, within=4.0)

    await until(lambda: unit.runs_the_reference, 15.0, "the reference took over")
    assert unit.links == (OLD, program.version, program.version)
    assert unit.blocked == [program.version]
