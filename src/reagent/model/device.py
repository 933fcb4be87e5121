"""Who this device is, and how it is doing."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum


class Status(StrEnum):
    """Words of `reswarm.devices.update_device_status`; DISCONNECTED is sent by the router alone."""

    CONFIGURING = "CONFIGURING"
    CONNECTED = "CONNECTED"
    DISCONNECTED = "DISCONNECTED"
    EMERGENCY = "EMERGENCY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What the rest of the agent may know of the device file (docs/contract/system.md 1.1).

    A value object: the live one is held by `settings.devicefile.DeviceFile`, and is replaced when
    the platform renames or transfers the device.
    """

    serial_number: str
    name: str = ""
    secret: str = field(default="", repr=False)
    swarm_key: int = 0
    device_key: int = 0
    swarm_name: str = ""
    swarm_owner_name: str = ""
    device_endpoint_url: str = ""
    environment: str = ""
    docker_registry_url: str = ""
    docker_main_repository: str = ""
    appliance_domain: str = ""
    update_url: str = ""
    board_model: str = ""
    certificate: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    trust_system: bool = True

    @property
    def authid(self) -> str:
        """What the router knows the device by."""
        return f"{self.swarm_key}-{self.device_key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """The twelve figures of docs/contract/wamp.md 3.2, bytes and percent; unreadable ones are 0."""

    cpu_count: int = 0
    cpu_usage: float = 0.0
    memory_total: int = 0
    memory_used: int = 0
    memory_available: int = 0
    storage_total: int = 0
    storage_used: int = 0
    storage_free: int = 0
    docker_apps_total: int = 0
    docker_apps_used: int = 0
    docker_apps_free: int = 0
    docker_apps_mounted: bool = False

    def wire(self) -> dict[str, object]:
        """The dict that goes out."""
        return asdict(self)
