"""The sandbox as pytest fixtures, shared by `tests/integration` and `tests/frozen`.

One Crossbar, one registry and one engine serve a whole test session; each test has a backend, a
database and devices of its own. A conftest imports the fixtures it offers, and the hooks.

    services   what the session shares            router, registry, engine   parts of it
    cloud      a backend of this test's own       backend, user, system      parts of it
    device     a flashed device that runs `program`, not started yet
"""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from sandbox import crossbar
from sandbox.backend import Backend
from sandbox.callers import SYSTEM, USER, Caller
from sandbox.cloud import Cloud, Services, cloud_on
from sandbox.cloud import services as open_services
from sandbox.device import Device
from sandbox.emulation import runnable
from sandbox.engine import GivenEngine, OwnEngine
from sandbox.packages import PackagesMissing
from sandbox.paths import REPOSITORY
from sandbox.processes import SandboxError
from sandbox.program import Program, from_source, frozen
from sandbox.registry import Registry
from sandbox.router import Router
from sandbox.under_test import patient, slowness, target

BUILT: Final = REPOSITORY / "build/out"
# An engine that is there already, for machines where none of our own can be started.
ENGINE_ADDRESS: Final = os.environ.get("REAGENT_TEST_ENGINE") or None

_MARKS: Final = {"services": "router", "engine": "docker"}
_CLOUD: Final = pytest.StashKey[Cloud]()


def unavailable(reason: str) -> None:
    """What is missing fails a test in CI, and skips it elsewhere."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


# --- hooks


def mark(items: list[pytest.Item], below: Path) -> None:
    """Mark tests in a folder by what they stand on: `router`, `docker`."""
    for item in items:
        if not item.path.is_relative_to(below):
            continue
        for fixture, name in _MARKS.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(name)
        if slowness() != 1:
            _give_time(item)


def _give_time(item: pytest.Item) -> None:
    """Let the whole of a test take as much longer as its waits."""
    marker = item.get_closest_marker("timeout")
    seconds = marker.args[0] if marker else item.config.getini("timeout")
    item.add_marker(pytest.mark.timeout(patient(float(seconds))), append=False)


def prepare(session: pytest.Session) -> None:
    """Make Crossbar's environment before the first test, whose timeout it would exceed.

    A shell's background job ignores Ctrl-C, and so would whatever it starts until that says
    otherwise; what a service manager starts does not.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if any("services" in getattr(item, "fixturenames", ()) for item in session.items):
        try:
            crossbar.ensure(lambda line: print(f"\n{line}"))
        except SandboxError as error:
            print(f"\n{error}")


def explain(item: pytest.Item, report: pytest.TestReport) -> None:
    """Show what the devices of a failed test said."""
    whole = item.stash.get(_CLOUD, None)
    if whole is None or not report.failed:
        return
    for device in whole.devices:
        title = f"device {device.identity.device_key}, exits {device.exits}"
        report.sections.append((title, device.tail(60)))
    calls = [f"{c.procedure} {c.args}"[:300] for c in whole.backend.calls[-60:]]
    report.sections.append(("calls at the backend", "\n".join(calls)))


# --- shared by the session


class _Shared:
    """Services that start with the first who asks and end with the last; two conftests may ask."""

    def __init__(self) -> None:
        self._users = 0
        self._stack = ExitStack()
        self._services: Services | None = None

    def take(self) -> Services:
        if self._services is None:
            self._services = self._stack.enter_context(
                open_services(lambda _: None, engine=ENGINE_ADDRESS, install=False)
            )
        self._users += 1
        return self._services

    def give_back(self) -> None:
        self._users -= 1
        if self._users == 0:
            self._services = None
            self._stack.close()


_SHARED: Final = _Shared()


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """Router, registry and engine of this test session."""
    try:
        taken = _SHARED.take()
    except (SandboxError, PackagesMissing) as error:
        unavailable(str(error))
        raise
    yield taken
    _SHARED.give_back()


@pytest.fixture
def router(services: Services) -> Router:
    """The router, up and answering, whatever the test before did to it."""
    services.router.thaw()
    services.router.start()
    return services.router


@pytest.fixture
def registry(services: Services) -> Registry:
    """The registry, up and answering."""
    services.registry.thaw()
    services.registry.start()
    return services.registry


@pytest.fixture
def engine(services: Services) -> Iterator[OwnEngine | GivenEngine]:
    """The engine, up and empty; emptied again afterwards where it is ours."""
    if services.engine is None:
        unavailable(services.no_engine)
        raise SandboxError(services.no_engine)
    services.engine.start()
    yield services.engine
    if isinstance(services.engine, OwnEngine):
        services.engine.start()
        services.engine.empty(images_of=services.registry.address)


# --- of each test


@pytest.fixture
async def cloud(
    services: Services,
    router: Router,  # noqa: ARG001 - has to be up
    registry: Registry,  # noqa: ARG001 - has to be up
    request: pytest.FixtureRequest,
) -> AsyncIterator[Cloud]:
    """A platform of this test's own on the shared services. Its devices end with it."""
    async with cloud_on(services) as whole:
        request.node.stash[_CLOUD] = whole
        yield whole


@pytest.fixture
def backend(cloud: Cloud) -> Backend:
    """The platform's backend: what it was told, and what it is to do wrong."""
    return cloud.backend


@pytest.fixture
async def user(cloud: Cloud) -> AsyncIterator[Caller]:
    """Account 501, which has every privilege on every device unless the test revokes it."""
    async with Caller(cloud.router, USER) as caller:
        yield caller


@pytest.fixture
async def system(cloud: Cloud) -> AsyncIterator[Caller]:
    """The platform itself."""
    async with Caller(cloud.router, SYSTEM) as caller:
        yield caller


@pytest.fixture
def device(cloud: Cloud, program: Program) -> Device:
    """A flashed device, known to the platform, not started. It uses the engine of the session."""
    return cloud.new_device(program)


@pytest.fixture(scope="session")
def source_program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The agent of the source tree."""
    return from_source(tmp_path_factory.mktemp("program"))


@pytest.fixture(scope="session")
def built_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The executable that was built for the target under test, or that REAGENT_EXECUTABLE names.

    The target is this machine's unless `REAGENT_TEST_TARGET=linux/arm/7` or the like says another.
    `REAGENT_EXECUTABLE=source` judges the source tree by the same scenarios.
    """
    named = os.environ.get("REAGENT_EXECUTABLE")
    if named == "source":
        yield from_source(tmp_path_factory.mktemp("program"))
        return
    file = Path(named) if named else BUILT / target().file_name
    if not file.exists():
        unavailable(f"{file} was not built: nox -s build -- {target()}")
    with ExitStack() as stack:
        try:
            program = stack.enter_context(
                runnable(file, target(), tmp_path_factory.mktemp("emulated"))
            )
        except SandboxError as error:
            unavailable(str(error))
            raise
        yield frozen(program)
