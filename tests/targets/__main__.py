"""Run every executable that was built, and say so: `nox -s targets -- linux/arm/7 --write`."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from reagent_build.targets import PLATFORMS, Target, UnknownTargetError
from sandbox.packages import PackagesMissing
from sandbox.processes import SandboxError
from sandbox.under_test import is_emulated
from tests.targets import page, results
from tests.targets.measure import measure, measure_windows
from tests.targets.recorder import RECORD
from tests.targets.results import Said, merged, recorded, settled
from tests.targets.scenarios import QUICK, SCENARIOS, WORDS

REPORTS: Final = results.ROOT / ".cache/reports"
BUILT: Final = results.ROOT / "build/out"


def main() -> int:
    """Exit status 0 when all that was to run did, and passed."""
    options = _options()
    if options.quick:
        return _run(_target(options.targets), REPORTS / "targets", ("tests/targets", *QUICK))
    if options.page:
        page.save(page.load(), results.load())
        return 0
    targets = [Target.parse(each) for each in options.targets] or list(PLATFORMS)
    well = True
    for target in targets:
        file = BUILT / target.file_name
        if not file.exists():
            _say(target, "not built here: nothing is measured")
            well = well and not options.targets
            continue
        try:
            row = None if options.only else _measured(target, file)
            said = () if options.measure else _judged(target, file, options.only)
        except (SandboxError, PackagesMissing, TimeoutError) as error:
            _say(target, str(error))
            well = False
            continue
        well = well and not [each for each in said if each.failed]
        if options.write:
            _keep(target, row, said)
    return 0 if well else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s targets --", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="all that were built, else")
    parser.add_argument("--write", action="store_true", help="write the rows of docs/targets.md")
    parser.add_argument("--measure", action="store_true", help="figures alone, no scenarios")
    parser.add_argument("--only", nargs="+", metavar="FILE", help="scenarios of these files alone")
    parser.add_argument("--page", action="store_true", help="print docs/targets.md anew, no more")
    parser.add_argument("--quick", action="store_true", help="what CI runs, of one target")
    options = parser.parse_args()
    try:
        for each in options.targets:
            Target.parse(each)
    except UnknownTargetError as error:
        parser.error(str(error))
    return options


def _target(named: list[str]) -> Target:
    return Target.parse(named[0]) if named else Target("linux", "arm", "7")


def _measured(target: Target, file: Path) -> page.Row:
    row = page.Row(size=file.stat().st_size, date=_today(), commit=_commit(file))
    if PLATFORMS[target].freezer == "zig":
        _say(target, "not run here, its size is taken")
        return row
    if PLATFORMS[target].freezer == "wine":
        row = replace(row, version_ms=measure_windows(file))
        _say(target, f"-version {row.version_ms:.0f} ms under wine")
        return row
    os.environ["REAGENT_TEST_TARGET"] = str(target)
    found = measure(target, file, lambda line: _say(target, line))
    _say(target, f"-version {found.version_ms:.0f} ms, PSS {found.pss / 1e6:.1f} MB")
    return replace(row, version_ms=found.version_ms, pss=found.pss)


def _judged(target: Target, file: Path, only: list[str] | None) -> tuple[Said, ...]:
    """Let scenarios judge a target; what fails among others is run again without them."""
    wanted = tuple(only or SCENARIOS.get(str(target), ()))
    if not wanted:
        return ()
    name = f"targets-{target.os}-{target.stamp}"
    first, second = REPORTS / name, REPORTS / f"{name}-again"
    commit = _commit(file)  # of what is run, whatever is built in the meantime
    _run(target, first, wanted)
    said = recorded(_record(first), str(target), _today(), commit)
    failed = [f"{each.file}::{name}" for each in said for name in each.failed]
    if failed:
        _say(target, f"{len(failed)} failed and are run again, alone")
        _run(target, second, tuple(failed))
        said = settled(said, _record(second))
    return said


def _keep(target: Target, row: page.Row | None, said: tuple[Said, ...]) -> None:
    """Beside others that write at the same time: what is there is read at the last moment."""
    rows, wanted = page.load(), SCENARIOS.get(str(target), ())
    files = [file for each in wanted for file in _files(each)]
    rows[str(target)] = replace(
        row or rows.get(str(target), page.Row()),
        scenarios=WORDS.get(wanted, "join, answer, update"),
        files=len(files),
    )
    page.save(rows, merged(results.load(), said, str(target), files))


def _files(wanted: str) -> list[str]:
    place = results.ROOT / wanted
    found = sorted(place.glob("test_*.py")) if place.is_dir() else [place]
    return [str(each.relative_to(results.ROOT)) for each in found]


def _record(report: Path) -> Path:
    return report.with_suffix(".jsonl")


def _run(target: Target, report: Path, tests: tuple[str, ...]) -> int:
    if target.os == "linux":
        _say(target, "emulated" if is_emulated(target) else "native")
    REPORTS.mkdir(parents=True, exist_ok=True)
    for each in (_record(report), report.with_suffix(".xml")):
        each.unlink(missing_ok=True)
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "tests.targets.recorder",
        f"--junitxml={report.with_suffix('.xml')}", *tests,
    ]  # fmt: skip
    environment = dict(os.environ) | {RECORD: str(_record(report))}
    if target.os == "linux":  # what wine runs, it runs at this machine's speed
        environment["REAGENT_TEST_TARGET"] = str(target)
    return subprocess.run(command, cwd=results.ROOT, env=environment, check=False).returncode


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _commit(file: Path) -> str:
    """The commit that an executable was made of, as its SBOM has it."""
    sbom = json.loads(file.with_name(f"{file.name}.cdx.json").read_text(encoding="utf-8"))
    facts = {each["name"]: each["value"] for each in sbom["metadata"]["component"]["properties"]}
    return str(facts["reagent:commit"])[:7]


def _say(target: Target, line: str) -> None:
    print(f"{target}: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
