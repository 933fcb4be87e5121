"""A copy of this repository in which versions are raised, spoiled, built, published, rolled out.

The checkout itself stays as it is: the commands are those of the pipeline, run in the copy.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from reagent_build.checksum import sidecar
from reagent_build.sbom_papers import PAPERS
from sandbox.images import architecture
from sandbox.paths import REPOSITORY
from sandbox.processes import SandboxError

Progress = Callable[[str], None]

_COPIED: Final = ("src", "build", "release", "pyproject.toml", "availableVersions.json")

# How to make an agent that is broken: a file, a text in it, and what stands there instead.
Spoil = tuple[str, str, str]
EXITS_AT_ONCE: Final[Spoil] = (
    "src/reagent/process.py",
    "def run(flags: Flags",
    "def run(flags: Flags, *_: object) -> int:\n    return 3\n\n\ndef _run_no_more(flags: Flags",
)
NEVER_JOINS: Final[Spoil] = (
    "src/reagent/adapters/wamp/connect.py",
    "        session = RouterSession(self._patience)\n",
    (
        '        raise DialFailed("this version never joins")\n'
        "        session = RouterSession(self._patience)\n"
    ),
)


class Workshop:
    """Builds and releases versions from a copy below `folder`, into the bucket folder `buckets`."""

    def __init__(self, folder: Path, buckets: Path, engine: str | None, say: Progress) -> None:
        self.root = folder
        self._say = say
        self._environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(
                str(folder / each) for each in ("src", "build", "release")
            ),
            "REAGENT_BUCKET": str(buckets),
        }
        if engine:
            self._environment["DOCKER_HOST"] = engine
        self._freezer = [] if engine else ["--freezer", "pyinstaller"]
        self._targets = ("--targets", f"linux/{architecture()}")
        folder.mkdir(parents=True)
        for name in _COPIED:
            source = REPOSITORY / name
            if source.is_dir():
                shutil.copytree(
                    source, folder / name, ignore=shutil.ignore_patterns("out", "__pycache__")
                )
            else:
                shutil.copy2(source, folder / name)
        (folder / ".cache").symlink_to(REPOSITORY / ".cache")
        (folder / "targets").write_text(f"linux/{architecture()}\n", encoding="ascii")

    def trust(self) -> Path:
        """`nox -s keys -- init`, in the copy: builds bring the root then, releases are signed.

        Returns:
            The folder of the keyring.
        """
        ring = self.root / "ring"
        self._run("reagent_release", "keys", "init", str(ring))
        self._environment |= {
            "REAGENT_TRUST_KEYS": str(ring),
            "REAGENT_TRUST_ROOTS": str(ring / "roots"),
        }
        return ring

    @property
    def executable(self) -> Path:
        """What the last build made."""
        return self.root / f"build/out/reagent-linux-{architecture()}"

    def raise_to(self, version: str) -> None:
        """Write another version into the copy."""
        (self.root / "src/reagent/version.txt").write_text(f"{version}\n", encoding="ascii")

    def build(self, version: str, spoiled: Spoil | None = None) -> Path:
        """Build that version, broken if asked to; the copy's source is whole again afterwards.

        Raises:
            SandboxError: it cannot be built, or the text to spoil is not there.
        """
        self.raise_to(version)
        if spoiled is None:
            self._run("reagent_build", *self._freezer)
            return self.executable
        name, text, instead = spoiled
        file = self.root / name
        whole = file.read_text(encoding="utf-8")
        if whole.count(text) != 1:
            raise SandboxError(f"{name} has changed: what is to be spoiled is not there once")
        file.write_text(whole.replace(text, instead), encoding="utf-8")
        try:
            self._run("reagent_build", *self._freezer)
        finally:
            file.write_text(whole, encoding="utf-8")
        return self.executable

    def adopt(self, executable: Path) -> None:
        """Take over what was built elsewhere, as if it had been built here."""
        self.executable.parent.mkdir(parents=True, exist_ok=True)
        for place in (*PAPERS, sidecar, Path):
            if place(executable).exists():
                shutil.copy2(place(executable), place(self.executable))

    def publish(self) -> None:
        """`nox -s publish -- --targets`, in the copy, for this machine's target alone."""
        self._run("reagent_release", "publish", *self._targets)

    def roll_out(self, *pairs: str) -> None:
        """`nox -s rollout -- [ENVIRONMENT VERSION] --targets`, in the copy, likewise."""
        self._run("reagent_release", "rollout", *pairs, *self._targets)

    def _run(self, module: str, *words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", module, *words],
            cwd=self.root,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        for line in done.stdout.splitlines():
            self._say(line)
        if done.returncode:
            last = done.stdout.strip().rpartition("\n")[2]
            raise SandboxError(f"{module} {' '.join(words)} failed: {last}")
