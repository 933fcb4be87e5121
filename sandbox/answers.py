"""What the platform answers devices, procedure by procedure (docs/contract/wamp.md 3)."""

# mypy: allow-untyped-calls
# autobahn's exceptions are not annotated

import time
from collections.abc import Callable, Mapping
from typing import Final

from autobahn.wamp.exception import ApplicationError

from sandbox.database import Database, Identity
from sandbox.wamp import Incoming, Result

UPDATE_APP: Final = "reswarm.containers.update_app_on_device"
WANTED_APPS: Final = "reswarm.containers.get_requested_app_states"
REGISTRY_TOKEN: Final = "reswarm.containers.get_registry_token"
CRED_KEY: Final = "reswarm.devices.get_app_cred_key"
STATUS: Final = "reswarm.devices.update_device_status"
METADATA: Final = "reswarm.devices.read_device_metadata"
ARCHITECTURE: Final = "reswarm.devices.update_device_architecture"
PRIVILEGE: Final = "reswarm.devices.check_privilege"
EXPOSE_PORT: Final = "re.tunnel.expose_port"
RUN_GC: Final = "reswarm.registry.run_gc"


class Answers:
    """Every procedure that devices call, answered from the database.

    `admit` is told each registry login that is handed out: the token and the device's secret.
    """

    def __init__(
        self, database: Database, admit: Callable[[str, str], None], base_url: str
    ) -> None:
        self.database = database
        self._admit = admit
        self._base_url = base_url
        self.table: Final[Mapping[str, Callable[[Incoming], Result]]] = {
            UPDATE_APP: self._update_app,
            WANTED_APPS: self._wanted_apps,
            REGISTRY_TOKEN: self._registry_token,
            CRED_KEY: self._cred_key,
            STATUS: self._status,
            METADATA: self._metadata,
            ARCHITECTURE: self._architecture,
            PRIVILEGE: self._privilege,
            EXPOSE_PORT: self._expose_port,
            RUN_GC: lambda _: Result(({"freed_bytes": 123456789},)),
        }

    def testament(self, event: Incoming) -> None:
        """The router says that a device is gone without a goodbye."""
        key = _integer(event.first, "device_key")
        self.database.report_status(time.time(), key, "DISCONNECTED", event.first)

    def _update_app(self, call: Incoming) -> Result:
        if "ports" in call.first:
            self.database.keep_ports(call.first)
        else:
            self.database.report_app(time.time(), call.first)
        return Result()

    def _wanted_apps(self, call: Incoming) -> Result:
        return Result((self.database.wanted_apps(_integer(call.first, "device_key")),))

    def _registry_token(self, call: Incoming) -> Result:
        device = self._caller(call)
        token = f"tok-{device.device_key}-{call.first.get('callerID')}"
        self._admit(token, device.secret)
        return Result((token,))

    def _cred_key(self, call: Incoming) -> Result:
        return Result((self._caller(call).cred_key,))

    def _status(self, call: Incoming) -> Result:
        word = str(call.first.get("status"))
        self.database.report_status(
            time.time(), _integer(call.first, "device_key"), word, call.first
        )
        return Result(({"reswarmBaseURL": self._base_url},))

    def _metadata(self, call: Incoming) -> Result:
        device = self._known(_integer(call.first, "device_key"))
        return Result(
            (
                {
                    "device_key": device.device_key,
                    "device_name": device.device_name,
                    "swarm_name": device.swarm_name,
                    "ownername": device.ownername,
                    "swarm_key": device.swarm_key,
                },
            )
        )

    def _architecture(self, call: Incoming) -> Result:
        self.database.describe_architecture(call.first)
        return Result()

    def _privilege(self, call: Incoming) -> Result:
        account = _integer(call.first, "requestor_account_key")
        key = _integer(call.first, "entity_key")
        return Result((self.database.may(account, str(call.first.get("privilege")), key),))

    def _expose_port(self, call: Incoming) -> Result:
        wanted, protocol = _integer(call.first, "port"), str(call.first.get("protocol"))
        port = self.database.allocate_tunnel(wanted, protocol, self._caller(call).device_key)
        if port is None:
            raise ApplicationError("wamp.error.runtime_error", f"Duplicate value: {wanted}")
        return Result(({"remote_port": port},))

    def _caller(self, call: Incoming) -> Identity:
        """The device that calls; its key is the second half of its authid."""
        _, _, key = call.caller.partition("-")
        return self._known(int(key) if key.isdecimal() else 0)

    def _known(self, device_key: int) -> Identity:
        device = self.database.device(device_key)
        if device is None:
            raise ApplicationError("wamp.error.runtime_error", f"no device {device_key}")
        return device


def _integer(payload: Mapping[str, object], name: str) -> int:
    value = payload.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ApplicationError("wamp.error.invalid_argument", f"{name} must be an integer")
    return value
