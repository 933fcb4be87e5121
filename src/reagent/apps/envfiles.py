"""The environment as files, `<NAME>.txt` under the app's `env` folder (docs/contract/apps.md 3.5).

Apps read the file first and the variable second, so the files are how a running app learns of a
rotated login or another remote port. A file appears whole or not at all, and one whose content
stays is not written again. Blocking: call from a thread.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final

from reagent import log
from reagent.apps.credentials import Credential
from reagent.apps.environment import remote_port_names
from reagent.model.app import PortRule
from reagent.settings.opening import BINARY, CLOSE_ON_EXEC

_log = log.get(__name__)

# What agents before us once wrote; the secret of a device must not be in an app's reach.
_FORBIDDEN: Final = "DEVICE_SECRET.txt"
_DRAFT: Final = ".draft"
_PRIVATE: Final = 0o600
_PUBLIC: Final = 0o644
_numbers: Final = count()


def write_all(folder: Path, lines: Sequence[str]) -> list[str]:
    """Write every variable; of equal names the last one. Files of vanished variables stay.

    Returns:
        The names that cannot be file names here; they are left out.

    Raises:
        OSError: a file cannot be written.
    """
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    refused = [name for name in values if not _is_file_name(name)]
    _make_private(folder)
    _drop_drafts_of_the_dead(folder)
    for name, value in values.items():
        if name not in refused:
            _put(folder, name, value, _PRIVATE)
    return refused


def refresh_credentials(folder: Path, credential: Credential | None) -> None:
    """Bring the app's login up to date; None, for an unknown one, leaves everything as it is.

    What cannot be written is logged: the app goes on with what it has.
    """
    if credential is None:
        return
    try:
        _make_private(folder)
        _put(folder, "APP_AUTH_ID", credential.auth_id, _PRIVATE)
        _put(folder, "APP_AUTH_SECRET", credential.secret, _PRIVATE)
    except OSError as error:
        _log.error("the app's login cannot be written", folder=str(folder), error=error)


def refresh_ports(folder: Path, rules: Sequence[PortRule]) -> None:
    """Bring the remote ports up to date. Without any port and without a folder nothing is made.

    What cannot be written is logged: the app goes on with what it has.
    """
    if not folder.is_dir() and not any(
        each.remote_port or each.cloud_remote_port for each in rules
    ):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remote, cloud = _announced(rules)
        for name, port in remote.items():
            if port > 0:
                _put(folder, name, str(port), _PUBLIC)
        for name, port in cloud.items():
            if port > 0:
                _put(folder, f"{name}_CLOUD", str(port), _PUBLIC)
            else:
                (folder / f"{name}_CLOUD.txt").unlink(missing_ok=True)
    except OSError as error:
        _log.error("the app's remote ports cannot be written", folder=str(folder), error=error)


def _announced(rules: Sequence[PortRule]) -> tuple[dict[str, int], dict[str, int]]:
    """Names with their remote and with their cloud ports; 0 for nothing.

    Rules of one port, tcp and udp, share a name: what one says the other does not take back.
    """
    remote: dict[str, int] = {}
    cloud: dict[str, int] = {}
    for rule in rules:
        for name in filter(_is_file_name, remote_port_names(rule)):
            remote[name] = rule.remote_port or remote.get(name, 0)
            cloud[name] = rule.cloud_remote_port or cloud.get(name, 0)
    return remote, cloud


def _is_file_name(name: str) -> bool:
    """Whether the file would lie in the folder itself."""
    return bool(name) and "/" not in name and "\0" not in name


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o777 != 0o700:
        folder.chmod(0o700)
    (folder / _FORBIDDEN).unlink(missing_ok=True)


def _put(folder: Path, name: str, value: str, mode: int) -> None:
    content = value.encode(errors="surrogateescape")
    target = folder / f"{name}.txt"
    if _is_already(target, content, mode):
        return
    # Two threads may be at the same folder: a request refreshes while a transition writes all.
    draft = folder / f"{_own_drafts()}{next(_numbers)}{_DRAFT}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | CLOSE_ON_EXEC | BINARY, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
        draft.rename(target)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise


def _own_drafts() -> str:
    return f".{os.getpid():x}-"


def _drop_drafts_of_the_dead(folder: Path) -> None:
    for each in folder.glob(f".*{_DRAFT}"):
        if not each.name.startswith(_own_drafts()):
            each.unlink(missing_ok=True)


def _is_already(target: Path, content: bytes, mode: int) -> bool:
    try:
        seen = target.lstat()
        return (
            seen.st_size == len(content)
            and seen.st_mode == 0o100000 | mode
            and target.read_bytes() == content
        )
    except OSError:
        return False
