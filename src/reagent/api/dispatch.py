"""Around every procedure: who calls, may they, within which time (docs/contract/wamp.md 5).

The check comes first, before arguments are looked at and before anything happens. Errors are logged
here, once; how they look on the wire is the adapter's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace

from reagent import log
from reagent.api.procedure import Mark, Procedure
from reagent.contracts.backend import Backend
from reagent.contracts.messenger import Messenger
from reagent.errors import (
    CallFailed,
    DeadlineExceeded,
    Failed,
    NotPrivileged,
    ReagentError,
    Unavailable,
)
from reagent.model.call import Answer, Call, Privilege
from reagent.model.device import Identity
from reagent.model.names import procedure as uri_of

_log = log.get(__name__)

ALREADY_EXISTS = "wamp.error.procedure_already_exists"
_SYSTEM = "system"
_REQUESTOR = "requestor_account_key"
_INT64 = range(-(2**63), 2**63)
_LONGEST = 19


def normalised(call: Call) -> Call:
    """A `system` caller that names an account acts as that account (docs/contract/wamp.md 5.1)."""
    if call.caller != _SYSTEM:
        return call
    named = call.kwargs.get(_REQUESTOR)
    if named is None and call.args and isinstance(call.args[0], Mapping):
        named = call.args[0].get(_REQUESTOR)
    account = account_key(named)
    return call if account is None else replace(call, caller=account)


def account_key(caller: object) -> int | None:
    """The decimal integer in a number or text; None for everything else.

    A whole float counts: `7.0` from a `system` caller must not leave it as powerful as before.
    """
    if isinstance(caller, bool):
        return None
    if isinstance(caller, float) and caller.is_integer():
        caller = int(caller)
    if isinstance(caller, str):
        digits = caller[1:] if caller[:1] in {"+", "-"} else caller
        if not (digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST):
            return None
        caller = int(caller)
    return caller if isinstance(caller, int) and caller in _INT64 else None


class Privileges:
    """Asks the backend; nothing is cached: one look-up per guarded call."""

    def __init__(self, backend: Backend, identity: Callable[[], Identity]) -> None:
        self._backend = backend
        self._identity = identity

    async def demand(self, privilege: Privilege, call: Call, suffix: str) -> None:
        """Return when the caller holds the privilege.

        Raises:
            NotPrivileged: the backend said no, or the device file does not trust `system`.
            Unavailable: the look-up failed; never reads like a denial.
            Failed: the caller has no account key.
        """
        if call.caller == _SYSTEM:
            if self._identity().trust_system:
                return
            raise NotPrivileged(suffix, privilege)
        account = account_key(call.caller)
        if account is None:
            raise Failed(f"failed to check the caller of {suffix}: {call.caller!r} is no account")
        try:
            allowed = await self._backend.holds(privilege, account)
        except ReagentError as error:
            raise CallFailed(f"failed to look up the caller of {suffix}: {error}") from error
        if not allowed:
            raise NotPrivileged(suffix, privilege)


class Dispatcher:
    """Holds the procedures, and offers them to a session."""

    def __init__(
        self,
        procedures: Iterable[Procedure],
        privileges: Privileges,
        identity: Callable[[], Identity],
    ) -> None:
        self._procedures = {each.mark.suffix: each for each in procedures}
        self._privileges = privileges
        self._identity = identity

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Names of all procedures."""
        return tuple(self._procedures)

    async def register(self, messenger: Messenger) -> None:
        """Offer every procedure at once; one that is refused keeps none of the others back.

        An "already exists" is a warning. What else was refused is tried once more, then logged.

        Raises:
            Unavailable: the session went away.
        """
        refused = await self._offer(messenger, self._procedures.values())
        if refused:
            await self._offer(messenger, refused, last=True)

    async def _offer(
        self, messenger: Messenger, procedures: Iterable[Procedure], *, last: bool = False
    ) -> list[Procedure]:
        serial = self._identity().serial_number
        wanted = list(procedures)
        results = await asyncio.gather(
            *(
                messenger.register(uri_of(serial, each.mark.suffix), self._guarded(each))
                for each in wanted
            ),
            return_exceptions=True,
        )
        refused = []
        for each, result in zip(wanted, results, strict=True):
            if not isinstance(result, BaseException):
                continue
            if isinstance(result, CallFailed) and ALREADY_EXISTS in f"{result.uri} {result}":
                _log.warning("procedure is taken by another session", procedure=each.mark.suffix)
            elif isinstance(result, ReagentError) and messenger.connected:
                refused.append(each)
                if last:
                    _log.error("procedure was refused", procedure=each.mark.suffix, error=result)
            else:
                raise result
        return refused

    def _guarded(self, served: Procedure) -> Callable[[Call], Awaitable[Answer]]:
        mark, serve = served.mark, served.serve
        if mark.needs is None:

            async def open_to_all(call: Call) -> Answer:
                return await self._bounded(mark, serve, normalised(call))

            return open_to_all

        needs = mark.needs

        async def guarded(call: Call) -> Answer:
            call = normalised(call)
            privilege = needs if isinstance(needs, Privilege) else needs(call)
            try:
                await self._privileges.demand(privilege, call, mark.suffix)
            except ReagentError as error:
                _log.warning("call refused", procedure=mark.suffix, error=error, slug=error.slug)
                raise
            return await self._bounded(mark, serve, call)

        return guarded

    async def _bounded(
        self, mark: Mark, serve: Callable[[Call], Awaitable[Answer]], call: Call
    ) -> Answer:
        try:
            async with asyncio.timeout(mark.within):
                return await serve(call)
        except TimeoutError as error:
            _log.warning("call took too long", procedure=mark.suffix, seconds=mark.within)
            raise DeadlineExceeded(
                f"{mark.suffix} did not finish within {mark.within:g} s"
            ) from error
        except Unavailable as error:
            _log.warning("call failed", procedure=mark.suffix, error=error, slug=error.slug)
            raise
        except ReagentError as error:
            _log.info("call refused", procedure=mark.suffix, error=error, slug=error.slug)
            raise
        except Exception as error:
            _log.exception("call broke", procedure=mark.suffix)
            raise Failed(f"{mark.suffix} failed inside the agent: {error}") from error
