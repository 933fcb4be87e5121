"""What scenarios said of each target, file by file: `tests/data/scenarios.jsonl`.

A run that is cut, or repeated in part, adds to what is known; every line says of which executable.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
DATA: Final = ROOT / "tests/data/scenarios.jsonl"


@dataclass(frozen=True, slots=True)
class Said:
    """What the tests of one file said of one target's executable."""

    target: str
    file: str
    passed: int
    skipped: int
    failed: tuple[str, ...]
    """Failed twice: among the others, and alone."""
    again: tuple[str, ...]
    """Failed among the others, and passed when they were run again without them."""
    seconds: int
    date: str
    commit: str
    """Of the executable."""

    @property
    def run(self) -> int:
        """How many tests were run to their end."""
        return self.passed + len(self.again) + len(self.failed)


def load(data: Path = DATA) -> tuple[Said, ...]:
    """What is known."""
    lines = data.read_text(encoding="utf-8").splitlines() if data.exists() else []
    return tuple(_said(line) for line in lines)


def save(known: Iterable[Said], data: Path = DATA) -> None:
    """Keep it: one line a target and file, in their order."""
    ordered = sorted(known, key=lambda each: (each.target, each.file))
    text = "".join(json.dumps(asdict(each)) + "\n" for each in ordered)
    data.write_text(text, encoding="utf-8")


def merged(
    known: Iterable[Said], new: Iterable[Said], target: str, files: Iterable[str]
) -> tuple[Said, ...]:
    """What is newer stands for what was known; of this target nothing stays but these files."""
    wanted = set(files)
    found = {(each.target, each.file): each for each in (*known, *new)}
    return tuple(e for e in found.values() if e.target != target or e.file in wanted)


def recorded(record: Path, target: str, date: str, commit: str) -> tuple[Said, ...]:
    """What a run of ours wrote down (`recorder.py`); nothing where it wrote nothing."""
    return tuple(
        Said(
            target=target,
            file=file,
            passed=sum(how == "passed" for how in outcomes.values()),
            skipped=sum(how == "skipped" for how in outcomes.values()),
            failed=tuple(sorted(name for name, how in outcomes.items() if how == "failed")),
            again=(),
            seconds=seconds,
            date=date,
            commit=commit,
        )
        for file, seconds, outcomes in read(record)
    )


def settled(said: Iterable[Said], second: Path) -> tuple[Said, ...]:
    """A failure that a second run, of the failures alone, did not meet happened once."""
    well = {
        (file, name)
        for file, _, outcomes in read(second)
        for name, how in outcomes.items()
        if how == "passed"
    }
    return tuple(
        replace(
            each,
            failed=tuple(name for name in each.failed if (each.file, name) not in well),
            again=tuple(name for name in each.failed if (each.file, name) in well),
        )
        for each in said
    )


def read(record: Path) -> Iterator[tuple[str, int, dict[str, str]]]:
    """Of each file that a run was through with: its seconds, and what each test came to."""
    if record.exists():
        for text in record.read_text(encoding="utf-8").splitlines():
            line = json.loads(text)
            yield line["file"], line["seconds"], line["outcomes"]


def _said(text: str) -> Said:
    line = json.loads(text)
    return Said(**line | {name: tuple(line[name]) for name in ("failed", "again")})
