"""The roll-out as it is signed for: which version each environment runs. Pure.

A target `rollout/<number>.json` of its own for every roll-out, never changed; the metadata lists
the newest alone. Devices read it as `reagent.updates.trust.document` says; keys that they do not
know are left to those who do.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from reagent_release.metadata import File
from reagent_release.sign import PRODUCT

FOLDER: Final = "rollout/"
FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Document:
    """One of them, and what it replaces."""

    path: str
    content: bytes
    replaced: tuple[str, ...]

    @property
    def file(self) -> File:
        """As it is signed for."""
        digest = hashlib.sha256(self.content).hexdigest()
        custom = {"product": PRODUCT, "kind": "rollout"}
        return File(self.path, len(self.content), digest, custom)


def document(says: Mapping[str, object], listed: Iterable[str], taken: Iterable[str]) -> Document:
    """The next one.

    Args:
        says: `versions`, and whatever else there is to say.
        listed: paths that are signed for now.
        taken: names that the bucket holds.
    """
    number = max((*_numbers(listed), *_numbers(taken)), default=0) + 1
    says = {key: each for key, each in says.items() if key != "format"}
    content = json.dumps({"format": FORMAT, **says}, indent=1).encode() + b"\n"
    replaced = tuple(path for path in listed if path.startswith(FOLDER))
    return Document(f"{FOLDER}{number}.json", content, replaced)


def newest(names: Iterable[str]) -> str | None:
    """The name of the newest; None where there is none."""
    numbers = _numbers(names)
    return f"{FOLDER}{max(numbers)}.json" if numbers else None


def _numbers(names: Iterable[str]) -> list[int]:
    found = (
        name.removeprefix(FOLDER).removesuffix(".json") for name in names if name.startswith(FOLDER)
    )
    return [int(text) for text in found if text.isascii() and text.isdigit() and len(text) < 10]
