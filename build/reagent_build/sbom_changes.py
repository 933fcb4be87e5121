"""What differs between two lists of versions: of two bills of materials, or of two images."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Change:
    """One package; None where it is not there."""

    name: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"{self.name} {self.after} is new"
        if self.after is None:
            return f"{self.name} {self.before} is gone"
        return f"{self.name} {self.before} -> {self.after}"


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    """Everything that is not the same, by name."""
    return tuple(
        Change(name, before.get(name), after.get(name))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    )


def versions(bill: Path) -> dict[str, str]:
    """Component -> version, of a bill of materials; nothing where none can be read."""
    try:
        return dict(_named(json.loads(bill.read_text(encoding="utf-8"))))
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _named(holder: object) -> Iterator[tuple[str, str]]:
    if not isinstance(holder, dict) or not isinstance(holder.get("components", []), list):
        raise TypeError("this is no bill of materials")
    components = holder.get("components", [])
    for each in components:
        yield each["name"], each["version"]
        yield from _named(each)
