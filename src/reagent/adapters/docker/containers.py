"""What the engine's documents say, in our words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reagent.contracts.engine import ContainerSeen, PortBinding

_ALL_ADDRESSES = frozenset({"", "0.0.0.0"})  # noqa: S104  # compared with, never bound


def seen(document: object) -> ContainerSeen:
    """What an inspection document says; whatever is missing has its type's zero."""
    whole = mapping(document)
    state, host, config = (mapping(whole.get(key)) for key in ("State", "HostConfig", "Config"))
    code = state.get("ExitCode")
    return ContainerSeen(
        id=text(whole.get("Id")),
        name=text(whole.get("Name")).removeprefix("/"),
        status=text(state.get("Status")),
        exit_code=code if isinstance(code, int) else 0,
        error=text(state.get("Error")),
        network_mode=text(host.get("NetworkMode")),
        tty=config.get("Tty") is True,
        labels={name: text(value) for name, value in mapping(config.get("Labels")).items()},
        bindings=_bindings(mapping(host.get("PortBindings"))),
    )


def _bindings(found: Mapping[str, object]) -> tuple[PortBinding, ...]:
    """Creation-time bindings; of one port's, those on all addresses come first (apps.md 3.6)."""
    bindings: list[PortBinding] = []
    for key, published in found.items():
        port, _, protocol = key.partition("/")
        if not port.isdigit():
            continue
        entries = [mapping(entry) for entry in sequence(published)]
        entries.sort(key=lambda entry: text(entry.get("HostIp")) not in _ALL_ADDRESSES)
        for entry in entries:
            host_port = text(entry.get("HostPort"))
            if host_port.isdigit():
                binding = PortBinding(int(port), protocol or "tcp", int(host_port))
                if binding not in bindings:
                    bindings.append(binding)
    return tuple(bindings)


def mapping(value: object) -> Mapping[str, object]:
    """A JSON object, empty when it is anything else."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> Sequence[object]:
    """A JSON array, empty when it is anything else."""
    return value if isinstance(value, list) else ()


def text(value: object) -> str:
    """A JSON string, empty when it is anything else."""
    return value if isinstance(value, str) else ""
