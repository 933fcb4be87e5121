"""A process that grows when it is told to."""

from __future__ import annotations


class FakeMemory:
    """Implements `contracts.memory.Memory`; giving back leaves what is `needed`.

    `needed_again` comes back right after each look that finds it gone.
    """

    def __init__(self, needed: int) -> None:
        self.needed = needed
        self.needed_again = 0
        self.given_back = 0
        self._held = needed

    def grow(self, size: int) -> None:
        self._held += size

    def resident(self) -> int:
        found, self._held = self._held, max(self._held, self.needed + self.needed_again)
        return found

    def give_back(self) -> None:
        self._held = self.needed
        self.given_back += 1
