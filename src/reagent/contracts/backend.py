"""The platform's procedures in our words (docs/contract/wamp.md 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from reagent.model.app import App, PortRule, WantedApp
from reagent.model.call import Privilege
from reagent.model.device import Stats, Status


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the platform says of the device; an empty text means "not said", leave it unchanged."""

    swarm_key: int
    device_name: str = ""
    swarm_name: str = ""
    owner_name: str = ""


class Backend(Protocol):
    """Every method raises `NotConnected`, `CallFailed` or `DeadlineExceeded`.

    An answer of the wrong shape is a `CallFailed` too.
    """

    async def read_metadata(self) -> Metadata:
        """`reswarm.devices.read_device_metadata`."""
        ...

    async def app_credential_key(self) -> str:
        """`reswarm.devices.get_app_cred_key`; never empty."""
        ...

    async def report_status(self, status: Status, stats: Stats) -> str:
        """`reswarm.devices.update_device_status`, 10 s.

        Returns:
            `reswarmBaseURL` of the answer, empty when it is missing.
        """
        ...

    async def report_architecture(self) -> None:
        """`reswarm.devices.update_device_architecture`."""
        ...

    async def requested_apps(self) -> Sequence[WantedApp]:
        """`reswarm.containers.get_requested_app_states`.

        An empty list is an answer; null, nothing, or anything that is not a list is an error.
        """
        ...

    async def registry_token(self, account_key: int) -> str:
        """`reswarm.containers.get_registry_token`; an answer without arguments: empty."""
        ...

    async def report_app(self, app: App) -> None:
        """`reswarm.containers.update_app_on_device`, the state report (3.1.1)."""
        ...

    async def save_ports(self, wanted: WantedApp, ports: Sequence[PortRule]) -> None:
        """The same URI, port persistence (3.1.2), 5 s."""
        ...

    async def holds(self, privilege: Privilege, account_key: int) -> bool:
        """`reswarm.devices.check_privilege`, 10 s, not cached."""
        ...

    async def log_listener(self, topic: str) -> str:
        """`wamp.subscription.match`: the first id as text, empty when nobody listens."""
        ...
