"""The roots of trust that are put into the executables: what their devices believe of a bucket.

A folder of `<version>.root.json`, as `nox -s keys` makes it; the public half alone. Without one the
executables go by a plain bucket, and the plan says so.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reagent_build import pyproject
from reagent_build.errors import BuildError

VARIABLE: Final = "REAGENT_TRUST_ROOTS"
SETTING: Final = "[tool.reagent.trust] roots"
SUFFIX: Final = ".root.json"
# Where `reagent.updates.trust.roots` looks, below the package.
IN_PACKAGE: Final = "trust"


@dataclass(frozen=True, slots=True)
class Root:
    """One that is put in."""

    version: int
    content: bytes

    @property
    def name(self) -> str:
        """Below the package."""
        return f"{IN_PACKAGE}/{self.version}{SUFFIX}"


def chosen(repository: Path, environment: Mapping[str, str]) -> tuple[Root, ...]:
    """The roots of the folder that the variable names, or else pyproject.toml; none by default.

    Raises:
        BuildError: there is no root where one is named, or what is there is none.
    """
    where, named = VARIABLE, environment.get(VARIABLE, "")
    if not named:
        where, named = SETTING, _in_pyproject(repository)
    if not named:
        return ()
    folder = repository / named
    found = tuple(_read(path) for path in sorted(folder.glob(f"*{SUFFIX}")))
    if not found:
        raise BuildError(f"{where}: there is no <version>{SUFFIX} in {folder}")
    return tuple(sorted(found, key=lambda root: root.version))


def _read(path: Path) -> Root:
    number = path.name.removesuffix(SUFFIX)
    try:
        content = path.read_bytes()
        signed = json.loads(content)["signed"]
        kind, version = signed["_type"], signed["version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BuildError(f"{path} is no root: {type(error).__name__}: {error}") from error
    if kind != "root" or str(version) != number:
        raise BuildError(f"{path} holds {kind} version {version}, not root version {number}")
    return Root(version, content)


def _in_pyproject(repository: Path) -> str:
    try:
        return pyproject.text(repository / "pyproject.toml", "trust", "roots")
    except (pyproject.UnreadableError, pyproject.NotTextError) as error:
        raise BuildError(str(error)) from error
