"""One window of an app's log, for `query_app_logs` (docs/contract/streams.md 1.13)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from reagent import log
from reagent.contracts.engine import Engine
from reagent.errors import (
    BadRequest,
    ContainerNotFound,
    DeadlineExceeded,
    EngineFailed,
    ReagentError,
)
from reagent.logs import window

_READ_WITHIN: Final = 30.0
_PROBE_WITHIN: Final = 10.0
_DEFAULT_TAIL: Final = 200
_GONE: Final = ("No such container", "container which is dead or marked for removal")
_HEADER: Final = 8

_log = log.get(__name__)

History = Callable[[str], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class _Query:
    container: str
    tail: int
    offset: int
    since: int | None
    until: int | None
    timestamps: bool


class _Window:
    """The newest `tail` lines before the newest `offset` ones."""

    def __init__(self, tail: int, offset: int) -> None:
        self.kept = window.Newest(tail)
        self._skipped: deque[str] = deque()
        self._offset = offset

    def add(self, line: str) -> None:
        self._skipped.append(line)
        if len(self._skipped) > self._offset:
            self.kept.add(self._skipped.popleft())


async def query_app_logs(
    engine: Engine, history: History, request: Mapping[str, object], now: float
) -> dict[str, object]:
    """Answer one query.

    Args:
        engine: is asked first.
        history: the list of `get_app_log_history`, for a container that the engine does not know.
        request: the caller's dict.
        now: the device's time, seconds since 1970.

    Raises:
        BadRequest: a field is missing or wrong.
        EngineFailed: the engine refused; never hidden behind the history.
        EngineUnavailable: likewise.
        ContainerNotFound: the engine does not know it, and there is no history to read either.
        DeadlineExceeded: reading took more than 30 s.
    """
    instant = window.nanoseconds(now)
    query = _parse(request, instant)
    lines = _Window(query.tail, query.offset)
    answer: dict[str, object] = {}
    try:
        await _read(engine, query, lines)
        source = "docker"
        oldest = await _oldest(engine, query.container)
        if oldest is not None:
            answer["oldest_available"] = window.rfc3339(oldest)
    except (ContainerNotFound, EngineFailed) as error:
        if not _is_gone(error):
            raise
        source = "history"
        lines = _Window(query.tail, query.offset)
        for line in await _stored(history, query.container, error):
            lines.add(line)
    found = lines.kept.lines()
    return {
        "lines": found,
        "source": source,
        "returned": len(found),
        "truncated": lines.kept.truncated,
        "device_time": window.rfc3339(instant),
        **answer,
    }


def stamp(line: str) -> int | None:
    """The time in front of a line, nanoseconds since 1970; None when there is none."""
    return window.parse_rfc3339(without_header(line).partition(" ")[0])


def without_header(line: str) -> str:
    """The line without the eight bytes that Docker puts before what a program without tty says."""
    if len(line) >= _HEADER and line[0] in "\0\1\2" and line[1:4] == "\0\0\0":
        return line[_HEADER:]
    return line


def _parse(request: Mapping[str, object], now: int) -> _Query:
    container = request.get("containerName")
    if not isinstance(container, str) or not container.strip():
        raise BadRequest("containerName is missing: the name of a container is expected")
    timestamps = request.get("timestamps")
    if timestamps is None:
        timestamps = True
    if not isinstance(timestamps, bool):
        raise BadRequest("timestamps is not a bool")
    return _Query(
        container.strip(),
        window.lines_wanted(request, _DEFAULT_TAIL),
        window.count(request, "offset"),
        window.bound(request, "since", now),
        window.bound(request, "until", now),
        timestamps,
    )


async def _read(engine: Engine, query: _Query, lines: _Window) -> None:
    try:
        async with (
            asyncio.timeout(_READ_WITHIN),
            engine.logs(
                query.container,
                follow=False,
                tail=str(min(query.tail + query.offset, window.MOST_LINES)),
                since="" if query.since is None else window.rfc3339(query.since),
                until="" if query.until is None else window.rfc3339(query.until),
                timestamps=query.timestamps,
            ) as batches,
        ):
            async for batch in batches:
                for line in batch:
                    lines.add(without_header(line))
    except TimeoutError as error:
        raise DeadlineExceeded(f"the log of {query.container} took too long to read") from error


async def _oldest(engine: Engine, container: str) -> int | None:
    """When the first line was written that the engine still has."""
    try:
        async with (
            asyncio.timeout(_PROBE_WITHIN),
            engine.logs(container, follow=False, tail="all", timestamps=True) as batches,
        ):
            async for batch in batches:
                return stamp(batch[0])
    except (ReagentError, TimeoutError) as error:
        _log.debug("oldest log line not known", container=container, error=error)
    return None


async def _stored(history: History, container: str, gone: ReagentError) -> list[str]:
    try:
        return await history(container)
    except ReagentError as error:
        raise gone from error


def _is_gone(error: ReagentError) -> bool:
    return isinstance(error, ContainerNotFound) or any(text in str(error) for text in _GONE)
