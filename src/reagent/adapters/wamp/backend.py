"""The platform's procedures over any messenger (docs/contract/wamp.md 3).

An answer of the wrong shape is a `CallFailed` like an error of the platform: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from reagent.adapters.wamp.rows import count, wanted_app
from reagent.contracts.backend import Metadata
from reagent.contracts.messenger import Messenger
from reagent.errors import CallFailed
from reagent.model.app import App, PortRule, WantedApp
from reagent.model.call import Answer, Privilege
from reagent.model.device import Identity, Stats, Status

UPDATE_APP = "reswarm.containers.update_app_on_device"
REQUESTED_APPS = "reswarm.containers.get_requested_app_states"
REGISTRY_TOKEN = "reswarm.containers.get_registry_token"  # noqa: S105 - a URI
CREDENTIAL_KEY = "reswarm.devices.get_app_cred_key"
UPDATE_STATUS = "reswarm.devices.update_device_status"
METADATA = "reswarm.devices.read_device_metadata"
ARCHITECTURE = "reswarm.devices.update_device_architecture"
CHECK_PRIVILEGE = "reswarm.devices.check_privilege"
MATCH = "wamp.subscription.match"

# A platform that is alive and does not answer must not keep a device from becoming reachable.
ANSWER_S = 20.0
LIST_S = 60.0
STATUS_S = 10.0
PRIVILEGE_S = 10.0
PORTS_S = 5.0


class WampBackend:
    """Implements `contracts.backend.Backend`.

    Args:
        messenger: what to call through.
        identity: who we are now.
        arch: architecture with its variant, e.g. `armv7`.
        version: of the agent.
        system: describes the operating system; asked when it is reported.
        tunnel_capable: whether tunnels can be had; None says nothing about it.
    """

    def __init__(
        self,
        messenger: Messenger,
        identity: Callable[[], Identity],
        *,
        arch: str,
        version: str,
        system: Callable[[], str],
        tunnel_capable: Callable[[], bool | None] = lambda: False,
    ) -> None:
        self._messenger = messenger
        self._identity = identity
        self._arch = arch
        self._version = version
        self._system = system
        self._tunnel_capable = tunnel_capable

    async def read_metadata(self) -> Metadata:
        """3.3. Without the project: it has to work while the known one is stale."""
        answer = await self._messenger.call(
            METADATA, {"device_key": self._identity().device_key}, deadline=ANSWER_S
        )
        said = _mapping(answer, METADATA)
        swarm_key = count(said.get("swarm_key"))
        if swarm_key is None:
            raise CallFailed(f"{METADATA} answered without a usable swarm_key")
        return Metadata(
            swarm_key=swarm_key,
            device_name=_text(said, "device_name"),
            swarm_name=_text(said, "swarm_name"),
            owner_name=_text(said, "ownername"),
        )

    async def app_credential_key(self) -> str:
        """3.4."""
        key = _first(await self._messenger.call(CREDENTIAL_KEY, deadline=ANSWER_S))
        if not isinstance(key, str) or not key:
            raise CallFailed(f"{CREDENTIAL_KEY} answered without a key")
        return key

    async def report_status(self, status: Status, stats: Stats) -> str:
        """3.2."""
        identity = self._identity()
        report: dict[str, object] = {
            "swarm_key": identity.swarm_key,
            "device_key": identity.device_key,
            "status": status.value,
            "wamp_session_id": self._messenger.session_id,
            "stats": stats.wire(),
        }
        capable = self._tunnel_capable()
        if capable is not None:
            report["tunnel_capable"] = capable
        said = _first(await self._messenger.call(UPDATE_STATUS, report, deadline=STATUS_S))
        return _text(said, "reswarmBaseURL") if isinstance(said, Mapping) else ""

    async def report_architecture(self) -> None:
        """3.5."""
        identity = self._identity()
        arch, variant = split(self._arch)
        await self._messenger.call(
            ARCHITECTURE,
            {
                "swarm_key": identity.swarm_key,
                "device_key": identity.device_key,
                "architecture": f"{arch}{variant}",
                "os": self._system(),
                "arch": arch,
                "variant": variant,
                "agent_version": self._version,
            },
            deadline=ANSWER_S,
        )

    async def requested_apps(self) -> Sequence[WantedApp]:
        """3.7. Only a genuine list is an answer: an empty one removes every app."""
        answer = await self._messenger.call(
            REQUESTED_APPS, {"device_key": self._identity().device_key}, deadline=LIST_S
        )
        rows = _first(answer)
        if not isinstance(rows, list):
            raise CallFailed(f"{REQUESTED_APPS} answered without a list")
        # A row that is no object stays, empty: whoever removes what is absent has to know of it.
        return [wanted_app(row if isinstance(row, Mapping) else {}) for row in rows]

    async def registry_token(self, account_key: int) -> str:
        """3.8."""
        answer = await self._messenger.call(REGISTRY_TOKEN, {"callerID": account_key})
        if not answer.args:
            return ""
        token = answer.args[0]
        if not isinstance(token, str):
            raise CallFailed(f"{REGISTRY_TOKEN} answered with something else than a text")
        return token

    async def report_app(self, app: App) -> None:
        """3.1.1."""
        identity = self._identity()
        await self._messenger.call(
            UPDATE_APP,
            {
                "app_key": app.app_key,
                "device_key": identity.device_key,
                "swarm_key": identity.swarm_key,
                "serial_number": identity.serial_number,
                "stage": app.stage,
                "state": app.state.value,
                "device_to_app_key": 0,
                "requestor_account_key": app.requestor_account_key,
                "release_key": app.release_key,
                "request_update": app.request_update,
                "release_build": app.release_build,
                "updateStatus": app.update_status.value,
            },
        )

    async def save_ports(self, wanted: WantedApp, ports: Sequence[PortRule]) -> None:
        """3.1.2."""
        identity = self._identity()
        report = {
            "app_key": wanted.app_key,
            "device_key": identity.device_key,
            "swarm_key": identity.swarm_key,
            "stage": wanted.stage,
            "ports": [rule.sent() for rule in ports],
        }
        await self._messenger.call(UPDATE_APP, report, deadline=PORTS_S)

    async def holds(self, privilege: Privilege, account_key: int) -> bool:
        """5.2."""
        identity = self._identity()
        question = {
            "privilege": privilege.value,
            "entity": "DEVICE",
            "entity_key": identity.device_key,
            "requestor_account_key": account_key,
            "swarm_key": identity.swarm_key,
        }
        allowed = _first(
            await self._messenger.call(CHECK_PRIVILEGE, question, deadline=PRIVILEGE_S)
        )
        if not isinstance(allowed, bool):
            raise CallFailed(f"{CHECK_PRIVILEGE} answered with neither true nor false")
        return allowed

    async def log_listener(self, topic: str) -> str:
        """3.11."""
        found = _first(await self._messenger.call(MATCH, topic, deadline=ANSWER_S))
        if isinstance(found, list):
            found = found[0] if found else None
        return str(found) if isinstance(found, int) and not isinstance(found, bool) else ""


def split(arch: str) -> tuple[str, str]:
    """`armv7` is `arm` and `v7`; everything else has no variant."""
    return ("arm", arch.removeprefix("arm")) if arch.startswith("armv") else (arch, "")


def _first(answer: Answer) -> object:
    return answer.args[0] if answer.args else None


def _mapping(answer: Answer, procedure: str) -> Mapping[str, object]:
    said = _first(answer)
    if not isinstance(said, Mapping):
        raise CallFailed(f"{procedure} answered without an object")
    return said


def _text(said: Mapping[str, object], key: str) -> str:
    value = said.get(key)
    return value if isinstance(value, str) else ""
