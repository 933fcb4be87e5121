"""One container: its history, its batcher, its reader; and all of them by name.

Docs: docs/contract/streams.md 1.2-1.4.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from reagent import log
from reagent.contracts.backend import Backend
from reagent.contracts.clock import Clock
from reagent.contracts.engine import Lines
from reagent.contracts.messenger import Messenger
from reagent.errors import NotConnected, ReagentError
from reagent.logs.batch import Batcher, Publish
from reagent.logs.gate import Gate
from reagent.logs.history import History
from reagent.model.names import log_topic

_ASK_WITHIN: Final = 5.0
_SEND_WITHIN: Final = 5.0

_log = log.get(__name__)


@dataclass(slots=True)
class Follower:
    """A task that follows the log of one container instance.

    Attributes:
        instance: the engine's id: the next run of the app is another container.
        attached: set once the engine delivers, or is known not to.
        again: somebody started the same instance once more while its stream was being read.
        onward: then it is not read from its first line, but from where the stream ended.
        reading: its stream has not ended yet.
    """

    instance: str
    attached: asyncio.Event = field(default_factory=asyncio.Event)
    again: bool = False
    onward: bool = False
    reading: bool = True
    task: asyncio.Task[None] | None = None

    @property
    def live(self) -> bool:
        """Whether it reads, or is about to, or still has to send and store the last of it."""
        return self.task is not None and not self.task.done()


class Channel:
    """Everything the agent holds about the log of one container.

    All streams of a container share one batcher, so their lines and the agent's notices keep the
    order in which they came, and one gate decides about all of them.

    Args:
        container: its name.
        gate: whether anybody listens.
        publish: sends one text on the container's topic; must not raise.
        clock: the time.

    Attributes:
        follower: who follows its container, or did last.
        opening: held while a reader is being started or retired.
        read_to_end: the instance whose log was read to its end.
        read_until: when that was, seconds since 1970.
        placeholder: there is nothing but a listener yet.
    """

    def __init__(self, container: str, gate: Gate, publish: Publish, clock: Clock) -> None:
        self.container = container
        self.history = History()
        self.batcher = Batcher(publish, clock)
        self.follower: Follower | None = None
        self.opening = asyncio.Lock()
        self.read_to_end = ""
        self.read_until = 0.0
        self.placeholder = False
        self._gate = gate
        self._streams = 0

    @property
    def busy(self) -> bool:
        """Whether a stream is being read into it, or soon will be."""
        return self.live or self._streams > 0

    @property
    def live(self) -> bool:
        """Whether its container is being followed."""
        return self.follower is not None and self.follower.live

    async def pour(self, lines: Lines) -> str:
        """Read a stream to its end; everything is remembered, and goes out while the gate is open.

        Returns:
            The last line that was not empty.
        """
        last = ""
        self._streams += 1
        try:
            async for batch in lines:
                self.history.add(batch)
                if self._gate.is_open(self.container):
                    self.batcher.add(batch)
                last = next((line for line in reversed(batch) if line), last)
        finally:
            self._streams -= 1
        return last


class Channels:
    """The channels of all containers, and their way to the listeners.

    Args:
        messenger: sends.
        backend: knows who listens.
        clock: the time.
        serial: the serial number of this device; part of every topic.
    """

    def __init__(
        self, messenger: Messenger, backend: Backend, clock: Clock, serial: Callable[[], str]
    ) -> None:
        self.gate = Gate(serial)
        self._messenger = messenger
        self._backend = backend
        self._clock = clock
        self._serial = serial
        self._by_name: dict[str, Channel] = {}

    def now(self) -> float:
        """The time, seconds since 1970."""
        return self._clock.now()

    def all(self) -> list[Channel]:
        """Every channel; a copy."""
        return list(self._by_name.values())

    def get(self, container: str) -> Channel | None:
        """The channel of a container that has been heard of."""
        return self._by_name.get(container)

    def open(self, container: str) -> Channel:
        """The channel of a container that is about to have a stream."""
        channel = self._made(container)
        channel.placeholder = False
        return channel

    def expect(self, container: str) -> None:
        """Somebody listens to a container; it may never come."""
        if container not in self._by_name:
            self._made(container).placeholder = True

    def forget_placeholders(self) -> None:
        """Drop what only a listener held, or strangers could fill the memory by subscribing."""
        for name, channel in list(self._by_name.items()):
            if channel.placeholder and not channel.history and not self.gate.is_open(name):
                del self._by_name[name]

    async def ask_who_listens(self, channel: Channel, *, anew: bool = False) -> None:
        """Ask the router, unless a listener is known. No answer leaves the gate as it is.

        Args:
            channel: about which.
            anew: ask in any case; what was known belongs to an earlier session.
        """
        container = channel.container
        if self.gate.is_open(container) and not anew:
            return
        with self.gate.lookup(container) as lookup:
            try:
                async with asyncio.timeout(_ASK_WITHIN):
                    answer = await self._backend.log_listener(log_topic(self._serial(), container))
            except (ReagentError, TimeoutError) as error:
                _log.debug("listeners not known", container=container, error=error)
                return
            lookup.settle(answer, forget=anew)

    async def say(self, container: str, text: str) -> None:
        """Send a notice, after the lines that came before it; best effort."""
        if (channel := self._by_name.get(container)) is not None:
            await channel.batcher.flush()
        await self.publish(container, {"type": "build", "chunk": text})

    async def publish(self, container: str, message: object) -> None:
        """Send one message on the topic of a container; best effort."""
        try:
            async with asyncio.timeout(_SEND_WITHIN):
                await self._messenger.publish(log_topic(self._serial(), container), message)
        except NotConnected:
            return  # said once by the link, not for every message here
        except (ReagentError, TimeoutError) as error:
            _log.warning("log message not sent", container=container, error=error)

    def _made(self, container: str) -> Channel:
        channel = self._by_name.get(container)
        if channel is None:

            async def publish(text: str) -> None:
                await self.publish(container, text)

            channel = Channel(container, self.gate, publish, self._clock)
            self._by_name[container] = channel
        return channel
