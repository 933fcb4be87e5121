"""The field's manager script, re-enacted (docs/contract/system.md 5.1, both generations)."""

from __future__ import annotations

from dataclasses import dataclass, field

from reagent.updates.links import is_managed
from reagent.updates.vocabulary import ACTIVE, LATEST, PREVIOUS
from tests.fakes.files import FakeFiles
from tests.unit.updates.life import FOLDER


@dataclass
class ManagerScript:
    """One cycle at a time. What it does to the service is written down instead of done.

    Args:
        until_2025: the generation that also points `previous` at what it rolled back from.
        counter: cycles since it activated something; 999 when it began.
    """

    files: FakeFiles
    until_2025: bool
    counter: int = 999
    did: list[str] = field(default_factory=list)

    def cycle(self, *, running: bool) -> None:
        candidate = self._newest()
        if candidate != self._target(LATEST):
            self._point(LATEST, candidate)
        if not self._target(ACTIVE):
            self._point(ACTIVE, self._target(LATEST))
        if not self._target(PREVIOUS):
            self._point(PREVIOUS, self._target(ACTIVE))
        active, latest, previous = (self._target(each) for each in (ACTIVE, LATEST, PREVIOUS))
        if not running:
            if latest == active and latest != previous and self.counter < 4:
                self.did.append(f"rolls back to {previous}")
                self._point(ACTIVE, previous)
                if self.until_2025:
                    self._point(PREVIOUS, latest)
            self.did.append("starts")
        elif latest not in (active, previous):
            self.did.append(f"activates {latest}")
            self._point(PREVIOUS, active)
            self._point(ACTIVE, latest)
            self.counter = -1
        self.counter += 1

    def dangling(self) -> list[str]:
        """Links that lead nowhere."""
        return [
            name
            for name in (ACTIVE, LATEST, PREVIOUS)
            if f"{FOLDER}/{name}" in self.files.names and self._target(name) not in self.files.names
        ]

    def _newest(self) -> str:
        paths = [f"{FOLDER}/{name}" for name in self.files.list(FOLDER) if is_managed(name)]
        return max(sorted(paths, reverse=True), key=lambda path: self.files.names[path].mtime)

    def _target(self, name: str) -> str:
        node = self.files.names.get(f"{FOLDER}/{name}")
        return node.target if node is not None else ""

    def _point(self, name: str, target: str) -> None:
        if self._target(name) != target:
            self.files.link(f"{FOLDER}/{name}", target)
