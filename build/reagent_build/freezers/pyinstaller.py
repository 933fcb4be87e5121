"""PyInstaller, for build machines without Docker: the machine's own target, out of its own Python.

The file unpacks itself at every start and needs the build machine's libc or a newer one. It is the
fall-back, never what a release ships for Linux.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from reagent_build.errors import BuildError
from reagent_build.freezers import Workshop
from reagent_build.images import BUILD
from reagent_build.inside.contents import modules_under
from reagent_build.plan import Plan
from reagent_build.sbom_facts import Facts, Runtime
from reagent_build.sbom_runtimes import boot_loader, of_python, with_pysqlite
from reagent_build.wheels import ensure_wheels

# Two builds of the same sources are then the same bytes.
_FIXED: Final = {"PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": "1", "PYTHONDONTWRITEBYTECODE": "1"}
# Brought by requirements-pyinstaller.txt for some machines; PyInstaller goes on without.
_WHERE_THERE_ARE: Final = ("pysqlite3", "pysqlite3.dbapi2")
# Before the application: what it costs to be the child of a boot loader.
SETTLED: Final = """
import sys
from reagent.adapters.posix.unpacked import settle
settle(sys.argv[1:])
"""
# What PyInstaller adds to every bundle and nothing of ours ever imports.
_UNUSED: Final = ("multiprocessing", "tkinter", "unittest", "pydoc", "setuptools", "pkg_resources")


def freeze(plan: Plan, workshop: Workshop, partial: Path) -> None:
    """Make a one-file executable for this machine.

    Raises:
        BuildError: with what is missing or what a tool said.
    """
    workshop.progress.step("get the wheels (once for each requirements-runtime.txt)")
    wheels = ensure_wheels(BUILD / "requirements-runtime.txt", workshop.cache)
    workshop.progress.step("make PyInstaller's environment (once)")
    python = _environment(workshop.cache, wheels)
    workshop.progress.step(f"freeze {plan.target} with PyInstaller")
    work = plan.output.parent / "work"
    shutil.rmtree(work, ignore_errors=True)
    staged = _stage(plan, workshop.repository, work / "src")
    command = (str(python), "-OO", "-m", "PyInstaller", *arguments(staged, work))
    _run(command, "PyInstaller failed", os.environ | _FIXED)
    shutil.copyfile(work / "dist/reagent", partial)
    Facts(
        wheels=[str(wheel) for wheel in wheels],
        requirements=str(BUILD / "requirements-runtime.txt"),
        runtimes=[*of_python((python, "-I")), _boot_loader(python), *_newer_sqlite(python)],
    ).leave(partial)


def _boot_loader(python: Path) -> Runtime:
    ask = "from importlib.metadata import version; print(version('pyinstaller'))"
    done = subprocess.run(
        [str(python), "-I", "-c", ask], capture_output=True, text=True, check=True
    )
    return boot_loader(done.stdout.strip())


def _newer_sqlite(python: Path) -> tuple[Runtime, ...]:
    """The other SQLite, and what brings it, where there is one."""
    ask = (
        "from importlib.metadata import version; import pysqlite3.dbapi2 as driver;"
        "print(version('pysqlite3'), driver.sqlite_version)"
    )
    done = subprocess.run(
        [str(python), "-I", "-c", ask], capture_output=True, text=True, check=False
    )
    return with_pysqlite(*done.stdout.split()) if done.returncode == 0 else ()


def arguments(staged: Path, work: Path) -> list[str]:
    """What PyInstaller is told; its default folders would be ours, `build` among them."""
    spec = tomllib.loads((BUILD / "reagent.spec").read_text())
    package = staged / "reagent"
    left_out = tuple(name for name in spec["left_out"] if not _needed_here(name))
    modules = modules_under(staged, left_out)
    data = {
        path.relative_to(staged)
        for pattern in spec["resources"]
        for path in package.glob(pattern)
        if path.is_file()
    }
    words = [
        "--onefile", "--noconfirm", "--log-level=WARN", "--name=reagent", "--noupx",
        f"--workpath={work}", f"--distpath={work / 'dist'}", f"--specpath={work}",
        f"--paths={staged}", "--collect-data=certifi",
    ]  # fmt: skip
    if sys.platform == "linux":
        words.append("--strip")
    words += [f"--hidden-import={name}" for name in (*sorted(modules), *_WHERE_THERE_ARE)]
    words += [f"--exclude-module={name}" for name in (*_UNUSED, *left_out)]
    words += [
        f"--add-data={staged / path}{os.pathsep}{path.parent.as_posix()}" for path in sorted(data)
    ]
    return [*words, str(staged / "main.py")]


def _needed_here(name: str) -> bool:
    return sys.platform == "win32" and name == "reagent.adapters.windows"


def _stage(plan: Plan, repository: Path, target: Path) -> Path:
    """The sources as they are, but for what only the build knows."""
    shutil.copytree(
        repository / "src/reagent",
        target / "reagent",
        ignore=shutil.ignore_patterns("__pycache__", "*.pyi"),
    )
    (target / "reagent/_built.py").write_text(
        f"ARCH = {plan.target.stamp!r}\nCOMMIT = {plan.commit!r}\nFREEZER = 'pyinstaller'\n"
    )
    for root in plan.roots:
        (target / "reagent" / root.name).parent.mkdir(exist_ok=True)
        (target / "reagent" / root.name).write_bytes(root.content)
    spec = tomllib.loads((BUILD / "reagent.spec").read_text())
    before = "" if sys.platform == "win32" else SETTLED
    (target / "main.py").write_text(before + spec["command"])
    return target


def _environment(cache: Path, wheels: Sequence[Path]) -> Path:
    """A Python with PyInstaller and the wheels, made once for each set of them."""
    requirements = BUILD / "requirements-pyinstaller.txt"
    names = "\n".join([requirements.read_text(), sys.version, *(wheel.name for wheel in wheels)])
    folder = cache / f"pyinstaller-{hashlib.sha256(names.encode()).hexdigest()[:12]}"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    ready = folder / "ready"
    if ready.exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    _run(
        (sys.executable, "-m", "venv", str(folder)),
        "cannot make an environment (Debian: apt-get install python3-venv)",
    )
    pip = (str(python), "-m", "pip", "install", "--quiet")
    _run((*pip, f"--requirement={requirements}"), "cannot install PyInstaller")
    _run((*pip, "--no-deps", "--no-index", *map(str, wheels)), "cannot install the wheels")
    ready.touch()
    return python


def _run(command: Sequence[str], complaint: str, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise BuildError(f"{complaint}:\n{(done.stdout + done.stderr)[-3000:].strip()}")
