"""The built executable against real services. What there is to use: `sandbox/fixtures.py`."""

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

HERE = Path(__file__).parent


@pytest.fixture
def program(built_program: Program) -> Program:  # noqa: F811
    """What devices run here."""
    return built_program


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    fixtures.mark(items, HERE)
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("frozen")


def pytest_collection_finish(session: pytest.Session) -> None:
    fixtures.prepare(session)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    fixtures.explain(item, report)
    return report
