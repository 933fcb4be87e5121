"""`./check`: run every layer of tests, then say how many of each ran, and what was skipped and why.

Exit status 0 only when everything that was asked for passed. With `CI=true` a layer that could run
no test at all is a failure: a missing engine must never look like a green run. Where real programs
run against each other, one or two tests that fail are run once more, without the others around
them; what passes then is named as unsteady, with its first failure still on the page.
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

# Real routers, engines and processes share two cores there; everywhere else a failure is one.
RUN_AGAIN = {"contract", "pipeline", "integration", "frozen"}
RUN_AGAIN_AT_MOST = 2


@dataclass
class Outcome:
    """How one stage went."""

    name: str
    ok: bool
    seconds: float
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    unsteady: list[str] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    counted: bool = False

    @property
    def deserves_another_run(self) -> bool:
        """Whether what failed may be the machine's doing; many at once are not."""
        return self.name in RUN_AGAIN and 0 < len(self.failed) <= RUN_AGAIN_AT_MOST

    def judge_by(self, again: Outcome) -> None:
        """Take back the failures, if each of them ran once more and passed."""
        self.seconds += again.seconds
        if again.ok and again.passed == len(self.failed):
            self.ok, self.passed = True, self.passed + again.passed
            self.unsteady, self.failed = self.failed, []


def read_report(outcome: Outcome, report: Path) -> None:
    """Count the cases of a pytest report."""
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - our own file
        kinds = {child.tag for child in case}
        if "failure" in kinds or "error" in kinds:
            outcome.failed.append(f"{case.get('classname')}.{case.get('name')}")
        elif (skip := case.find("skipped")) is not None:
            outcome.skipped[_reason(skip)] += 1
        else:
            outcome.passed += 1
    outcome.counted = True


def _reason(skip: ET.Element) -> str:
    """Why a test was skipped; of a whole file pytest says it behind its place."""
    said = skip.get("message") or "no reason given"
    if said == "collection skipped":
        return (skip.text or said).rpartition("Skipped: ")[2].rstrip("')")
    return said


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


def run(name: str, report_name: str, words: list[str]) -> Outcome:
    """Run one nox session."""
    report = REPORTS / f"{report_name}.xml"
    report.unlink(missing_ok=True)
    print(f"\n=== {name}{' '.join(['', *words])}", flush=True)
    started = time.monotonic()
    command = [sys.executable, "-m", "nox", "-s", name]
    if name == "build":  # in a container of an engine of our own, where none was named
        command = [sys.executable, "-m", "sandbox.with_engine", *command]
    if words:
        command += ["--", *words]
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    outcome = Outcome(name, status == 0, time.monotonic() - started)
    if report_name and report.exists():
        read_report(outcome, report)
    elif report_name:
        outcome.ok = False
    return outcome


def stage(name: str, report_name: str) -> Outcome:
    """Run one stage; what failed, a second time where that is worth it."""
    outcome = run(name, report_name, WORDS.get(name, []))
    if outcome.deserves_another_run:
        report = REPORTS / f"{report_name}.xml"
        first = report.read_bytes()
        outcome.judge_by(
            run(name, report_name, ["--last-failed", "--last-failed-no-failures=none"])
        )
        report.write_bytes(first)
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
            counts = f"  {each.passed} passed, {len(each.failed)} failed, {skipped} skipped"
        print(f"{each.name:<20} {verdict:<7} {each.seconds:6.0f} s{counts}")
        for test in each.unsteady:
            print(f"{'':<20} UNSTEADY, failed first and passed alone: {test}")
        for reason, times in each.skipped.most_common():
            print(f"{'':<20} skipped {times} x: {reason}")
    passed = sum(each.passed for each in outcomes)
    failed = sum(len(each.failed) for each in outcomes)
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
    outcomes = [stage(name, report) for name, report in wanted]
    return 0 if summary(outcomes, strict=bool(os.environ.get("CI"))) else 1


if __name__ == "__main__":
    sys.exit(main())
