"""The parts of the proof that run for long, and how much of them runs: `nox -s proof -- PART ...`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeVar

T = TypeVar("T")

# Everything is tried, not some of it.
ALL: Final = os.environ.get("REAGENT_PROOF") == "all"
# 0: until all was tried.
SECONDS: Final = float(os.environ.get("REAGENT_PROOF_S", "0"))

SYSCALLS: Final = "syscalls"
# A whole run of before, where the last one is none: put there by hand.
SYSCALLS_BEFORE: Final = "syscalls-before"
ENDURANCE: Final = "endurance"
EXT4: Final[Mapping[str, str]] = {mode: f"ext4-{mode}" for mode in ("ordered", "writeback")}
TWICE: Final = "twice"
HISTORIES: Final = "histories"

# What runs a part.
TESTS: Final[Mapping[str, str]] = {
    "cuts": "tests/unit/updates/test_cuts.py",
    HISTORIES: "tests/unit/updates/test_histories.py",
    SYSCALLS: "tests/frozen/test_update_syscalls.py",
    "ext4": "tests/frozen/test_update_ext4.py",
    ENDURANCE: "tests/frozen/test_update_endurance.py",
}


def in_time(places: Iterable[T]) -> Iterator[T]:
    """They, as long as the time does."""
    until = time.monotonic() + SECONDS
    for place in places:
        if SECONDS and time.monotonic() > until:
            return
        yield place
