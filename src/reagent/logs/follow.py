"""Reading streams: a running container, a container that failed, a pull (streams.md 1.5-1.7).

Rules:

* One reader per container instance. A container that was created anew gets a new reader, and what
  the old one still had comes before it.
* Whatever way a stream ends: what waits goes out, then the last hundred entries are stored.
* A container of which nothing was heard when its stream ended shows its last 50 lines once, one
  message each, whether somebody is known to listen or not.
* Only the engine's own word about a pull is passed on; every other trouble is logged here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Final

from reagent import log
from reagent.contracts.engine import ContainerSeen, Engine, Lines
from reagent.errors import (
    Canceled,
    ContainerNotFound,
    EngineFailed,
    EngineUnavailable,
    ReagentError,
)
from reagent.logs.channel import Channel, Channels, Follower
from reagent.logs.history import StoredHistories

TAIL: Final = 50
"""Lines fetched of a container from which nothing was heard."""

_ATTACH_WITHIN: Final = 30.0
_TAIL_WITHIN: Final = 30.0
_DRAIN_WITHIN: Final = 30.0
_RETIRE_WITHIN: Final = 2.0
_FINISH_WITHIN: Final = 3.0
_CLOSED_ON_PURPOSE: Final = "use of closed network connection"

_log = log.get(__name__)


class Readers:
    """Reads streams into channels, and owns the tasks that do.

    Args:
        engine: has the logs.
        channels: where they go.
        stored: keeps the last of them.
    """

    def __init__(self, engine: Engine, channels: Channels, stored: StoredHistories) -> None:
        self._engine = engine
        self._channels = channels
        self._stored = stored
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def follow(self, container: str, *, started: bool, onward: bool = False) -> None:
        """Follow a container in the background, unless this instance is being followed.

        Returns once the engine delivers, or it is known that there is nothing to follow.

        Args:
            container: its name.
            started: it was started just now; otherwise a log that was read to its end, of a
                container that does not run, is not read again.
            onward: somebody else started it: what was read already is not read again.
        """
        if self._closed:
            return
        channel = self._channels.open(container)
        async with channel.opening:
            seen = await self._look_at(container)
            if seen is None:
                return
            if (follower := channel.follower) is not None and follower.live:
                if not follower.reading:  # its last lines are on their way
                    await _ended(follower, _FINISH_WITHIN)
                if channel.live and follower.reading and follower.instance == seen.id:
                    follower.onward = onward and (follower.onward or not follower.again)
                    follower.again = follower.again or started or onward
                    return
                await self._retire(follower)
            if not started and channel.read_to_end == seen.id and seen.status != "running":
                return
            await self._channels.ask_who_listens(channel)
            channel.follower = follower = Follower(seen.id)
            follower.onward = onward and channel.read_to_end == seen.id
            follower.task = self.own(self._read(channel, follower), f"follow {container}")
            await _within(_ATTACH_WITHIN, follower.attached.wait())

    async def pull(self, container: str, lines: Lines) -> None:
        """Read the engine's records to the end; see `AppLogs.stream`."""
        channel = self._channels.open(container)
        await self._channels.ask_who_listens(channel)
        try:
            last = await channel.pour(lines)
        except (EngineFailed, EngineUnavailable) as error:
            if _CLOSED_ON_PURPOSE in str(error):
                raise Canceled(f"the stream of {container} was closed") from error
            raise
        finally:
            await self._finish(channel)
        if text := _error_in(last):
            raise EngineFailed(text)

    async def drain(self, container: str) -> None:
        """Read a container's log to its end, 30 s at most."""
        seen = await self._look_at(container)
        if seen is None:
            return
        channel = self._channels.open(container)
        async with channel.opening:
            follower = channel.follower
            if follower is not None and follower.live and follower.instance == seen.id:
                await _ended(follower, _DRAIN_WITHIN)
                return
            await self._channels.ask_who_listens(channel)
            # A container that does not run has all of its log by now; one that never ran would
            # make a follower wait for ever.
            await _within(
                _DRAIN_WITHIN, self._read_once(channel, seen.id, follow=seen.status == "running")
            )

    async def tail(self, container: str) -> list[str]:
        """The last 50 lines the engine has; none when it has no answer."""
        lines: list[str] = []
        try:
            async with (
                asyncio.timeout(_TAIL_WITHIN),
                self._engine.logs(container, follow=False, tail=str(TAIL)) as batches,
            ):
                async for batch in batches:
                    lines += batch
        except (ReagentError, TimeoutError) as error:
            _log.debug("no last lines", container=container, error=error)
        return lines

    def own(self, work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
        """Run something in the background until `close`."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def close(self, within: float) -> None:
        """End all of it, each stream with its last lines sent and stored; no new ones begin."""
        self._closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=within)

    async def _read(self, channel: Channel, follower: Follower) -> None:
        """Follow one instance to its end, and once more each time it was started meanwhile."""
        try:
            since = channel.read_until if follower.onward else 0.0
            await self._read_once(channel, follower.instance, follower, since=since)
            while follower.again:
                follower.again = False
                seen = await self._look_at(follower.instance)
                if seen is not None and seen.status == "running":
                    follower.reading = True
                    since = channel.read_until if follower.onward else 0.0
                    await self._read_once(channel, follower.instance, follower, since=since)
        finally:
            follower.attached.set()

    async def _read_once(
        self,
        channel: Channel,
        instance: str,
        follower: Follower | None = None,
        *,
        follow: bool = True,
        since: float = 0.0,
    ) -> None:
        bound = f"{since:.9f}" if since else ""
        try:
            async with self._engine.logs(instance, follow=follow, since=bound) as lines:
                if follower is not None:
                    follower.attached.set()
                await channel.pour(lines)
            channel.read_to_end, channel.read_until = instance, self._channels.now()
        except ContainerNotFound:
            return
        except ReagentError as error:
            _log.warning("log stream ended", container=channel.container, error=error)
        finally:
            if follower is not None:
                follower.reading = False
            await self._finish(channel)
        if not channel.history.heard:
            for line in await self.tail(instance):
                await self._channels.publish(channel.container, line)

    async def _retire(self, follower: Follower) -> None:
        """Let a reader whose container is gone come to its end, by force if it must be."""
        await _ended(follower, _RETIRE_WITHIN)
        if follower.live and follower.task is not None:
            follower.task.cancel()
            await _ended(follower, _FINISH_WITHIN)

    async def _finish(self, channel: Channel) -> None:
        try:
            async with asyncio.timeout(_FINISH_WITHIN):
                await channel.batcher.flush()
                await self._stored.save(channel.container, channel.history)
        except TimeoutError:
            _log.warning("end of a log stream cut short", container=channel.container)

    async def _look_at(self, name_or_id: str) -> ContainerSeen | None:
        try:
            return await self._engine.inspect(name_or_id)
        except ReagentError as error:
            _log.debug("no container to read", container=name_or_id, error=error)
            return None

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.exception("reading a log broke", task=task.get_name(), error=error)


async def _ended(follower: Follower, seconds: float) -> None:
    if follower.task is not None:
        await asyncio.wait([follower.task], timeout=seconds)


async def _within(seconds: float, work: Coroutine[object, object, object]) -> None:
    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        _log.debug("a log took too long", seconds=seconds)


def _error_in(record: str) -> str:
    """The engine's error, where the last line of a stream is a record of one."""
    if not record.startswith("{"):
        return ""
    try:
        parsed = json.loads(record)
    except ValueError:
        return ""
    error = parsed.get("error") if isinstance(parsed, dict) else None
    return error if isinstance(error, str) else ""
