"""The device file: who this device is, read once, written only when that changes.

It is the one thing a device cannot get back from the cloud, so (docs/contract/system.md 1):

- What cannot be read is never written to. The backup in the agent directory is used instead, and
  that is said; without one the agent does not start.
- What is written is written beside it and renamed over it, through the links of the boot scripts,
  with mode 0600. A file that means the same is left as it is.
- Keys the agent does not know survive.
- A disk that refuses is no reason to stay offline: it is said once, and the agent goes on.
"""

# What is done here is done to descriptors, and to paths that must not be normalised.
# ruff: noqa: PTH101, PTH103, PTH116, PTH120

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import Final

from reagent import log
from reagent.errors import DeviceFileBroken
from reagent.model.device import Identity
from reagent.settings import atomic, devicejson
from reagent.settings.opening import BINARY, NO_TERMINAL, NO_WAIT

_log = log.get(__name__)

# The largest ones seen are 20 KB; whatever is larger than this is no device file.
LARGEST: Final = 4 * 1024 * 1024
# WPA knows no shorter one; a shorter text would cut words out of the log for nothing.
_SHORTEST_WIFI_PASSWORD: Final = 8

# What the platform was called before (docs/contract/system.md 1.3).
MOVED: Final = {
    "docker_registry_url": {"registry.reswarm.io/": "registry.ironflock.com/"},
    "device_endpoint_url": {
        "wss://cbw.record-evolution.com/ws-re-dev": "wss://cbw.ironflock.com/ws-re-dev"
    },
}

_REPLACE_BY_OVERWRITING: Final = frozenset({errno.EBUSY, errno.EROFS, errno.EACCES})


class DeviceFile:
    """The live device file: the current identity, and the only place that changes it."""

    def __init__(
        self, path: str, backup: str, document: devicejson.Document, *, writes: bool = True
    ) -> None:
        self._path: str | None = path
        self._backup = backup
        self._document = document
        self._unwritten = False
        self._writes = writes
        self._told: set[str] = set()
        self._identity = _identity(document)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        backup: str | os.PathLike[str],
        *,
        writes: bool = True,
    ) -> DeviceFile:
        """Read the device file, or else its backup; bring old values up to date.

        Args:
            path: what -config says; a link is followed.
            backup: a copy that only the agent reads, below the agent directory.
            writes: False for a version on trial: it takes over what it hears, in memory only.

        Raises:
            DeviceFileBroken: neither can be used. Both are untouched.
        """
        path, backup = os.fspath(path), os.fspath(backup)
        try:
            document = _read(path)
        except _Unusable as unusable:
            return cls._from_backup(path, backup, str(unusable), writes=writes)
        if writes:
            _tighten(path)
        file = cls(path, backup, document, writes=writes)
        file._protect()
        wrong = devicejson.misfits(document)
        if wrong:
            _log.warning("the device file has values of the wrong type", keys=wrong)
        file._save(changed=file._migrate())
        return file

    @classmethod
    def _from_backup(cls, path: str, backup: str, why: str, *, writes: bool) -> DeviceFile:
        try:
            document = _read(backup)
        except _Unusable:
            raise DeviceFileBroken(
                f"the device file {path} cannot be used: {why}; it was not changed,"
                f" and there is no usable backup of it at {backup}"
            ) from None
        _log.warning(
            "the device file cannot be used and was not changed; its backup is used",
            path=path,
            error=why,
            backup=backup,
        )
        file = cls(path, backup, document, writes=writes)
        # What is there may still be mended by somebody, so from now on only the backup is written.
        file._path = None
        file._protect()
        file._save(changed=file._migrate())
        return file

    @property
    def identity(self) -> Identity:
        """Who the device is now."""
        return self._identity

    def update(
        self, *, name: str = "", swarm_name: str = "", owner: str = "", swarm_key: int = 0
    ) -> bool:
        """Take over what the platform says of the device; empty texts and 0 say nothing.

        Returns:
            Whether the device belongs to another project now, so that it is known to the router by
            another name and has to connect anew.
        """
        said = {
            "name": name,
            "swarm_name": swarm_name,
            "swarm_owner_name": owner,
            "swarm_key": swarm_key,
        }
        before = self._identity
        changed = {
            key: value for key, value in said.items() if value and self._document[key] != value
        }
        self._document.update(changed)
        self._identity = _identity(self._document)
        self._save(changed=bool(changed))
        return self._identity.swarm_key != before.swarm_key

    def _migrate(self) -> bool:
        changed = False
        for key, moved in MOVED.items():
            value = self._document[key]
            if isinstance(value, str) and value in moved:
                self._document[key] = moved[value]
                changed = True
        self._identity = _identity(self._document)
        return changed

    def _protect(self) -> None:
        """Nothing of this ever stands in the log."""
        identity = self._identity
        log.protect(identity.secret, identity.private_key)
        log.protect(str(devicejson.value(self._document, "config_passphrase")))
        wifi = str(devicejson.value(self._document, "password"))
        if len(wifi) >= _SHORTEST_WIFI_PASSWORD:
            log.protect(wifi)

    def _save(self, *, changed: bool) -> None:
        """The backup first: whatever happens to the file then, the identity is on disk."""
        if not self._writes:
            return
        content = devicejson.encode(self._document)
        backed_up = self._save_backup(content)
        # What a disk refused once is tried again with the next news from the platform.
        self._unwritten = self._unwritten or changed
        if self._path is None or not self._unwritten:
            return
        try:
            target = os.path.realpath(self._path, strict=True)
            _replace(target, content, may_overwrite=backed_up)
        except OSError as error:
            self._say_once("the device file cannot be written; the agent goes on", error)
        else:
            self._unwritten = False

    def _save_backup(self, content: bytes) -> bool:
        try:
            if _read_bytes(self._backup) == content:
                _tighten(self._backup)
                return True
        except _Unusable:
            pass
        try:
            os.makedirs(os.path.dirname(self._backup) or ".", mode=0o755, exist_ok=True)
            atomic.replace(self._backup, content)
        except OSError as error:
            self._say_once("the device file has no backup; the agent goes on", error)
            return False
        return True

    def _say_once(self, event: str, error: OSError) -> None:
        if event not in self._told:
            self._told.add(event)
            _log.warning(event, error=error)


class _Unusable(Exception):
    """A file cannot be read as a device file; the text says why."""


def _read(path: str) -> devicejson.Document:
    content = _read_bytes(path)
    if not content.strip(b" \t\r\n\0"):
        raise _Unusable("it is empty")
    try:
        document = devicejson.decode(content)
    except ValueError as error:
        raise _Unusable(str(error)) from None
    if not devicejson.value(document, "serial_number"):
        raise _Unusable("it names no serial_number")
    return document


def _read_bytes(path: str) -> bytes:
    """The content of a regular file of bearable size; waits for no pipe and no tape."""
    try:
        descriptor = os.open(path, os.O_RDONLY | NO_WAIT | NO_TERMINAL | BINARY)
    except (OSError, ValueError) as error:
        raise _Unusable(_reason(error)) from None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _Unusable("it is no regular file")
        if found.st_size > LARGEST:
            raise _Unusable(f"it is larger than {LARGEST} bytes")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise _Unusable(_reason(error)) from None
    finally:
        os.close(descriptor)


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "it does not exist"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _tighten(path: str) -> None:
    """It holds the device's secret: nobody else reads it, where the file system knows modes."""
    with suppress(OSError):
        atomic.forget_temporary(os.path.realpath(path))
        if stat.S_IMODE(os.stat(path).st_mode) != 0o600:
            os.chmod(path, 0o600)


def _replace(target: str, content: bytes, *, may_overwrite: bool) -> None:
    """Rename over the target; a file that is a mount point can only be written over."""
    try:
        atomic.replace(target, content)
    except OSError as error:
        if error.errno not in _REPLACE_BY_OVERWRITING or not may_overwrite:
            raise
        atomic.overwrite(target, content)


def _identity(document: devicejson.Document) -> Identity:
    def text(*path: str) -> str:
        return str(devicejson.value(document, *path))

    def number(key: str) -> int:
        value = devicejson.value(document, key)
        return value if isinstance(value, int) else 0

    return Identity(
        serial_number=text("serial_number"),
        name=text("name"),
        secret=text("secret"),
        swarm_key=number("swarm_key"),
        device_key=number("device_key"),
        swarm_name=text("swarm_name"),
        swarm_owner_name=text("swarm_owner_name"),
        device_endpoint_url=text("device_endpoint_url"),
        environment=text("environment"),
        docker_registry_url=text("docker_registry_url"),
        docker_main_repository=text("docker_main_repository"),
        appliance_domain=text("appliance_domain"),
        update_url=text("update_url"),
        board_model=text("board", "model"),
        certificate=text("authentication", "certificate"),
        private_key=text("authentication", "key"),
        # Whoever wrote something else than a bool did not mean yes.
        trust_system=document["trust_system"] in (None, True),
    )
