"""What a freezer notes about an executable, beside it: what went in, as it was found.

The note lies under the name of the unfinished file and is gone when the executable has its papers
(reagent_build/sbom_papers.py).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What is neither a Python package nor from a Debian package.

    A CPython of another publisher, a boot loader, a library compiled for this executable.
    """

    name: str
    version: str
    licence: str
    """An SPDX expression."""
    purl: str
    homepage: str = ""
    vendor: str = ""
    """Of the CPE; empty: none."""
    notice: str = ""
    """The text of its licence."""
    sha256: str = ""
    """Of what was fetched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What went into one executable."""

    wheels: Sequence[str] = ()
    """Paths of the wheels."""
    requirements: str = ""
    """Path of the file that pins them with hashes."""
    debian: Mapping[str, object] = field(default_factory=dict)
    """What inside/inventory.py found in the image."""
    runtimes: Sequence[Runtime] = ()

    def leave(self, partial: Path) -> None:
        """Note it beside an unfinished executable."""
        note_of(partial).write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, partial: Path) -> Self:
        """What was noted.

        Raises:
            FileNotFoundError: nothing.
        """
        raw = json.loads(note_of(partial).read_text())
        raw["runtimes"] = [Runtime(**each) for each in raw["runtimes"]]
        return cls(**raw)


def note_of(partial: Path) -> Path:
    """Where the note lies."""
    return partial.with_name(f"{partial.name}.facts")


def objects_of(executable: Path) -> Path:
    """Where everything lies that an executable, finished or not, is linked from."""
    return executable.with_name(f"{executable.name}.objects.tar.gz")
