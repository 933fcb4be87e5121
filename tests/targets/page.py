"""docs/targets.md from what was measured: `tests/data/targets.json`, a row for each target."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Final

from reagent_build.targets import PLATFORMS, Target
from tests.targets import results
from tests.targets.results import ROOT, Said
from tests.targets.scenarios import BEYOND_EMULATION

DATA: Final = ROOT / "tests/data/targets.json"
PAGE: Final = ROOT / "docs/targets.md"

_BUILT: Final = {
    "static": "static glibc, Debian's cross compiler",
    "wine": "PyInstaller under wine",
    "zig": "zig",
}
_HEAD: Final = """\
# Targets

<!-- printed by `nox -s targets -- --write` from tests/data/targets.json -->

    nox -s targets                          # run what build/out holds: measure, and all scenarios of each
    nox -s targets -- linux/arm/7           # one of them
    nox -s targets -- linux/arm/7 --write   # and write its row anew
    nox -s targets -- --measure --write     # figures alone, no scenarios: seconds a target
    nox -s targets -- linux/arm/7 --write --only tests/frozen/test_hello.py   # scenarios of one file anew
    nox -s targets -- --quick linux/arm/7   # what CI runs: joins, answers, updates itself, in two minutes

| target | size | built by | run by | `-version` | idle PSS | measured | scenarios | the row again |
|---|---|---|---|---|---|---|---|---|
"""
_FAILED: Final = "\n## What did not pass at once\n\n"
_FOOT: Final = """
## What the columns say

**Run by.** "native": by this machine. "qemu": by qemu-user with the oldest processor that the target is for, never on a board; times there say nothing about a board, and memory is that of the emulated program's own pages, without
the emulator. **Scenarios** are the tests in `tests/frozen`: *all* of them, or those that *join, answer and update*; of windows/amd64 those in `tests/targets/test_windows.py` and `test_windows_service.py`, under wine with its server warm, which say nothing about a Windows; passed of those that ran. What fails is run once more, without the others around it.
**Measured**, and the commits behind the counts: of the executable, as its SBOM has it. "-": not measured.
**`-version`**: the quickest of fifteen, since other work on the machine only adds; under wine the median of nine. **Idle PSS**: 20 s after CONNECTED, six times that where it is emulated, with an engine.

## How foreign executables are run

`sandbox/emulation.py` registers qemu with the kernel (binfmt_misc, kept open by flag F), a processor for each target, and takes that back. ARMv5 and ARMv7 look alike to the kernel, so what runs in scenarios is a copy with the target's name in the seven
padding bytes of its ELF header; nothing else of the host's matches that. It holds over every exec: an update's candidate, a hand-over and a start of `/proc/self/exe` run on the same processor. `-version` and `-arch` are asked of the file as it was built.

The engine is this machine's, so an app of an emulated device has the device's architecture in its image's name and this machine's program in the image. Waits are six times as long (`REAGENT_TEST_SLOWNESS`); the agent's own limits are its own.

## What emulation cannot show

"""


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one target; empty or 0 where it was not measured."""

    size: int = 0
    version_ms: float = 0.0
    pss: int = 0
    date: str = ""
    commit: str = ""
    """Of the executable."""
    scenarios: str = ""
    """Which ones judge it, in words."""
    files: int = 0
    """In how many files those are."""


def load() -> dict[str, Row]:
    """The rows that were measured once, by target."""
    names = {field.name for field in fields(Row)}
    known = json.loads(DATA.read_text(encoding="utf-8")) if DATA.exists() else {}
    return {
        target: Row(**{name: word for name, word in row.items() if name in names})
        for target, row in known.items()
    }


def save(rows: Mapping[str, Row], said: Iterable[Said]) -> None:
    """Keep both, and print the page."""
    known = {target: asdict(rows[target]) for target in sorted(rows)}
    DATA.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    results.save(said)
    PAGE.write_text(page(rows, results.load()), encoding="utf-8")


def page(rows: Mapping[str, Row], said: Sequence[Said]) -> str:
    """The text of docs/targets.md."""
    parts = (
        _HEAD,
        *(
            _line(
                target, rows.get(str(target), Row()), [e for e in said if e.target == str(target)]
            )
            for target in PLATFORMS
        ),
        _FAILED,
        *_failures(said),
        _FOOT,
        *_unshown(BEYOND_EMULATION),
    )
    return "".join(parts)


def _line(target: Target, row: Row, said: Sequence[Said]) -> str:
    platform = PLATFORMS[target]
    words: Iterable[str] = (
        str(target),
        f"{row.size / 1e6:.1f} MB" if row.size else "-",
        _BUILT[platform.freezer],
        "native" if target.stamp in {"amd64", "386"} and target.os == "linux" else platform.run,
        f"{row.version_ms:.0f} ms" if row.version_ms else "-",
        f"{row.pss / 1e6:.1f} MB" if row.pss else "-",
        f"{row.date}, {row.commit}" if row.date else "not yet",
        _tested(row, said) if said else "-",
        f"`nox -s targets -- {target} --write`",
    )
    return f"| {' | '.join(words)} |\n"


def _tested(row: Row, said: Sequence[Said]) -> str:
    run, failed = sum(each.run for each in said), sum(len(each.failed) for each in said)
    again = sum(len(each.again) for each in said)
    skipped = sum(each.skipped for each in said)
    commits = Counter(each.commit for each in said).most_common()
    words = [f"{row.scenarios}: {run - failed} of {run}"]
    words += [f"{again} of them alone"] * bool(again)
    words += [f"{skipped} skipped"] * bool(skipped)
    words += [f"{row.files - len(said)} of {row.files} files not run"] * (row.files > len(said))
    words += [f"{commits[0][0]}"] * (len(commits) == 1)
    words += [f"{count} files of {commit}" for commit, count in commits if len(commits) > 1]
    minutes = sum(each.seconds for each in said) / 60
    return f"{', '.join(words)}; {minutes:.0f} min"


def _failures(said: Iterable[Said]) -> Iterator[str]:
    found = [
        f"| {each.target} | `{each.file}::{name}` | {how} |\n"
        for each in said
        for how, names in (("failed twice", each.failed), ("passed alone", each.again))
        for name in names
    ]
    yield "| target | test | |\n|---|---|---|\n" if found else "Nothing.\n"
    yield from found


def _unshown(reasons: Mapping[str, str]) -> Iterator[str]:
    if not reasons:
        yield "Every scenario runs there.\n"
        return
    yield "| test | why |\n|---|---|\n"
    for test, why in reasons.items():
        yield f"| `{test}` | {why} |\n"
