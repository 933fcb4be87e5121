"""From HELLO to WELCOME: the challenge and its answer (docs/contract/wamp.md 1.2, 1.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from reagent.adapters.wamp import cra, messages
from reagent.adapters.wamp.library import Message, message
from reagent.aio.bounded import within
from reagent.errors import (
    AuthenticationRefused,
    DeadlineExceeded,
    DialFailed,
    NotConnected,
    ReagentError,
)
from reagent.model.device import Identity

# What Crossbar says. Whatever reads differently, an unknown device for one, may be mended there: it
# is dialled again.
BAD_SECRET = "WAMP-CRA client signature is invalid"  # noqa: S105 - what routers say, not a secret


class Handshake:
    """One attempt to be let in.

    Args:
        send: sends a message.
    """

    def __init__(self, send: Callable[[Message], None]) -> None:
        loop = asyncio.get_running_loop()
        self._send = send
        self._secret: str | None = None
        self._challenged: asyncio.Future[None] = loop.create_future()
        self._joined: asyncio.Future[None] = loop.create_future()

    @property
    def over(self) -> bool:
        """Whether we were let in, or it failed."""
        return self._joined.done()

    async def run(self, identity: Identity, patience: float) -> None:
        """Say HELLO and see it through.

        Args:
            identity: who we are.
            patience: seconds for each of the router's two answers.

        Raises:
            AuthenticationRefused: the router says that our signature is wrong.
            DialFailed: it says something else, or nothing in time.
        """
        self._secret = identity.secret
        try:
            self._send(messages.hello(identity.authid))
            await within(patience, self._challenged, "answer to HELLO")
            await within(patience, self._joined, "WELCOME")
        except (DeadlineExceeded, NotConnected) as error:
            raise DialFailed(f"not let in by the router: {error}") from error

    def challenged(self, challenge: message.Challenge) -> None:
        """CHALLENGE: sign it. Another method gets an empty answer, and ABORT follows."""
        self._answered()
        if self._secret is None or self.over:
            return
        try:
            proof = ""
            if challenge.method == "wampcra":
                proof = cra.signature(self._secret, challenge.extra or {})
            self._send(messages.authenticate(proof))
        except ReagentError as error:
            self._fail(error)

    def welcomed(self) -> None:
        """WELCOME."""
        self._answered()
        if not self.over:
            self._joined.set_result(None)

    def refused(self, text: str) -> None:
        """ABORT, or the end of the connection."""
        self._answered()
        if BAD_SECRET in text:
            self._fail(
                AuthenticationRefused(
                    f"authentication failed, the router does not accept the device secret: {text}"
                )
            )
        else:
            self._fail(DialFailed(text))

    def _answered(self) -> None:
        if not self._challenged.done():
            self._challenged.set_result(None)

    def _fail(self, error: ReagentError) -> None:
        if not self.over:
            self._joined.set_exception(error)
            # A join that was given up does not look any more.
            self._joined.exception()
