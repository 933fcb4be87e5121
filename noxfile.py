"""The commands of this project: `nox -l` is the table of contents.

Every session runs in the one environment that `./check` and `./demo` make (pinned in
`pyproject.toml`); what a session does stands in the packages it calls.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
REPORTS = ROOT / ".cache" / "reports"
PYTHON = sys.executable
TIDYING_S = 30

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "layers", "unit"]
nox.options.error_on_external_run = False


def python(session: nox.Session, *args: str, env: dict[str, str] | None = None) -> None:
    """Run this environment's Python with every package of the repository in reach."""
    path = os.pathsep.join(str(ROOT / each) for each in ("src", "build", "release", "."))
    session.run(
        PYTHON, *args, env={"PYTHONPATH": path} | (env or {}), external=True,
        # Ctrl-C: what was begun, containers included, is tidied up by whoever began it.
        interrupt_timeout=TIDYING_S, terminate_timeout=TIDYING_S,
    )  # fmt: skip


def tests(session: nox.Session, name: str, *where: str) -> None:
    """Run tests and leave a report for the summary of `./check`."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    report = REPORTS / f"{name}.xml"
    report.unlink(missing_ok=True)
    python(session, "-m", "pytest", f"--junitxml={report}", "-q", *where, *session.posargs)


steps: list[str] = []  # of a release, in this run of nox: those that are done, and the one begun


def release(session: nox.Session) -> None:
    """Take one step of a release. Behind one that failed nothing more is done."""
    if steps and not steps[-1].startswith("--after="):
        session.error(f"{steps[-1]} did not end well: nothing is done")
    done = tuple(steps)
    steps.append(session.name)
    python(session, "-m", "reagent_release", session.name, *done, *session.posargs)
    steps[-1] = f"--after={session.name}"


@nox.session
def lint(session: nox.Session) -> None:
    """Check format and style."""
    python(session, "-m", "ruff", "format", "--check", ".")
    python(session, "-m", "ruff", "check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Type-check everything, tests and pipeline included."""
    python(
        session, "-m", "mypy", "src", "build/reagent_build", "release/reagent_release",
        "sandbox", "tests", "bench",
    )  # fmt: skip
    # What is on Windows alone is nothing to a checker that believes to be elsewhere.
    python(
        session, "-m", "mypy", "--platform=win32", "--follow-imports=silent",
        "--cache-dir=.mypy_cache/win32", "src/reagent/adapters/windows",
        "src/reagent/adapters/docker/address.py", "src/reagent/adapters/trials.py",
        "src/reagent/adapters/ordering.py", "src/reagent/commands/windows",
        "src/reagent/updates/windows", "tests/contract/control_worlds.py",
        "tests/contract/test_control_pipe.py",
    )  # fmt: skip


@nox.session
def layers(session: nox.Session) -> None:
    """Check that imports flow one way."""
    session.run(str(Path(PYTHON).parent / "lint-imports"), external=True)


@nox.session
def unit(session: nox.Session) -> None:
    """Test with fakes at the edges: no Docker, no network, no waiting."""
    tests(session, "unit", "tests/unit")


@nox.session
def unit_frozen_python(session: nox.Session) -> None:
    """Run in the build image what depends on it: unit tests in its Python, links by its linker."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    python(
        session, "-m", "sandbox.inside", f"--junitxml={REPORTS / 'unit-frozen-python.xml'}", "-q",
        "tests/unit", "tests/pipeline/test_build_relink.py", *session.posargs,
    )  # fmt: skip


@nox.session
def contract(session: nox.Session) -> None:
    """Judge every fake and its real counterpart by the same suite."""
    tests(session, "contract", "tests/contract")


@nox.session
def integration(session: nox.Session) -> None:
    """Test the agent against a real Docker engine, WAMP router and registry."""
    tests(session, "integration", "tests/integration")


@nox.session
def pipeline(session: nox.Session) -> None:
    """Test build and release code."""
    tests(session, "pipeline", "tests/pipeline")


@nox.session
def build(session: nox.Session) -> None:
    """Build the executables of the targets named: nox -s build -- linux/amd64."""
    python(session, "-m", "reagent_build", *session.posargs)


@nox.session
def build_all(session: nox.Session) -> None:
    """Build the executable of every line in targets."""
    release(session)


@nox.session
def reproducible(session: nox.Session) -> None:
    """Build this commit twice, far apart, and compare every byte: nox -s reproducible."""
    python(session, "-m", "reagent_build.reproducible", *session.posargs)


@nox.session
def refresh(session: nox.Session) -> None:
    """Make the build images anew with Debian's security updates, and say what changed."""
    python(session, "-m", "reagent_build.refresh", *session.posargs)


@nox.session
def publish(session: nox.Session) -> None:
    """Upload what was built, with checksums. Shows the plan first; -- --dry-run stops there."""
    release(session)


@nox.session
def rollout(session: nox.Session) -> None:
    """Point an environment at a version: nox -s rollout -- production 1.2.3 [--curve 1h:1%,...]."""
    release(session)


@nox.session
def pause(session: nox.Session) -> None:
    """Hold a version that is on its way through a fleet: nox -s pause -- production."""
    release(session)


@nox.session
def resume(session: nox.Session) -> None:
    """Let it go on, past the ten percent at which it stops by itself, too."""
    release(session)


@nox.session
def rollback(session: nox.Session) -> None:
    """Order devices back: off a version on its way, or nox -s rollback -- production 1.2.2."""
    release(session)


@nox.session
def keys(session: nox.Session) -> None:
    """Show, make, replace the keys that releases are signed with: nox -s keys -- init FOLDER."""
    python(session, "-m", "reagent_release", "keys", *session.posargs)


@nox.session
def frozen(session: nox.Session) -> None:
    """Run the executable that was built: command line, bad input, connect, be killed."""
    tests(session, "frozen", "tests/frozen")


@nox.session
def proof(session: nox.Session) -> None:
    """Try to brick a device in every way there is, for hours: docs/proof.md."""
    python(session, "-m", "tests.proof", *session.posargs)


@nox.session
def targets(session: nox.Session) -> None:
    """Run the executable of every target, on this machine or emulated: docs/targets.md."""
    python(session, "-m", "tests.targets", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure beside a reference in the same run and print ratios."""
    python(session, "-m", "bench", *session.posargs)


@nox.session
def sandbox(session: nox.Session) -> None:
    """A cloud in a box: router, backend, registry, engine, and a device to talk to."""
    python(session, "-m", "sandbox", *session.posargs)
