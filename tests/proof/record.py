"""What a part of the proof has tried so far, kept after every try: a run goes on where one ended.

It holds for one executable; another one begins anew. Nothing is tried twice, and where to try was
found once, so that "n of m" means the same in every run.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sandbox.paths import REPOSITORY, cache

# What decides how an executable behaves.
_SOURCES: Final = ("src", "build")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A system call of a step, and what happens there.

    Attributes:
        name: of the call.
        number: which one of its kind, by thread, from 1.
        what: the beginning of its arguments, for people.
    """

    step: str
    name: str
    number: int
    fault: str
    what: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        """What it is found again by."""
        return self.step, self.name, self.number, self.fault


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one try.

    Attributes:
        reached: whether the run came to that place.
        ran: the version that was active after the start behind it.
        lost: what was wrong; empty: nothing.
    """

    place: Place
    reached: bool
    ran: str = ""
    lost: str = ""


@dataclass
class Record:
    """What one part found. Made for the executable, or read where it was tried before."""

    part: str
    executable: str
    commit: str
    date: str = ""
    places: list[Place] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)

    @staticmethod
    def of(part: str, executable: Path | None = None) -> Record:
        """What is known of this executable; where none is named, of the source tree."""
        commit = _commit()
        digest = hashlib.sha256(executable.read_bytes()).hexdigest() if executable else commit
        known = Record.read(part)
        if known is not None and known.executable == digest:
            return known
        return Record(part, digest, commit)

    @staticmethod
    def read(part: str) -> Record | None:
        """What was kept, whatever executable it is about."""
        try:
            kept = json.loads(_file(part).read_bytes())
        except FileNotFoundError:
            return None
        kept["places"] = [Place(**each) for each in kept["places"]]
        kept["tried"] = [Tried(Place(**each.pop("place")), **each) for each in kept["tried"]]
        return Record(**kept)

    def left(self) -> Iterator[Place]:
        """The places that were not tried yet, in their order."""
        done = {each.place.key for each in self.tried}
        yield from (place for place in self.places if place.key not in done)

    def found(self, places: Iterable[Place]) -> None:
        """There is this to try."""
        self.places = list(places)
        self._keep()

    def add(self, tried: Tried) -> None:
        """That was tried."""
        self.tried.append(tried)
        self._keep()

    def say(self, **facts: object) -> None:
        """Something that is no place was found out."""
        self.facts |= facts
        self._keep()

    @property
    def losses(self) -> list[str]:
        """What went wrong, in any run."""
        return [each.lost for each in self.tried if each.lost]

    def _keep(self) -> None:
        self.date = datetime.now(UTC).date().isoformat()
        file = _file(self.part)
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        fresh.replace(file)


def _file(part: str) -> Path:
    return cache("proof") / f"{part}.json"


def _commit() -> str:
    """The last one that changed what an executable is made of."""
    said = subprocess.run(
        ("git", "log", "-1", "--format=%h", "--", *_SOURCES),
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return said.stdout.strip() or "unknown"
