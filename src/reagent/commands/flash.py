"""Lay out an agent folder as a device has it: the device file, one version, and the links.

    device-config.flock     0600, who the device is
    reagent-v<version>      0755, the executable
    Reagent-previous        -> reagent-v<version>, what to fall back to
    Reagent-latest          -> reagent-v<version>, for the field's manager script
    Reagent-active          -> reagent-v<version>, what the service starts; put last

Every file is written under a hidden name, synced and renamed, so a cut leaves the old file or the
new one. Targets of links are absolute (docs/contract/system.md 5 and 7.3).
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reagent.errors import DeviceFileBroken

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Reader = Callable[[int], bytes]

DEVICE_FILE: Final = "device-config.flock"
ACTIVE: Final = "Reagent-active"
PREVIOUS: Final = "Reagent-previous"
LATEST: Final = "Reagent-latest"

# Without these no session can be made, whatever else the file holds.
NEEDED: Final = ("secret", "serial_number", "device_endpoint_url", "device_key", "swarm_key")

_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Flashed:
    """Where things are in a flashed folder."""

    folder: Path
    device_file: Path
    executable: Path
    active: Path


def flash(
    folder: Path,
    device_file: bytes,
    executable: Path,
    version: str,
    *,
    seen_as: str = "",
    told: Callable[[int, int], None] = lambda _done, _size: None,
) -> Flashed:
    """Make `folder` an agent folder that starts `executable` as `version` for this device.

    A folder that is flashed already gets the new identity and version; other versions stay.

    Args:
        folder: made where it is missing.
        device_file: its content.
        executable: copied.
        version: what the copy is named by.
        seen_as: the folder's path on the device, where it lies below a mounted image.
        told: bytes of the executable that are there, and all of them.

    Raises:
        DeviceFileBroken: The device file is no JSON object, or lacks what a session needs.
        OSError: The folder cannot be written, or the executable cannot be read.
    """
    check(device_file)
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    root = folder.resolve()
    program = root / f"reagent-v{version}"
    with executable.open("rb") as source:
        size, done = os.fstat(source.fileno()).st_size, 0

        def read(most: int) -> bytes:
            nonlocal done
            chunk = source.read(most)
            done += len(chunk)
            told(done, size)
            return chunk

        _put(program, read, 0o755)
    config = root / DEVICE_FILE
    _put(config, _once(device_file), 0o600)
    for name in (PREVIOUS, LATEST, ACTIVE):
        _link(root / name, f"{seen_as or root}/{program.name}")
    return Flashed(root, config, program, root / ACTIVE)


def check(device_file: bytes) -> None:
    """Refuse a device file that no agent could come online with.

    Raises:
        DeviceFileBroken: It is no JSON object, or lacks what a session needs; the text names it.
    """
    try:
        content = json.loads(device_file)
    except ValueError as error:
        raise DeviceFileBroken(f"the device file is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise DeviceFileBroken("the device file is no JSON object")
    lacking = [name for name in NEEDED if content.get(name) in (None, "")]
    if lacking:
        raise DeviceFileBroken(f"the device file lacks {', '.join(lacking)}")


def put(target: Path, content: bytes, mode: int) -> None:
    """Have a small file there, whole, synced, with this mode.

    Raises:
        OSError: what was there is there still.
    """
    _put(target, _once(content), mode)


def _put(target: Path, read: Reader, mode: int) -> None:
    temporary = target.with_name(f".put-{os.urandom(6).hex()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as output:
            while chunk := read(_CHUNK):
                output.write(chunk)
            output.flush()
            os.fchmod(output.fileno(), mode)
            os.fsync(output.fileno())
        temporary.rename(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync(target.parent)


def _link(name: Path, target: str) -> None:
    temporary = name.with_name(f".link-{os.urandom(6).hex()}")
    temporary.symlink_to(target)
    _sync(name.parent)
    try:
        temporary.rename(name)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync(name.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _once(content: bytes) -> Reader:
    rest = [content]
    return lambda _size: rest.pop() if rest else b""
