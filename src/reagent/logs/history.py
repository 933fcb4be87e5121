"""The last hundred entries of a container, and what of them survives a restart.

Docs: docs/contract/streams.md 1.3, 1.10, 1.11.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from enum import Enum
from typing import Final

from reagent import log
from reagent.contracts.store import Store
from reagent.errors import BadRequest, ReagentError, RecordNotFound, StoreFailed
from reagent.model.app import AppKey
from reagent.model.names import ContainerRef, parse_container_name

LIMIT: Final = 100
"""Entries that are kept of one container."""

MOST_CHARACTERS: Final = 4 * 1024 * 1024
"""Characters of them: a hundred lines of a mebibyte would fill a small device, and no router takes
them in one answer."""

_log = log.get(__name__)


class Source(Enum):
    """Who wrote an entry."""

    CONTAINER = "container"
    AGENT = "agent"


Record = tuple[Source, str]


class History:
    """Entries of one container, the newest last. The oldest make room, whoever wrote them."""

    def __init__(self) -> None:
        self._entries: deque[Record] = deque()
        self._characters = 0
        self.unsaved = False

    def __bool__(self) -> bool:
        return bool(self._entries)

    def add(self, lines: Sequence[str]) -> None:
        """Take lines of a stream."""
        newest = lines[-LIMIT:]
        self._entries.extend([(Source.CONTAINER, line) for line in newest])
        self._make_room(sum(map(len, newest)))

    def note(self, text: str) -> None:
        """Take a notice of the agent."""
        self._entries.append((Source.AGENT, text))
        self._make_room(len(text))

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._characters = 0
        self.unsaved = False

    def records(self) -> list[Record]:
        """A copy of the entries."""
        return list(self._entries)

    def texts(self) -> list[str]:
        """The entries as they are stored and sent."""
        return [text for _, text in self._entries]

    @property
    def heard(self) -> bool:
        """Whether anything of it came from the container."""
        return from_container(self._entries)

    def _make_room(self, characters: int) -> None:
        self.unsaved = True
        self._characters += characters
        while len(self._entries) > LIMIT or self._characters > MOST_CHARACTERS:
            _, text = self._entries.popleft()
            self._characters -= len(text)


def from_container(records: Sequence[Record]) -> bool:
    """Whether anything of it came from the container."""
    return any(source is Source.CONTAINER for source, _ in records)


class StoredHistories:
    """Histories in the database, by container name. Everything is best effort.

    A `pub_` container shares the history of the developer's app. Names that are nobody's app are
    not stored.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def load(self, container: str) -> list[Record]:
        """The stored lines; they count as the container's. An unknown app has none.

        Raises:
            BadRequest: that is no container name.
        """
        named = parse_container_name(container)
        app = AppKey(named.app_key, named.stage)
        try:
            if await self._store.app(app) is None:
                return []
            lines = await self._store.log_history(app)
        except RecordNotFound:
            return []
        except StoreFailed as error:
            _log.warning("log history not read", container=container, error=error)
            return []
        return [(Source.CONTAINER, line) for line in lines]

    async def save(self, container: str, history: History) -> None:
        """Store all entries, notices included, if they changed since the last time."""
        named = _app_of(container)
        if named is None or not history.unsaved:
            return
        history.unsaved = False
        try:
            await self._store.save_log_history(
                AppKey(named.app_key, named.stage), named.app_name, history.texts()
            )
        except ReagentError as error:
            history.unsaved = True
            _log.warning("log history not stored", container=container, error=error)

    async def clear(self, container: str) -> None:
        """Empty what is stored."""
        named = _app_of(container)
        if named is None:
            return
        try:
            await self._store.clear_log_history(AppKey(named.app_key, named.stage))
        except ReagentError as error:
            _log.warning("log history not cleared", container=container, error=error)


def _app_of(container: str) -> ContainerRef | None:
    try:
        named = parse_container_name(container)
    except BadRequest:
        return None
    return named if named.stage else None
