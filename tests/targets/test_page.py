from __future__ import annotations

from reagent_build.targets import PLATFORMS
from tests.targets import page, results
from tests.targets.scenarios import BEYOND_EMULATION, QUICK, REACHES, SCENARIOS, WINE


def test_the_page_says_what_was_measured() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.page(page.load(), results.load()), (
        "print it: nox -s targets -- --page"
    )


def test_a_target_that_was_not_measured_says_so() -> None:
    lines = page.page({}, ()).splitlines()

    for target in PLATFORMS:
        (line,) = (each for each in lines if each.startswith(f"| {target} |"))
        assert "| not yet |" in line


def test_every_target_that_runs_here_is_judged_by_scenarios_that_exist() -> None:
    assert set(SCENARIOS) == {str(each) for each in PLATFORMS if each.os != "darwin"}
    for node in (*QUICK, *REACHES, *WINE, *BEYOND_EMULATION):
        file, _, function = node.partition("::")
        text = (results.ROOT / file).read_text(encoding="utf-8")
        assert not function or f"def {function}(" in text, node
