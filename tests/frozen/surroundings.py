"""Agents in surroundings of their own, and what they did there: files opened, words said.

What a test needs of the machine is here or the test fails: root, namespaces, Debian's archive.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.fixtures import unavailable
from sandbox.processes import SandboxError
from sandbox.program import Program, device_file
from sandbox.roots import Surroundings, mounted
from tests.frozen.steps import all_registered, online

# What a device file's neighbours may be named in a root that holds nothing else.
EXECUTABLE, DEVICE_FILE = "/reagent", "/device.flock"
# Variables of the sandbox's own that a real device has not.
OURS = ("REAGENT_RUN_DIR", "DOCKER_HOST", "HOME", "LANG", "PATH")


class Bare(Device):
    """A root that holds the executable and its device file, and nothing else at all."""

    @property
    def root(self) -> Path:
        """What it sees as `/`."""
        return self.folder / "root"

    @property
    def log(self) -> Path:
        """Where the built-in path of the log leads."""
        return self.root / "var/log/reagent.log"

    @property
    def command(self) -> list[str]:
        """No flag but the device file; only that no update is looked for."""
        return [EXECUTABLE, "-config", DEVICE_FILE, *self.flags]

    def put(self, name: str, text: str) -> None:
        """Put a file there, in one stroke."""
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f".{file.name}")
        fresh.write_text(text, encoding="utf-8")
        fresh.rename(file)

    def give_engine(self) -> None:
        """Let the engine of the session be where one is looked for; a socket has many names."""
        place = self.root / "var/run/docker.sock"
        place.parent.mkdir(parents=True, exist_ok=True)
        os.link(self.engine.removeprefix("unix://"), place)

    @staticmethod
    def of(cloud: Cloud, program: Program, *, endpoint: str = "", secret: str = "") -> Bare:
        """Make one, known to the platform, not started."""
        who = cloud.new_identity(**({"secret": secret} if secret else {}))
        document = device_file(
            who, endpoint=endpoint or cloud.router.url, registry=cloud.registry.address
        )
        folder = cloud.services.run_dir / "devices" / f"{who.device_key}-bare"
        made = Bare(who, folder, document, program, engine=cloud.engine.address)
        made.root.mkdir(mode=0o755)
        os.link(made.flashed.executable, made.root / EXECUTABLE[1:])
        shutil.copy(made.flashed.device_file, made.root / DEVICE_FILE[1:])
        made.prefix = Surroundings(root=str(made.root), unset=OURS).prefix
        cloud.devices.append(made)
        return made


def on_tree(
    device: Device, name: str, *, unset: tuple[str, ...] = (), **more: object
) -> Surroundings:
    """The device's folder on a tree of `sandbox/roots.py`, under the path that it has here."""
    need_root()
    point = device.folder / "root"
    try:
        socket = device.engine.removeprefix("unix://")
        mounts = (
            *mounted(name, point, device.folder),
            ("bind", socket, "/var/run/docker.sock", ""),
        )
    except SandboxError as error:
        unavailable(str(error))
        raise
    unset = (*unset, "DOCKER_HOST")
    return Surroundings(root=str(point), mounts=mounts, unset=unset, **more)  # type: ignore[arg-type]  # the dataclass refuses unknown names


def need_root() -> None:
    """Namespaces and chroot are root's."""
    if os.geteuid() != 0:
        unavailable("only root can change the root of a process")


async def answers(cloud: Cloud, device: Device, user: Caller, *flags: str) -> None:
    """Start it, wait until it is CONNECTED, and have a call answered."""
    await online(cloud, device, *flags)
    await answers_still(device, user)


async def answers_still(device: Device, user: Caller) -> None:
    """Have a call answered that looks at the host."""
    await all_registered(user, device)
    await user.ask(device.identity, "device_handshake")
    await user.ask(device.identity, "get_agent_metadata")
    await user.ask(device.identity, "get_network_metadata")


def without_traceback(device: Device) -> None:
    """Nothing that it printed or logged is the trace of an error nobody thought of."""
    for text in (device.printed(), device.log.read_text("utf-8") if device.log.exists() else ""):
        if "Traceback" in text:
            pytest.fail(device.tail(60))
