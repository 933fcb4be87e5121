"""A process that grows when it is told to."""

from __future__ import annotations


class FakeMemory:
    """Implements `contracts.memory.Memory`; giving back leaves what is `needed`."""

    def __init__(self, needed: int) -> None:
        self.needed = needed
        self.held = needed
        self.given_back = 0

    def grow(self, size: int) -> None:
        self.held += size

    def resident(self) -> int:
        return self.held

    def give_back(self) -> None:
        self.held = self.needed
        self.given_back += 1
