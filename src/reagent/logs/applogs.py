"""The logs of all apps: notices, live streams, histories (docs/contract/streams.md 1).

A transition never fails because of a log: whatever the link, the backend, or the database answers
is logged and forgotten. Lines go out while somebody listens; the last hundred entries of each
container are kept always.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Final

from reagent import log
from reagent.contracts.backend import Backend
from reagent.contracts.clock import Clock
from reagent.contracts.engine import Engine, Lines
from reagent.contracts.messenger import Messenger
from reagent.contracts.store import Store
from reagent.logs.channel import Channel, Channels
from reagent.logs.follow import Readers
from reagent.logs.history import StoredHistories, from_container
from reagent.model.call import Event

CLEAR: Final = "LOGGER_CLEAR"
"""The notice upon which a viewer empties its window."""

_REVIVE_WITHIN: Final = 10.0
_CLOSE_WITHIN: Final = 5.0
_AT_ONCE: Final = 8

_log = log.get(__name__)


class AppLogs:
    """The logs of all apps of this device.

    Args:
        messenger: sends them.
        backend: knows who listens.
        engine: has them.
        store: keeps the last of them.
        clock: the time.
        serial: the serial number of this device; part of every topic.
    """

    def __init__(  # noqa: PLR0917 - the parts of the world it uses, in the order of its story
        self,
        messenger: Messenger,
        backend: Backend,
        engine: Engine,
        store: Store,
        clock: Clock,
        serial: Callable[[], str],
    ) -> None:
        self._messenger = messenger
        self._channels = Channels(messenger, backend, clock, serial)
        self._stored = StoredHistories(store)
        self._readers = Readers(engine, self._channels, self._stored)

    async def notice(self, container: str, text: str) -> None:
        """Tell whoever looks at a container what the agent does with it; best effort.

        Always published, and remembered if the container has been heard of.
        """
        if (channel := self._channels.get(container)) is not None:
            channel.history.note(text)
        await self._channels.say(container, text)

    async def clear_remote(self, container: str) -> None:
        """Empty the windows of those who look at the container; best effort."""
        await self._channels.say(container, CLEAR)

    async def clear_history(self, container: str) -> None:
        """Forget what was kept of a container, here and in the database; best effort."""
        if (channel := self._channels.get(container)) is not None:
            channel.history.clear()
        await self._stored.clear(container)

    async def follow(self, container: str) -> None:
        """Follow the log of a running container in the background, from its first line on.

        Returns once the engine delivers, or it is known that there is nothing to follow. Does
        nothing while this very container is being followed. Never fails.
        """
        await self._readers.follow(container, started=True)

    async def resume(self, container: str) -> None:
        """Go on with the log of a container that somebody else started, from where it ended.

        Does nothing while it is being followed. Never fails.
        """
        await self._readers.follow(container, started=False, onward=True)

    async def stream(self, container: str, lines: Lines) -> None:
        """Read the records of a pull, push or build to the end, and pass them on as they are.

        Raises:
            EngineFailed: the last record says so, or the stream broke.
            EngineUnavailable: the engine went away.
            Canceled: the stream was closed on purpose.
        """
        await self._readers.pull(container, lines)

    async def drain(self, container: str) -> None:
        """Read the log of a container that failed to start, to its end; 30 s at most. Never fails.

        Returns when all of it has been sent.
        """
        await self._readers.drain(container)

    async def history(self, container: str) -> list[str]:
        """The last entries of a container, for `get_app_log_history`.

        What is in memory, else what is stored; if nothing of it came from the container, the last
        50 lines that the engine has are added (docs/contract/streams.md 1.12).

        Raises:
            BadRequest: that is no container name, and nothing of it is in memory.
        """
        channel = self._channels.get(container)
        records = channel.history.records() if channel is not None else []
        if not records:
            records = await self._stored.load(container)
        texts = [text for _, text in records]
        return texts if from_container(records) else texts + await self._readers.tail(container)

    async def revive(self, containers: Sequence[str]) -> None:
        """Bring the logs of these apps to life on a session that is new.

        Who listens is asked anew, for whatever is being read as well; apps that are not followed
        are followed again, if there is something to read. One that fails does not keep the others
        from it. Never fails; returns after 10 s at most, what is not attached by then attaches
        later.
        """
        busy = [channel.container for channel in self._channels.all() if channel.busy]
        names = list(dict.fromkeys([*containers, *busy]))
        self._channels.gate.forget_all_but(names)
        self._channels.forget_placeholders()
        slots = asyncio.Semaphore(_AT_ONCE)
        await self._bounded(self._revive(name, slots) for name in names)

    async def subscribe_meta(self) -> None:
        """Hear of listeners that come and go, on the current session.

        Call it on every connect, after `revive`. Who came between the two is asked for.

        Raises:
            NotConnected: the session ended.
            CallFailed: the router refused.
            DeadlineExceeded: the router did not answer.
        """
        await self._messenger.subscribe("wamp.subscription.on_create", self._listener_came)
        await self._messenger.subscribe("wamp.subscription.on_delete", self._listener_left)
        slots = asyncio.Semaphore(_AT_ONCE)
        await self._bounded(
            self._ask_in_turn(channel, slots)
            for channel in self._channels.all()
            if channel.busy and not self._channels.gate.is_open(channel.container)
        )

    async def close(self) -> None:
        """End all streams, send what waits, store what is kept; 5 s at most."""
        await self._readers.close(_CLOSE_WITHIN / 2)
        try:
            async with asyncio.timeout(_CLOSE_WITHIN / 2):
                for channel in self._channels.all():
                    await channel.batcher.close()
                    await self._stored.save(channel.container, channel.history)
        except TimeoutError:
            _log.warning("log histories not stored in time")

    async def _revive(self, container: str, slots: asyncio.Semaphore) -> None:
        async with slots:
            await self._channels.ask_who_listens(self._channels.open(container), anew=True)
            await self._readers.follow(container, started=False)

    async def _ask_in_turn(self, channel: Channel, slots: asyncio.Semaphore) -> None:
        async with slots:
            await self._channels.ask_who_listens(channel)

    async def _listener_came(self, event: Event) -> None:
        if container := self._channels.gate.created(event.args):
            self._channels.expect(container)

    async def _listener_left(self, event: Event) -> None:
        if self._channels.gate.deleted(event.args):
            self._channels.forget_placeholders()

    async def _bounded(self, works: Iterable[Coroutine[object, object, None]]) -> None:
        tasks = [self._readers.own(work, "revive a log") for work in works]
        if tasks:
            await asyncio.wait(tasks, timeout=_REVIVE_WITHIN)
