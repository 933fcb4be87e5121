"""What the apps ask of the log streams; `reagent.logs` fulfils it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from reagent.contracts.engine import Lines


class ContainerLogs(Protocol):
    """Everything about one container goes out on one topic, named after it."""

    async def notice(self, container: str, text: str) -> None:
        """A line of the agent's own. Best effort, never raises."""
        ...

    async def clear_remote(self, container: str) -> None:
        """Empty the view of whoever listens. Best effort, never raises."""
        ...

    async def clear_history(self, container: str) -> None:
        """Forget what was kept. Best effort, never raises."""
        ...

    async def follow(self, container: str) -> None:
        """Begin to follow a running container in the background."""
        ...

    async def resume(self, container: str) -> None:
        """Go on following a container that somebody else started. Never fails."""
        ...

    async def stream(self, container: str, lines: Lines) -> None:
        """Read a download's records to their end.

        Raises:
            EngineFailed: the last record holds an error; the text is the engine's.
        """
        ...

    async def revive(self, containers: Sequence[str]) -> None:
        """Follow again what is running and not followed. Never fails."""
        ...

    async def drain(self, container: str) -> None:
        """Pass on what a dead container printed, until its log ends."""
        ...
