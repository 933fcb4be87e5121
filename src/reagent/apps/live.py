"""What a running app can see change: its login, its ports (docs/contract/apps.md 3.5, 3.9).

Tunnels are not in this version: host ports are resolved and told to the platform, as on every
device that cannot have tunnels.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

from reagent import log
from reagent.aio.bounded import within
from reagent.apps import envfiles, portrules
from reagent.apps.actions.workshop import Workshop
from reagent.apps.credentials import credential
from reagent.apps.hostports import key_of
from reagent.apps.states import GONE
from reagent.contracts.backend import Backend
from reagent.errors import ReagentError
from reagent.model.app import App, PortRule, Stage, WantedApp

_log = log.get(__name__)

_INSPECT_S: Final = 10.0


class LiveFiles:
    """Keeps files of apps and the platform's picture of their ports up to date."""

    def __init__(self, shop: Workshop, backend: Backend) -> None:
        self._shop = shop
        self._backend = backend

    async def refresh(self, app: App, wanted: WantedApp) -> None:
        """Credential files, then ports of a release.

        Raises:
            BadRequest: the port rules cannot be read.
            Failed: the app's name is no name of a folder.
        """
        # What is about to go needs no files, and must not get back the folder it lost.
        keep = wanted.target not in GONE
        folder = self._shop.folders.data(wanted.stage, wanted.app_name) / "env"
        if keep:
            login = credential(
                self._shop.learnt.credential_key,
                self._shop.identity().serial_number,
                wanted.app_key,
                wanted.stage,
                wanted.app_cred_epoch,
            )
            await asyncio.to_thread(envfiles.refresh_credentials, folder, login)
        if wanted.stage != Stage.PROD:
            return
        rules = portrules.parse(wanted.ports)
        if not rules:
            return
        resolved = await self._resolve(app, wanted, rules)
        try:
            await self._backend.save_ports(wanted, resolved)
        except ReagentError as error:
            _log.warning("ports not saved upstream", app=app.app_name, error=error)
        if keep:
            await asyncio.to_thread(envfiles.refresh_ports, folder, resolved)

    async def _resolve(
        self, app: App, wanted: WantedApp, rules: tuple[PortRule, ...]
    ) -> list[PortRule]:
        """The rules with their host ports, as far as known. Nothing is taken from the pool."""
        live: dict[tuple[int, str], int] | None = None
        resolved = []
        for rule in rules:
            port = 0
            if not rule.local_ip:
                port = self._shop.host_ports.lookup(app.id, rule.wire, rule.port) or 0
                if not port:
                    live = await self._bindings(wanted) if live is None else live
                    port = live.get((rule.port, rule.wire), 0)
                    if port:
                        port = self._shop.host_ports.recover_or_reserve(key_of(app.id, rule), port)
            resolved.append(replace(rule, host_port=port or rule.host_port))
        return resolved

    async def _bindings(self, wanted: WantedApp) -> dict[tuple[int, str], int]:
        container = self._shop.names(wanted).container
        try:
            seen = await within(_INSPECT_S, self._shop.look(container), f"answer about {container}")
        except ReagentError as error:
            _log.warning("ports of a container not looked up", container=container, error=error)
            return {}
        bindings = seen.bindings if seen is not None else ()
        return {(each.port, each.protocol): each.host_port for each in bindings}
