"""The three links of the folder: what they say, and in which order they are set.

`Reagent-active` is the commit point: what it names is what the next start runs. The others are for
the way back and for the field's manager script (docs/contract/system.md 5.1), which must find its
links settled after each single move: the newest file is what `latest` names, and `latest` equals
`active` or `previous`.
"""

from __future__ import annotations

from dataclasses import dataclass
from os.path import isabs

from reagent.contracts.files import Files, Kind
from reagent.updates import moves
from reagent.updates.vocabulary import ACTIVE, LATEST, MANAGED, PREVIOUS


@dataclass(frozen=True, slots=True)
class Links:
    """The file in this folder that each link names.

    Empty where it names none: missing, dangling, no link at all, or pointing elsewhere.
    """

    active: str = ""
    previous: str = ""
    latest: str = ""


def look(files: Files, folder: str) -> Links:
    """What the links say now."""
    return Links(*(_file_behind(files, folder, name) for name in (ACTIVE, PREVIOUS, LATEST)))


def digest(files: Files, folder: str, file: str) -> str:
    """The SHA-256 of a file in lower-case hex, empty where it cannot be read."""
    try:
        return files.sha256(f"{folder}/{file}")
    except OSError:
        return ""


def set_link(files: Files, folder: str, name: str, file: str) -> None:
    """Have the link name that file, by its absolute path: the manager script compares texts.

    Raises:
        OSError: it names what it named.
    """
    path, target = f"{folder}/{name}", f"{folder}/{file}"
    if _file_behind(files, folder, name) != file or files.readlink(path) != target:
        moves.link(files, path, target)


def make_newest(files: Files, folder: str, file: str, now: float) -> None:
    """Have this file newer than every other that the manager script looks at.

    Raises:
        OSError: its time is what it was.
    """
    path = f"{folder}/{file}"
    names = [name for name in files.list(folder) if is_managed(name) and name != file]
    others = {each: _mtime(files, each) for each in (f"{folder}/{name}" for name in names)}
    newest = max(others.values(), default=0.0)
    if files.lstat(path).mtime > newest:
        return
    files.utime(path, max(now, float(int(newest) + 1)))
    files.fsync(path)
    taken = files.lstat(path).mtime
    for each, mtime in others.items():
        if mtime >= taken:  # the dates of this file system end there, in 2038 on a small ext4
            files.utime(each, taken - 1.0)
            files.fsync(each)


def is_managed(name: str) -> bool:
    """Whether the manager script takes this for a version; it does not see dotfiles."""
    return MANAGED in name and "Reagent-" not in name and not name.startswith(".")


def _mtime(files: Files, path: str) -> float:
    try:
        return files.lstat(path).mtime
    except OSError:
        return 0.0


def _file_behind(files: Files, folder: str, name: str) -> str:
    try:
        path = f"{folder}/{name}"
        if files.lstat(path).kind is not Kind.LINK:
            return ""
        target = files.readlink(path)
        there, _, file = target.rpartition("/")
        is_whole = isabs(target)  # noqa: PTH117 - `C:` begins a path, too
        place = there if is_whole else f"{folder}/{there}".rstrip("/")
        if files.lstat(f"{place}/{file}").kind is not Kind.FILE:
            return ""
        same = place == folder or _identity(files, place) == _identity(files, folder)
    except OSError:
        return ""
    return file if same else ""


def _identity(files: Files, folder: str) -> tuple[int, int]:
    return files.lstat(f"{folder}/.").identity
