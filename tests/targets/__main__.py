"""Run every executable that was built, and say so: `nox -s targets -- linux/arm/7 --write`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import xml.etree.ElementTree as ET  # reports of our own pytest runs
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from reagent_build.targets import PLATFORMS, Target, UnknownTargetError
from sandbox.packages import PackagesMissing
from sandbox.processes import SandboxError
from sandbox.under_test import is_emulated
from tests.targets import page
from tests.targets.measure import measure, measure_windows
from tests.targets.scenarios import QUICK, SCENARIOS, WORDS

REPORTS: Final = page.ROOT / ".cache/reports"
BUILT: Final = page.ROOT / "build/out"


def main() -> int:
    """Exit status 0 when all that was to run did, and passed."""
    options = _options()
    if options.quick:
        return _run(_target(options.targets), REPORTS / "targets.xml", ("tests/targets", *QUICK))
    if options.page:
        page.save(page.load())
        return 0
    targets = [Target.parse(each) for each in options.targets] or list(PLATFORMS)
    rows = page.load()
    well = True
    for target in targets:
        file = BUILT / target.file_name
        if not file.exists():
            _say(target, "not built here: nothing is measured")
            well = well and not options.targets
            continue
        try:
            rows[str(target)], good = _row(target, file, rows.get(str(target)), options.measure)
        except (SandboxError, PackagesMissing, TimeoutError) as error:
            _say(target, str(error))
            good = False
        well = well and good
        if options.write:
            page.save(rows)
    return 0 if well else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s targets --", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="all that were built, else")
    parser.add_argument("--write", action="store_true", help="write the rows of docs/targets.md")
    parser.add_argument("--measure", action="store_true", help="figures alone, no scenarios")
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


def _row(
    target: Target,
    file: Path,
    before: page.Row | None,
    only_measure: bool,  # noqa: FBT001
) -> tuple[page.Row, bool]:
    """Measure a target and let its scenarios judge it."""
    row = replace(before or page.Row(), size=file.stat().st_size, date=_today(), commit=_commit())
    if PLATFORMS[target].freezer == "zig":
        _say(target, "not run here, its size is taken")
        return row, True
    if PLATFORMS[target].freezer == "wine":
        row = replace(row, version_ms=measure_windows(file))
        _say(target, f"-version {row.version_ms:.0f} ms under wine")
    else:
        os.environ["REAGENT_TEST_TARGET"] = str(target)
        found = measure(target, file, lambda line: _say(target, line))
        row = replace(row, version_ms=found.version_ms, pss=found.pss)
        _say(target, f"-version {found.version_ms:.0f} ms, PSS {found.pss / 1e6:.1f} MB")
    if only_measure:
        return row, True
    report = REPORTS / f"targets-{target.stamp}.xml"
    wanted = SCENARIOS[str(target)]
    status = _run(target, report, wanted)
    counts = _counts(report)
    row = replace(
        row,
        scenarios=WORDS.get(wanted, "join, answer, update"),
        passed=counts["passed"],
        failed=counts["failed"],
        skipped=counts["skipped"],
        note="",
    )
    return row, status == 0


def _run(target: Target, report: Path, tests: tuple[str, ...]) -> int:
    if target.os == "linux":
        _say(target, "emulated" if is_emulated(target) else "native")
    REPORTS.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *tests]
    environment = dict(os.environ)
    if target.os == "linux":  # what wine runs, it runs at this machine's speed
        environment["REAGENT_TEST_TARGET"] = str(target)
    return subprocess.run(command, cwd=page.ROOT, env=environment, check=False).returncode


def _counts(report: Path) -> Counter[str]:
    counts: Counter[str] = Counter()
    if report.exists():
        for case in ET.parse(report).getroot().iter("testcase"):
            kinds = {child.tag for child in case}
            failed = bool(kinds & {"failure", "error"})
            counts["failed" if failed else "skipped" if "skipped" in kinds else "passed"] += 1
    return counts


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _commit() -> str:
    command = ["git", "rev-parse", "--short=7", "HEAD"]
    done = subprocess.run(command, cwd=page.ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _say(target: Target, line: str) -> None:
    print(f"{target}: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
