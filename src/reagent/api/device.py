"""What this device is and how it is doing (docs/contract/wamp.md 4.21, 4.23, 4.33, 4.34)."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from reagent import log
from reagent.api.procedure import procedure
from reagent.contracts.host import Host
from reagent.errors import ReagentError
from reagent.model.call import Answer, Call, Privilege
from reagent.model.device import Identity

_log = log.get(__name__)

# The tunnel client that belongs to this agent, whatever version of the agent is the newest.
TUNNEL_VERSION: Final = "0.70.0"
_LEFT_OUT = frozenset({"127.0.0.1", "0.0.0.0"})  # noqa: S104 - addresses that are not reported


def is_ipv4(text: str) -> bool:
    """Whether it looks like dotted IPv4; leading zeros of a part are accepted, as in the field."""
    parts = text.split(".")
    return len(parts) == 4 and all(
        part.isascii() and part.isdigit() and len(part) <= 3 and int(part) <= 255 for part in parts
    )


def split_arch(arch: str) -> tuple[str, str]:
    """`armv7` is `arm` and `v7`; everything else has no variant."""
    if arch.startswith("armv"):
        return "arm", arch.removeprefix("arm")
    return arch, ""


class Device:
    """Reads of the machine; none of them fails.

    Args:
        host: the machine.
        identity: who we are now.
        latest: the newest version for this device; raises `ReagentError` where nobody knows.
        last_update: how the last update ended, as plain values; empty where there was none.
        version: ours.
        arch: ours, with its variant.
        signed: we take as updates only what was signed for.
    """

    def __init__(
        self,
        host: Host,
        identity: Callable[[], Identity],
        latest: Callable[[], Awaitable[str]],
        last_update: Callable[[], Mapping[str, str]],
        *,
        version: str,
        arch: str,
        signed: bool,
    ) -> None:
        self._host = host
        self._identity = identity
        self._latest = latest
        self._last_update = last_update
        self._version = version
        self._arch = arch
        self._signed = signed

    @procedure("get_agent_metadata", needs=Privilege.READ, within=20.0)
    async def get_agent_metadata(self, _call: Call) -> Answer:
        """What we are; and what is the newest, where the bucket says so within its 10 s."""
        system = self._host.description()
        arch, variant = split_arch(self._arch)
        return Answer(
            (
                {
                    "os": system,
                    "OSVersion": system,
                    "arch": arch,
                    "variant": variant,
                    "version": self._version,
                    "serialNumber": self._identity().serial_number,
                    "canUpdate": True,
                    "signedUpdates": self._signed,
                    "tunnelCapable": False,
                    **await self._newest(),
                    **self._ended(),
                },
            )
        )

    async def _newest(self) -> dict[str, object]:
        try:
            latest = await self._latest()
        except ReagentError:
            return {}
        except Exception as error:  # noqa: BLE001 - what we are is no less true for it
            _log.exception("the newest version is not known", error=error)
            return {}
        return {
            "latestVersion": latest,
            "latestAgentVersion": latest,
            "latestTunnelVersion": TUNNEL_VERSION,
            "hasLatest": latest == self._version,
        }

    def _ended(self) -> dict[str, object]:
        last = self._last_update()
        return {"lastUpdate": dict(last)} if last else {}

    @procedure("get_network_metadata")
    async def get_network_metadata(self, _call: Call) -> Answer:
        """One positional argument per address; the mask's bytes as plain base64 text."""
        return Answer(
            tuple(
                {"IP": each.ip, "Mask": base64.b64encode(each.mask).decode("ascii")}
                for each in self._host.addresses()
            )
        )

    @procedure("get_ipv4_addresses")
    async def get_ipv4_addresses(self, _call: Call) -> Answer:
        """One list; neither loopback nor the engine's interfaces."""
        found: list[object] = [
            {"interfaceName": each.interface, "ip": each.ip}
            for each in self._host.addresses()
            if is_ipv4(each.ip) and each.ip not in _LEFT_OUT and "docker" not in each.interface
        ]
        return Answer((found,))

    @procedure("get_storage_data", needs=Privilege.READ)
    async def get_storage_data(self, _call: Call) -> Answer:
        """The twelve figures of the status report."""
        return Answer(((await self._host.stats()).wire(),))
