"""Bring an app into a state (docs/contract/wamp.md 4.1, 8)."""

from __future__ import annotations

from typing import Protocol

from reagent.api.procedure import procedure
from reagent.api.wanted import parse
from reagent.model.app import State, WantedApp
from reagent.model.call import Answer, Call, Privilege

_OPERATED = frozenset({State.RUNNING, State.STARTING})


def privilege_for(call: Call) -> Privilege:
    """To run what is installed is OPERATE; everything that installs or removes is INSTALL."""
    target = call.kwargs.get("target_state") or call.kwargs.get("manually_requested_state")
    return (
        Privilege.OPERATE if isinstance(target, str) and target in _OPERATED else Privilege.INSTALL
    )


class Requests(Protocol):
    """Takes a request in."""

    async def request(self, wanted: WantedApp) -> None:
        """Store it, then work on it in the background."""
        ...


class AppStates:
    """Serves the one procedure that changes apps."""

    def __init__(self, apps: Requests) -> None:
        self._apps = apps

    @procedure("request_app_state", needs=privilege_for)
    async def request_app_state(self, call: Call) -> Answer:
        """Empty as soon as the request is stored; the transition goes on behind it."""
        await self._apps.request(parse(call.kwargs))
        return Answer()
