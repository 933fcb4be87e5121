"""`./check`: run every layer of tests, then say how many of each ran, and what was skipped and why.

Exit status 0 only when everything that was asked for passed. With `CI=true` a layer that could run
no test at all is a failure: a missing engine must never look like a green run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET  # reports of our own pytest runs
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sandbox import crossbar, packages
from sandbox.processes import SandboxError

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / ".cache" / "reports"

# Name of the nox session, and its report where it leaves one.
STAGES: tuple[tuple[str, str], ...] = (
    ("lint", ""),
    ("types", ""),
    ("layers", ""),
    ("unit", "unit"),
    ("build", ""),
    ("unit_frozen_python", "unit-frozen-python"),
    ("contract", "contract"),
    ("pipeline", "pipeline"),
    ("integration", "integration"),
    ("frozen", "frozen"),
    ("targets", "targets"),
)

NEEDS_SERVICES = {
    "build", "unit_frozen_python", "contract", "pipeline", "integration", "frozen", "targets",
}  # fmt: skip
# This machine's, and one 32-bit ARM, which is run emulated.
BUILT = ("linux/amd64", "linux/arm/7")
WORDS: dict[str, list[str]] = {"build": [*BUILT], "targets": ["--quick", BUILT[1]]}


@dataclass
class Outcome:
    """How one stage went."""

    name: str
    ok: bool
    seconds: float
    passed: int = 0
    failed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    counted: bool = False


def read_report(outcome: Outcome, report: Path) -> None:
    """Count the cases of a pytest report."""
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - our own file
        kinds = {child.tag for child in case}
        if "failure" in kinds or "error" in kinds:
            outcome.failed += 1
        elif (skip := case.find("skipped")) is not None:
            outcome.skipped[skip.get("message") or "no reason given"] += 1
        else:
            outcome.passed += 1
    outcome.counted = True


def prepare(wanted: Iterable[str]) -> None:
    """Install what the stages stand on; what cannot be had is said, and skips or fails tests."""
    if not set(wanted) & NEEDS_SERVICES:
        return
    print("\n=== prepare", flush=True)

    def say(line: str) -> None:
        print(line, flush=True)

    try:
        packages.ensure(packages.EVERYTHING, say)
        packages.ensure(packages.BUILD, say)
        crossbar.ensure(say)
    except (packages.PackagesMissing, SandboxError) as error:
        say(str(error))


def run(name: str, report_name: str, extra: list[str]) -> Outcome:
    """Run one nox session."""
    report = REPORTS / f"{report_name}.xml"
    report.unlink(missing_ok=True)
    print(f"\n=== {name}", flush=True)
    started = time.monotonic()
    command = [sys.executable, "-m", "nox", "-s", name]
    if name == "build":  # in a container of an engine of our own, where none was named
        command = [sys.executable, "-m", "sandbox.with_engine", *command]
    if extra:
        command += ["--", *extra]
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    outcome = Outcome(name, status == 0, time.monotonic() - started)
    if report_name and report.exists():
        read_report(outcome, report)
    elif report_name:
        outcome.ok = False
    return outcome


def summary(outcomes: list[Outcome], *, strict: bool) -> bool:
    """Print the table; return whether all is well."""
    print("\n=== summary")
    well = True
    for each in outcomes:
        if strict and each.counted and not each.passed:
            each.ok = False
        well = well and each.ok
        verdict = "ok" if each.ok else "FAILED"
        counts = ""
        if each.counted:
            skipped = sum(each.skipped.values())
            counts = f"  {each.passed} passed, {each.failed} failed, {skipped} skipped"
        print(f"{each.name:<20} {verdict:<7} {each.seconds:6.0f} s{counts}")
        for reason, times in each.skipped.most_common():
            print(f"{'':<20} skipped {times} x: {reason}")
    passed = sum(each.passed for each in outcomes)
    failed = sum(each.failed for each in outcomes)
    failed += sum(1 for each in outcomes if not each.ok and not each.failed)
    skipped = sum(sum(each.skipped.values()) for each in outcomes)
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped")
    return well


def main() -> int:
    """Run the stages asked for, all of them by default."""
    names = [name for name, _ in STAGES]
    parser = argparse.ArgumentParser(prog="./check", description="Run all tests.")
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"any of: {' '.join(names)}")
    parser.add_argument(
        "--engine",
        metavar="ADDRESS",
        help="use the Docker engine at this address (unix:///... or tcp://...) for the tests that "
        "need one, instead of starting one",
    )
    options = parser.parse_args()
    if unknown := [each for each in options.stages if each not in names]:
        parser.error(f"unknown stage {', '.join(unknown)}; there are: {' '.join(names)}")
    if options.engine:
        os.environ["REAGENT_TEST_ENGINE"] = os.environ["DOCKER_HOST"] = options.engine
    REPORTS.mkdir(parents=True, exist_ok=True)
    wanted = [each for each in STAGES if not options.stages or each[0] in options.stages]
    prepare(name for name, _ in wanted)
    outcomes = [run(name, report, WORDS.get(name, [])) for name, report in wanted]
    return 0 if summary(outcomes, strict=bool(os.environ.get("CI"))) else 1


if __name__ == "__main__":
    sys.exit(main())
