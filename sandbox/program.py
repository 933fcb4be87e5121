"""What a device runs, and the device file it runs with."""

import sys
from dataclasses import dataclass
from pathlib import Path

from sandbox.bundles import is_bundle
from sandbox.database import Identity
from sandbox.paths import REPOSITORY


@dataclass(frozen=True, slots=True)
class Program:
    """What a device runs: an executable, and the version it goes by."""

    executable: Path
    version: str

    @property
    def unpacks_itself(self) -> bool:
        """Whether a boot loader unpacks it, and waits as its parent: PyInstaller's one file."""
        return is_bundle(self.executable)


def frozen(executable: Path, version: str = "") -> Program:
    """The built executable. Its version is the source tree's where none is given."""
    return Program(executable, version or source_version())


def from_source(folder: Path) -> Program:
    """The agent of the source tree, run by this Python; `folder` takes the script that does it."""
    script = folder / "reagent-from-source"
    source = REPOSITORY / "src"
    script.write_text(
        f'#!/bin/sh\nPYTHONPATH="{source}" exec "{sys.executable}" -m reagent "$@"\n',
        encoding="utf-8",
    )
    script.chmod(0o755)
    return Program(script, source_version())


def source_version() -> str:
    """The version that stands in the source tree."""
    return (REPOSITORY / "src/reagent/version.txt").read_text(encoding="ascii").strip()


def device_file(identity: Identity, *, endpoint: str, registry: str) -> dict[str, object]:
    """A device file with every field that there is (docs/contract/system.md 1.1)."""
    return {
        "name": identity.device_name,
        "secret": identity.secret,
        "board": {
            "cpu": "",
            "docs": None,
            "board": "ipc",
            "model": "efi",
            "boardname": "IPC",
            "modelname": "EFI",
            "reflasher": False,
            "architecture": "amd64",
        },
        "status": "DISCONNECTED",
        "password": "",
        "wlanssid": "",
        "swarm_key": identity.swarm_key,
        "device_key": identity.device_key,
        "swarm_name": identity.swarm_name,
        "description": None,
        "architecture": "amd64",
        "serial_number": identity.serial_number,
        "authentication": {"key": "", "certificate": ""},
        "swarm_owner_name": identity.ownername,
        "config_passphrase": "",
        "device_endpoint_url": endpoint,
        "environment": "local",
        "docker_registry_url": f"{registry}/",
        "insecure-registries": f"['{registry}']",
        "docker_main_repository": "apps/",
    }
