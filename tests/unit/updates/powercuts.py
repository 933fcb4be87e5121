"""Explores where a power cut may leave a device, and prints the table of `docs/proof.md`.

python -m tests.unit.updates.powercuts      explores everything and rewrites the table
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from reagent import log
from reagent.updates.vocabulary import ACTIVE
from tests.fakes.files import FakeFiles, PowerCut
from tests.proof import page
from tests.unit.updates.life import Device
from tests.unit.updates.stories import STORIES, Act, Story

SECTION: Final = "power cuts"


@dataclass
class Explored:
    """What was tried.

    Attributes:
        points: operations at which the power went.
        disks: those that might be found then; from each of them the device was started.
        ran: how often which version was the active one in the end.
    """

    points: int = 0
    disks: int = 0
    ran: Counter[str] = field(default_factory=Counter)

    def add(self, other: Explored) -> None:
        self.points += other.points
        self.disks += other.disks
        self.ran += other.ran


def operations(make: Callable[[], Device], act: Act) -> int:
    """How many there are."""
    device = make()
    before = device.files.done
    act(device)
    return device.files.done - before


def cut(make: Callable[[], Device], act: Act, at: int) -> list[Device]:
    """Every device that may be found after the power went at this operation."""
    device = make()
    device.files.cut_at(at)
    try:
        act(device)
    except PowerCut:
        pass
    else:
        raise AssertionError("the power did not go")
    return [found_again(device, files) for files in device.files.worlds()]


def found_again(device: Device, files: FakeFiles) -> Device:
    """The same device with that disk."""
    return replace(device, files=files, proven=set(device.proven), machine=None)


def explore(story: Story) -> Explored:
    """Cut at every operation, start from every disk; `Device.launch` fails on what is unproven."""
    seen = Explored()
    for at in range(operations(story.device, story.act)):
        seen.points += 1
        for device in cut(story.device, story.act, at):
            seen.disks += 1
            story.settle(device)
            seen.ran[sound(device, f"cut at {at}")] += 1
    return seen


def explore_twice(story: Story, seen: set[object]) -> Explored:
    """Cut the start after a cut, too; a disk that was seen is not looked at again."""
    found = Explored()
    for at in range(operations(story.device, story.act)):
        for device in only_new(cut(story.device, story.act, at), seen):
            make = partial(clone, device)
            for second in range(operations(make, story.settle)):
                found.points += 1
                for again in only_new(cut(make, story.settle, second), seen):
                    found.disks += 1
                    story.settle(again)
                    found.ran[sound(again, f"cut at {at}, then at {second}")] += 1
    return found


def sound(device: Device, where: str) -> str:
    """The version that runs in the end; what links say is in order."""
    content = device.content_of(ACTIVE)
    known = device.links
    if content not in device.proven:
        raise AssertionError(f"{where}: {content!r} is active and was never proven")
    if content.startswith(b"go"):
        return known.active
    if known.latest != known.active or not known.previous:
        raise AssertionError(f"{where}: {known}")
    return known.active


def only_new(devices: Iterable[Device], seen: set[object]) -> Iterator[Device]:
    """Those whose disks nobody has seen yet."""
    for device in devices:
        disk = device.files.fingerprint()
        if disk not in seen:
            seen.add(disk)
            yield device


def clone(device: Device) -> Device:
    """The same once more."""
    (files,) = device.files.worlds()
    return found_again(device, files)


# --- the page


def table(explored: Mapping[str, Explored]) -> str:
    """What was explored, by story and by operation."""
    rows = [
        "| operation | what happens | cut at | disks started from | runs then | losses |",
        "|---|---|---:|---:|---|---:|",
    ]
    total = Explored()
    for name, seen in explored.items():
        total.add(seen)
        ran = ", ".join(
            f"{file.removeprefix('reagent-v')}: {times:,}"
            for file, times in sorted(seen.ran.items())
        )
        rows.append(
            f"| {STORIES[name].operation} | {name} | {seen.points:,} | {seen.disks:,} | {ran} | 0 |"
        )
    rows.append(f"| **total** | | **{total.points:,}** | **{total.disks:,}** | | **0** |")
    return "\n".join(rows)


def written() -> str:
    """The table as the page has it."""
    return page.section(SECTION)


def row_of(name: str, text: str) -> str:
    """The row of one story."""
    return next((row for row in text.splitlines() if f"| {name} |" in row), "")


def main() -> int:
    """Explore everything, and write the page."""
    log.configure(sinks=())
    found = table({name: explore(story) for name, story in STORIES.items()})
    text = page.PAGE.read_text(encoding="utf-8")
    page.PAGE.write_text(page.put(text, SECTION, found), encoding="utf-8")
    sys.stdout.write(found + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
