"""The engine's endless answers as lines and events."""

from __future__ import annotations

import base64
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime

from reagent.adapters.docker.containers import mapping, text
from reagent.adapters.docker.frames import Frames
from reagent.adapters.docker.lines import Splitter
from reagent.adapters.docker.wire import Stream
from reagent.contracts.engine import EngineEvent
from reagent.errors import EngineUnavailable
from reagent.model.app import Login

# What says something about a container's life. `exec_*`, `top` and the like are left out: a health
# check would wake us three times every few seconds.
LIFE = (
    "create",
    "start",
    "restart",
    "pause",
    "unpause",
    "kill",
    "stop",
    "die",
    "oom",
    "rename",
    "destroy",
)
_NOT_LABELS = frozenset({"name", "image", "exitCode", "signal", "oldName", "execDuration"})


class LineStream:
    """`Lines` of a body: raw, or in frames.

    Args:
        stream: the body.
        framed: whether the container has no terminal, so that its output comes in frames.
        endless: whether the body ends only with its subject; then the engine's going away is an
            end like any other. Otherwise it is an error, or half a pull would look like a whole.
    """

    def __init__(self, stream: Stream, *, framed: bool = False, endless: bool = False) -> None:
        self._stream = stream
        self._frames = Frames() if framed else None
        self._endless = endless
        self._splitter = Splitter()
        self._ended = False

    def __aiter__(self) -> AsyncIterator[list[str]]:
        """The batches; there is one stream, so iterate once."""
        return self

    async def __anext__(self) -> list[str]:
        """At least one line."""
        while not self._ended:
            if lines := self._lines(await self._read()):
                return lines
        raise StopAsyncIteration

    async def _read(self) -> bytes:
        try:
            return await self._stream.read()
        except EngineUnavailable:
            if not self._endless:
                raise
            return b""

    def _lines(self, block: bytes) -> list[str]:
        if block:
            return self._splitter.feed(self._frames.feed(block) if self._frames else block)
        self._ended = True
        lines = self._splitter.feed(self._frames.finish()) if self._frames else []
        return lines + self._splitter.finish()


class EventStream:
    """Events of containers' lives."""

    def __init__(self, stream: Stream) -> None:
        self._lines = LineStream(stream, endless=True)
        self._ready: deque[EngineEvent] = deque()

    def __aiter__(self) -> AsyncIterator[EngineEvent]:
        """The events; there is one stream, so iterate once."""
        return self

    async def __anext__(self) -> EngineEvent:
        """The next one."""
        while not self._ready:
            self._ready.extend(
                event for line in await anext(self._lines) if (event := _event(line)) is not None
            )
        return self._ready.popleft()


def _event(line: str) -> EngineEvent | None:
    document: object = None
    with suppress(ValueError):
        document = json.loads(line)
    whole = mapping(document)
    attributes = mapping(mapping(whole.get("Actor")).get("Attributes"))
    action = text(whole.get("Action")) or text(whole.get("status"))
    if not action:
        return None
    labels = {key: text(value) for key, value in attributes.items() if key not in _NOT_LABELS}
    return EngineEvent(action, text(attributes.get("name")), labels)


def registry_auth(login: Login) -> str:
    """The value of `X-Registry-Auth` (docs/contract/apps.md 1.8)."""
    document = json.dumps({"username": login.username, "password": login.password})
    return base64.urlsafe_b64encode(document.encode()).decode()


def instant(when: str) -> str:
    """A bound of a log read as the engine takes it: seconds since the epoch.

    RFC 3339 is converted; anything else goes as it is, and the engine says what it thinks of it.
    """
    with suppress(ValueError):
        moment = datetime.fromisoformat(when)
        if moment.tzinfo is not None:
            return f"{moment.timestamp():.9f}"
    return when
