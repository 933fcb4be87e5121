"""The built executable against real services. What there is to use: `sandbox/fixtures.py`.

The scenarios judge from outside alone, so the source tree can be judged by them too:
`REAGENT_EXECUTABLE=source pytest tests/frozen`. Random moments come from a seed that is printed;
`REAGENT_TEST_SEED=<number>` repeats them.
"""

import os
import random
import secrets
from collections.abc import Generator
from pathlib import Path

import pytest

from sandbox import fixtures
from sandbox.fixtures import (  # noqa: F401 - pytest finds fixtures by their names here
    backend,
    built_program,
    cloud,
    device,
    engine,
    registry,
    router,
    services,
    system,
    user,
)
from sandbox.program import Program
from sandbox.under_test import is_emulated, target
from tests.targets.scenarios import BEYOND_EMULATION

HERE = Path(__file__).parent
SEED = int(os.environ.get("REAGENT_TEST_SEED") or secrets.randbelow(1_000_000))


@pytest.fixture
def program(built_program: Program) -> Program:  # noqa: F811
    """What devices run here."""
    return built_program


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Chance that can be repeated: the same for a test whatever ran before it."""
    print(f"seed {SEED}: REAGENT_TEST_SEED={SEED} repeats this")
    return random.Random(f"{SEED} {request.node.name}")


def pytest_report_header() -> str:
    return f"random moments: REAGENT_TEST_SEED={SEED} repeats them"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    fixtures.mark(items, HERE)
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("frozen")
            if is_emulated(target()) and (why := _beyond_emulation(item)):
                item.add_marker(pytest.mark.skip(reason=f"emulated: {why}"))


def _beyond_emulation(item: pytest.Item) -> str:
    """Why an emulated executable cannot pass it, whatever its parameters; empty: it can."""
    name = item.nodeid.partition("[")[0]
    return BEYOND_EMULATION.get(name) or BEYOND_EMULATION.get(name.partition("::")[0]) or ""


def pytest_collection_finish(session: pytest.Session) -> None:
    fixtures.prepare(session)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    fixtures.explain(item, report)
    return report
