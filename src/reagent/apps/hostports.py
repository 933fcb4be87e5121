"""Which host port belongs to which declared port of which app (docs/contract/apps.md 3.6).

A registry in memory: what survives a restart is the binding of the container itself and the hint
in the port rule. It decides; whether a port can be bound now is asked of `free`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final

from reagent.contracts.engine import PortBinding
from reagent.errors import Failed
from reagent.model.app import AppKey, PortRule, Stage

POOL: Final = range(40000, 50000)


@dataclass(frozen=True, slots=True)
class PortKey:
    """One declared port. `protocol` is `tcp` or `udp`; `service` is empty outside compose."""

    app: AppKey
    protocol: str
    port: int
    service: str = ""


def key_of(app: AppKey, rule: PortRule, service: str = "") -> PortKey:
    """The key of a rule of an app."""
    return PortKey(app, rule.wire, rule.port, service)


class HostPorts:
    """The assignments. May be used from several threads.

    Args:
        free: whether a port of `tcp` or `udp` can be bound on all addresses right now; asked for
            fresh pool ports alone.
    """

    def __init__(self, free: Callable[[int, str], bool]) -> None:
        self._free = free
        self._assigned: dict[PortKey, int] = {}
        self._holders: dict[int, PortKey] = {}
        self._lock = Lock()

    def recover_or_reserve(self, key: PortKey, preferred: int = 0) -> int:
        """What is assigned; else `preferred` if nobody else holds it; else a free one of the pool.

        Raises:
            Failed: the pool is exhausted.
        """
        with self._lock:
            known = self._assigned.get(key)
            if known is not None:
                return known
            if preferred and preferred not in self._holders:
                return self._assign(key, preferred)
            return self._assign(key, self._fresh(key.protocol))

    def reserve_declared(self, key: PortKey) -> bool:
        """Take the declared port itself as host port; False when another key holds it."""
        with self._lock:
            if self._holders.get(key.port, key) != key:
                return False
            self._drop(key)
            self._assign(key, key.port)
            return True

    def reassign(self, key: PortKey) -> int:
        """A fresh pool port in place of the assigned one, which others may have then.

        Raises:
            Failed: the pool is exhausted; the assignment stays.
        """
        with self._lock:
            fresh = self._fresh(key.protocol)
            self._drop(key)
            return self._assign(key, fresh)

    def release(self, app: AppKey) -> None:
        """Forget an app that is uninstalled."""
        with self._lock:
            for key in [each for each in self._assigned if each.app == app]:
                self._drop(key)

    def lookup(self, app: AppKey, protocol: str, port: int) -> int | None:
        """The host port of a declared port, whatever its service; None when there is none."""
        with self._lock:
            for key, host_port in self._assigned.items():
                if (key.app, key.protocol, key.port) == (app, protocol, port):
                    return host_port
            return None

    def assigned(self, app: AppKey) -> dict[PortKey, int]:
        """Everything an app holds."""
        with self._lock:
            return {key: port for key, port in self._assigned.items() if key.app == app}

    def _fresh(self, protocol: str) -> int:
        for port in POOL:
            if port not in self._holders and self._free(port, protocol):
                return port
        raise Failed(f"no host port between {POOL.start} and {POOL.stop - 1} is free")

    def _assign(self, key: PortKey, port: int) -> int:
        self._assigned[key] = port
        self._holders[port] = key
        return port

    def _drop(self, key: PortKey) -> None:
        port = self._assigned.pop(key, None)
        if port is not None:
            del self._holders[port]


@dataclass(frozen=True, slots=True)
class Published:
    """Where an app's ports go, and what its developer should be told."""

    bindings: tuple[PortBinding, ...]
    notices: tuple[str, ...] = ()


def publish(
    ports: HostPorts,
    app: AppKey,
    rules: Sequence[PortRule],
    existing: Sequence[PortBinding] = (),
) -> Published:
    """Decide where a single container's ports are published.

    A rule with a `local_ip` points elsewhere and publishes nothing; whether it is active does not
    matter: tunnels come and go without the container being made anew.

    Args:
        ports: the registry, which remembers the decision.
        app: whose ports.
        rules: the declared ports.
        existing: creation-time bindings of the container that is there, whose ports are kept.

    Raises:
        Failed: the pool is exhausted.
    """
    live = {(each.port, each.protocol): each.host_port for each in existing}
    bindings: dict[tuple[int, str], PortBinding] = {}
    notices = []
    for rule in rules:
        where = (rule.port, rule.wire)
        if rule.local_ip or where in bindings:
            continue
        key = key_of(app, rule)
        preferred = live.get(where) or rule.host_port
        if app.stage == Stage.DEV and not preferred and ports.reserve_declared(key):
            host_port = rule.port
        else:
            host_port = ports.recover_or_reserve(key, preferred)
        bindings[where] = PortBinding(rule.port, rule.wire, host_port)
        if app.stage == Stage.DEV and host_port != rule.port:
            notices.append(f"Port {rule.port}/{rule.wire} is reachable on host port {host_port}")
    return Published(tuple(bindings.values()), tuple(notices))
