"""Talking through the router: dial a session, and the messenger that outlives sessions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from reagent.model.call import Answer, Call, Event
from reagent.model.device import Identity

Handler = Callable[[Call], Awaitable[Answer]]
Listener = Callable[[Event], Awaitable[None]]


class Handle(Protocol):
    """A registration or a subscription of one session."""

    @property
    def id(self) -> int:
        """The router's number for it."""
        ...

    async def remove(self) -> None:
        """Unregister or unsubscribe; gone already is fine."""
        ...


class Messenger(Protocol):
    """What the agent talks through. The object is stable; the session inside changes.

    Every method raises `NotConnected` at once while there is no session: nothing is queued.
    """

    @property
    def connected(self) -> bool:
        """Whether there is a joined session now."""
        ...

    @property
    def session_id(self) -> int:
        """The router's number of the current session, 0 when there is none."""
        ...

    async def call(
        self,
        procedure: str,
        *args: object,
        kwargs: Mapping[str, object] | None = None,
        deadline: float | None = None,
    ) -> Answer:
        """Call a procedure.

        Args:
            procedure: the URI.
            args: positional arguments.
            kwargs: keyword arguments; empty and None are the same.
            deadline: seconds; None waits until the answer or the end of the session. On the
                deadline a CANCEL goes out.

        Raises:
            NotConnected: no session, or it ended while waiting.
            CallFailed: the answer is an ERROR; the text holds its URI and arguments.
            DeadlineExceeded: the deadline passed.
        """
        ...

    async def publish(self, topic: str, *args: object, acknowledge: bool = False) -> None:
        """Publish one event; with `acknowledge` wait for the router's PUBLISHED.

        Raises:
            NotConnected: no session.
            CallFailed: the router refused (only with `acknowledge`).
            DeadlineExceeded: no PUBLISHED within the response timeout.
        """
        ...

    async def register(self, procedure: str, handler: Handler, *, force: bool = True) -> Handle:
        """Offer a procedure.

        A `ReagentError` of the handler goes out as `wamp.error.canceled` with `[{"error": text}]`.
        Invocations run concurrently.

        Args:
            procedure: the URI.
            handler: called once per invocation.
            force: send `force_reregister` (docs/contract/wamp.md 1.11).

        Raises:
            NotConnected: no session.
            CallFailed: the router refused; `uri` says why.
            DeadlineExceeded: no REGISTERED within the response timeout.
        """
        ...

    async def subscribe(self, topic: str, listener: Listener) -> Handle:
        """Listen to a topic, exact match. Events arrive one at a time, in order.

        Raises:
            NotConnected: no session.
            CallFailed: the router refused.
            DeadlineExceeded: no SUBSCRIBED within the response timeout.
        """
        ...


class Session(Messenger, Protocol):
    """One joined session. Once it ended, every method raises `NotConnected`."""

    async def ended(self) -> bool:
        """Wait until the session is gone.

        Returns:
            True when the router said goodbye for a shutdown (then the next dial waits), False for
            every other end.
        """
        ...

    async def leave(self, within: float) -> None:
        """Say GOODBYE, wait at most `within` seconds for the answer, close the connection."""
        ...

    def abort(self) -> None:
        """Drop the connection now, without a word."""
        ...


class Dialer(Protocol):
    """Makes sessions."""

    async def dial(self, identity: Identity) -> Session:
        """Connect, join `realm1` by WAMP-CRA.

        Cancelling it closes the connection at once.

        Raises:
            AuthenticationRefused: the router does not accept the secret.
            DialFailed: anything else.
        """
        ...
