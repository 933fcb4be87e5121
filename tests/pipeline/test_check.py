"""`.ci/check.py`, which decides whether a change lands."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).resolve().parents[2] / ".ci" / "check.py"


@pytest.fixture(scope="module")
def check() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("check_of_ci", FILE)
    if spec is None or spec.loader is None:
        pytest.fail(".ci/check.py is not where it was")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.parametrize(
    ("name", "failed", "expected"),
    [
        ("integration", 1, True),
        ("integration", 2, True),
        ("integration", 3, False),
        ("integration", 0, False),
        ("unit", 1, False),
    ],
)
def test_few_failures_of_real_programs_are_run_once_more(
    check: ModuleType, name: str, failed: int, *, expected: bool
) -> None:
    outcome = check.Outcome(name, False, 1.0, failed=[f"test_{n}" for n in range(failed)])

    assert outcome.deserves_another_run is expected


def test_what_passes_alone_is_well_and_named(
    check: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = check.Outcome("frozen", False, 1.0, passed=7, failed=["test_a"], counted=True)

    outcome.judge_by(check.Outcome("frozen", True, 1.0, passed=1, counted=True))
    well = check.summary([outcome], strict=True)

    assert well
    said = capsys.readouterr().out
    assert "8 passed, 0 failed" in said
    assert "UNSTEADY, failed first and passed alone: test_a" in said


@pytest.mark.parametrize(("ok", "passed"), [(False, 0), (True, 0), (False, 1)])
def test_what_fails_again_or_does_not_run_again_has_failed(
    check: ModuleType, passed: int, *, ok: bool
) -> None:
    outcome = check.Outcome("frozen", False, 1.0, passed=7, failed=["test_a"], counted=True)

    outcome.judge_by(check.Outcome("frozen", ok, 1.0, passed=passed, counted=True))

    assert not check.summary([outcome], strict=True)
    assert outcome.failed == ["test_a"]


def test_a_report_names_what_failed_and_why_something_was_skipped(
    check: ModuleType, tmp_path: Path
) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite><testcase classname="tests.a" name="test_b[c]"><failure/>'
        '</testcase><testcase classname="tests.a" name="test_d"/>'
        '<testcase classname="" name="tests.e"><skipped message="collection skipped">'
        "('/x/e.py', 19, 'Skipped: there are no pipes here')</skipped></testcase>"
        "</testsuite></testsuites>",
        "utf-8",
    )
    outcome = check.Outcome("unit", False, 1.0)

    check.read_report(outcome, report)

    assert outcome.failed == ["tests.a.test_b[c]"]
    assert outcome.passed == 1
    assert dict(outcome.skipped) == {"there are no pipes here": 1}
