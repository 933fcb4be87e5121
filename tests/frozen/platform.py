"""A platform that is all script: what a device's own procedures are answered, and a device on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from sandbox.cloud import Cloud
from sandbox.database import Identity
from sandbox.device import Device
from sandbox.program import Program
from tests.frozen.scripted_router import ScriptedRouter

METADATA = "reswarm.devices.read_device_metadata"
CRED_KEY = "reswarm.devices.get_app_cred_key"
STATUS = "reswarm.devices.update_device_status"
ARCHITECTURE = "reswarm.devices.update_device_architecture"
WANTED_APPS = "reswarm.containers.get_requested_app_states"
PRIVILEGE = "reswarm.devices.check_privilege"
TESTAMENT = "wamp.session.add_testament"

# The secret of the test vectors in docs/contract/wamp.md 1.3.
SECRET = "demo-device-secret"


def metadata_of(who: Identity, **changes: object) -> dict[str, object]:
    """What `read_device_metadata` answers."""
    return {
        "device_key": who.device_key,
        "device_name": who.device_name,
        "swarm_name": who.swarm_name,
        "ownername": who.ownername,
        "swarm_key": who.swarm_key,
        **changes,
    }


@asynccontextmanager
async def scripted(
    cloud: Cloud,
    program: Program,
    *,
    changes: Mapping[str, object] | None = None,
    engine: str | None = None,
) -> AsyncIterator[tuple[ScriptedRouter, Device]]:
    """A device, not started, whose router answers what a platform in good order would."""
    async with ScriptedRouter() as router:
        device = cloud.new_device(
            program,
            engine=engine,
            changes={"device_endpoint_url": router.url, "secret": SECRET, **(changes or {})},
        )
        router.answers |= {
            METADATA: [[metadata_of(device.identity)]],
            CRED_KEY: [["c2FtcGxlLWNyZWQta2V5"]],
            STATUS: [[{"reswarmBaseURL": "https://studio.example.org"}]],
            WANTED_APPS: [[[]]],
            PRIVILEGE: [[True]],
        }
        try:
            yield router, device
        finally:
            await device.close()


def statuses(router: ScriptedRouter) -> list[str]:
    """The words that were reported on this session."""
    return [str(call[4][0]["status"]) for call in router.calls(STATUS)]


async def connected(router: ScriptedRouter, within: float = 15.0) -> None:
    """Wait until CONNECTED was reported on this session."""
    await router.until(lambda: "CONNECTED" in statuses(router), within)
