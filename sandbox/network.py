"""A network bridge of our own for the engine: a subnet nobody uses, a name nobody else has."""

import ipaddress
import json
import secrets
from collections.abc import Iterable
from typing import Final

from sandbox.packages import program
from sandbox.processes import SandboxError, run
from sandbox.reaper import Reaper, remove_link

# Of the private ranges the one least seen in homes, offices and Docker's own defaults.
_RANGE: Final = ipaddress.IPv4Network("10.201.0.0/16")


def free_subnet(taken: Iterable[str], start: int) -> ipaddress.IPv4Network:
    """The first /24 of our range, from number `start` on, that overlaps nothing in `taken`."""
    used = [ipaddress.IPv4Network(route, strict=False) for route in taken]
    subnets = list(_RANGE.subnets(new_prefix=24))
    for offset in range(len(subnets)):
        subnet = subnets[(start + offset) % len(subnets)]
        if not any(subnet.overlaps(other) for other in used):
            return subnet
    raise SandboxError(f"every subnet of {_RANGE} is in use")


class Bridge:
    """A bridge that exists from `open` to `close`; the reaper takes it away if we cannot."""

    def __init__(self) -> None:
        self.name = f"rsb{secrets.token_hex(4)}"
        self.address = ""
        self.pool = ""

    def open(self) -> None:
        """Make the bridge, give it an address, and pick a pool for compose networks."""
        taken = _routes()
        # Where two sandboxes choose at the same time, chance keeps them apart.
        subnet = free_subnet(taken, secrets.randbelow(200))
        self.pool = str(free_subnet([*taken, str(subnet)], secrets.randbelow(200)))
        self.address = f"{subnet.network_address + 1}/24"
        Reaper.here().own("link", self.name)
        _ip("link", "add", self.name, "type", "bridge")
        _ip("addr", "add", self.address, "dev", self.name)
        _ip("link", "set", self.name, "up")

    def close(self) -> None:
        """Remove it."""
        remove_link(self.name)
        Reaper.here().disown("link", self.name)


def _routes() -> list[str]:
    rows = json.loads(_ip("-json", "-4", "route", "show", "table", "all") or "[]")
    return [row["dst"] for row in rows if row.get("dst") not in (None, "default")]


def _ip(*words: str) -> str:
    return run([program("ip") or "ip", *words], within=10)
