"""Who asks something of a device: a user (an account number), or the platform (`system`)."""

import json
from typing import Final, Self

from sandbox.database import Identity
from sandbox.router import Router
from sandbox.wamp import CALL_S, Events, Result, Session, join

USER: Final = "501"
SYSTEM: Final = "system"


class Caller:
    """A session of a user or of the platform, for the length of a `with` block."""

    def __init__(self, router: Router, authid: str = USER, *, within: float = CALL_S) -> None:
        self._router = router
        self._authid = authid
        self._within = within
        self._open: Session | None = None

    async def __aenter__(self) -> Self:
        if self._authid not in self._router.secrets:
            self._router.admit(self._authid, f"secret of {self._authid}", role="user")
        secret = self._router.secrets[self._authid]
        self._open = await join(self._router.url, self._authid, secret)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._open is not None:
            await self._open.leave()

    @property
    def session(self) -> Session:
        """The session itself, for what has no name here."""
        if self._open is None:
            raise RuntimeError("a caller is used inside `async with`")
        return self._open

    async def ask(
        self, device: Identity, procedure: str, *args: object, **kwargs: object
    ) -> Result:
        """Call `re.mgmt.<serial>.<procedure>`.

        Raises:
            CallError: The device, or the router, answered with an error.
            TimeoutError: No answer within the seconds that this caller was made with.
        """
        uri = f"re.mgmt.{device.serial_number}.{procedure}"
        return await self.session.ask(uri, args, kwargs, self._within)

    async def follow(self, topic: str, *, match: str = "exact") -> Events:
        """Hear a topic from now on, until the session ends."""
        events = Events()
        await self.session.subscribe(topic, events.add, match=match)
        return events

    async def logs(self, device: Identity, container: str) -> "Logs":
        """Hear what a container logs, e.g. `prod_7_counter`. Listening is what opens the stream."""
        events = await self.follow(f"reswarm.logs.{device.serial_number}.{container}")
        return Logs(events)


class Logs:
    """What was heard on a log topic, sorted: the container's lines, the engine's, the agent's.

    All of them share the topic: the engine's are its raw JSON about a pull, a push or a build.
    """

    def __init__(self, events: Events) -> None:
        self.events = events

    @property
    def lines(self) -> list[str]:
        """The container's lines so far."""
        return [line for line in self.raw if not _is_from_engine(line)]

    @property
    def progress(self) -> list[str]:
        """What the engine said about pulls, pushes and builds so far."""
        return [line for line in self.raw if _is_from_engine(line)]

    @property
    def raw(self) -> list[str]:
        """Every line so far, whoever wrote it."""
        texts = [e.args[0] for e in self.events.heard if e.args and isinstance(e.args[0], str)]
        return [line for text in texts for line in text.split("\n")]

    @property
    def messages(self) -> list[str]:
        """The agent's own messages so far."""
        return [str(e.first["chunk"]) for e in self.events.heard if "chunk" in e.first]

    async def until_line(self, text: str, within: float = 15.0) -> list[str]:
        """Wait for a line that contains `text`, and return all lines so far.

        Raises:
            TimeoutError: None came.
        """
        await self.events.until(lambda _: any(text in line for line in self.lines), within)
        return self.lines

    async def until_count(self, count: int, within: float = 30.0) -> list[str]:
        """Wait for so many lines, and return them.

        Raises:
            TimeoutError: Fewer came.
        """
        try:
            await self.events.until(lambda _: len(self.lines) >= count, within)
        except TimeoutError as error:
            raise TimeoutError(f"{len(self.lines)} of {count} lines in {within:g} s") from error
        return self.lines


_ENGINE_KEYS: Final = frozenset(
    ("status", "id", "progress", "progressDetail", "stream", "error", "errorDetail", "aux")
)


def _is_from_engine(line: str) -> bool:
    if not line.startswith('{"'):
        return False
    try:
        said = json.loads(line)
    except ValueError:
        return False
    return isinstance(said, dict) and _ENGINE_KEYS.issuperset(said)
