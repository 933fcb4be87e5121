"""The names an update goes by: files and links in the folder, kinds of trials, words of the proof.

The words and the names are spoken between versions, old parents and new children. One may be added;
none is ever renamed or given another meaning.
"""

from __future__ import annotations

import sys
from typing import Final

ACTIVE: Final = "Reagent-active"
PREVIOUS: Final = "Reagent-previous"
LATEST: Final = "Reagent-latest"
LEDGER: Final = "updates.json"
DOWNLOADS: Final = "downloads"
# The factory's file, where an image brought one; on Windows the one that was installed. Never
# unlinked.
FACTORY: Final = "reagent.exe" if sys.platform == "win32" else "reagent-latest"
VERSION_FILE: Final = "reagent-v"
# What the field's manager script takes for a version of the agent.
MANAGED: Final = "reagent-"

# A version that was staged; the one to fall back to; ourselves, when the reference let us in.
UPDATE: Final = "update"
ROLLBACK: Final = "rollback"
ARRIVAL: Final = "arrival"
KINDS: Final = frozenset({UPDATE, ROLLBACK, ARRIVAL})

# How a version's turn may end.
COMMITTED: Final = "committed"
BLOCKED: Final = "blocked"
POSTPONED: Final = "postponed"
ENDS: Final = (COMMITTED, BLOCKED, POSTPONED)

JOINED: Final = "joined"
REGISTERED: Final = "registered"
CALLED: Final = "called"
ENGINE: Final = "engine"
STORED: Final = "stored"
FETCHED: Final = "fetched"
STAGED: Final = "staged"
WORDS: Final = (JOINED, REGISTERED, CALLED, ENGINE, STORED, FETCHED, STAGED)


# What Windows runs has a name that says so.
SUFFIX: Final = ".exe" if sys.platform == "win32" else ""


def version_file(version: str) -> str:
    """The file of a version."""
    return f"{VERSION_FILE}{version}{SUFFIX}"


def version_of(file: str) -> str:
    """The version that a file is named by."""
    return file.removeprefix(VERSION_FILE).removesuffix(SUFFIX)


def is_file_name(text: str) -> bool:
    """Whether it is the name of something in a folder, and no way out of it."""
    return text.isprintable() and text not in {"", ".", ".."} and "/" not in text
