"""One look at signed metadata, in a working copy that is thrown away.

`ngclient` keeps its metadata in a folder that it writes to before it checks anything, file by file
and without fsync. So it gets a copy, in memory where that can be had; what it verified is handed
back, for the caller to keep as a whole or not at all.

Its clock is a private attribute: `_trusted` is the one access, and a test holds it.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.api.metadata import Metadata, Root, Timestamp

from reagent import log
from reagent.adapters.tuf import words
from reagent.adapters.tuf.bridge import BASE, Bridge
from reagent.adapters.tuf.library import TrustedMetadataSet, Updater, UpdaterConfig
from reagent.contracts.trust import (
    ROOT,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
    Chain,
    Fetch,
    Rule,
    Verdict,
)
from reagent.errors import ReagentError, StagingFailed, Untrusted

_log = log.get(__name__)

# Memory: nothing of it needs to survive.
IN_MEMORY: Final = ("/run", "/dev/shm")  # noqa: S108 - a folder of our own is made there, 0700
_PREFIX: Final = "reagent-trust."
# What a process left that was killed in the middle; a look takes minutes at most.
_LEFT_BEHIND_S: Final = 3600.0
_CONFIG: Final = UpdaterConfig(
    max_root_rotations=64,
    max_delegations=0,
    root_max_length=64 * 1024,
    timestamp_max_length=16 * 1024,
    snapshot_max_length=64 * 1024,
    targets_max_length=4 * 1024 * 1024,
    prefix_targets_with_hash=False,
)
# A clock may say what no calendar has.
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(9999, 12, 31, tzinfo=UTC)


class NgClient:
    """Implements `contracts.trust.Attested`; one look at a time.

    Args:
        root: where all trust comes from; the executable brings it.
        places: folders in which a working copy can be made; the first that can be written to.
    """

    def __init__(self, root: bytes, places: Sequence[str]) -> None:
        self._root = root
        self._places = places

    async def look(
        self,
        fetch: Fetch,
        known: Chain,
        *,
        at: float,
        any_timestamp: bool = False,
    ) -> Verdict:
        """See the contract."""
        bridge = Bridge(fetch, asyncio.get_running_loop())
        work = asyncio.to_thread(self._look, bridge, known, _moment(at), any_timestamp)
        return await work

    def _look(self, bridge: Bridge, known: Chain, at: datetime, any_timestamp: bool) -> Verdict:  # noqa: FBT001
        with _folder(self._places) as folder:
            try:
                first = _lay_out(folder, self._root, known)
                updater = Updater(
                    str(folder), BASE, fetcher=bridge, config=_CONFIG, bootstrap=self._root
                )
            except OSError as error:
                raise StagingFailed(f"{folder}: {error.strerror or error}") from error
            except RepositoryError as error:
                raise words.untrusted(error) from error
            trusted = _trusted(updater)
            trusted.reference_time = _before_expiry(bridge, at) if any_timestamp else at
            refused = _refreshed(updater, bridge)
            if refused is None and any_timestamp:
                refused = _expired_otherwise(trusted, at)
            return _verdict(folder, first, trusted, refused)


def _trusted(updater: Updater) -> TrustedMetadataSet:
    return updater._trusted_set  # noqa: SLF001 - its clock, and what it verified


def _refreshed(updater: Updater, bridge: Bridge) -> ReagentError | None:
    """What refused it; None where everything is verified."""
    try:
        updater.refresh()
    except OSError as error:
        return StagingFailed(f"no room for a working copy: {error.strerror or error}")
    except DownloadError as error:
        if bridge.failure is not None and error.__cause__ is bridge.failure:
            return bridge.failure
        return words.untrusted(error)
    except RepositoryError as error:
        return words.untrusted(error)
    except Exception as error:  # noqa: BLE001 - whatever hostile bytes make of a library
        _log.exception("metadata that the library chokes on", error=error)
        return Untrusted(Rule.NO_METADATA, f"{type(error).__name__}: {error}")
    return None


def _before_expiry(bridge: Bridge, at: datetime) -> datetime:
    """A moment at which the timestamp that comes is not expired yet; it is not believed for that.

    A failure to get or to read it is left to the look itself.
    """
    try:
        content = bridge.download_bytes(f"{BASE}/{TIMESTAMP}.json", _CONFIG.timestamp_max_length)
        expires = Metadata[Timestamp].from_bytes(content).signed.expires
    except (DownloadError, RepositoryError):
        return at
    return min(at, expires - timedelta(seconds=1))


def _expired_otherwise(trusted: TrustedMetadataSet, at: datetime) -> Untrusted | None:
    for name in (ROOT, SNAPSHOT, TARGETS):
        if trusted[name].is_expired(at):
            return Untrusted(Rule.FREEZE, f"{name}.json is expired")
    return None


def _lay_out(folder: Path, root: bytes, known: Chain) -> int:
    """Write what is known where `ngclient` looks; returns the version of the first root."""
    history = folder / "root_history"
    history.mkdir()
    # Whether it vouches for itself is the updater's first question.
    first = Metadata[Root].from_bytes(root).signed.version
    for number, content in known.roots.items():
        (history / f"{number}.root.json").write_bytes(content)
    for name, content in known.others.items():
        (folder / f"{name}.json").write_bytes(content)
    return first


def _verdict(
    folder: Path, first: int, trusted: TrustedMetadataSet, refused: ReagentError | None
) -> Verdict:
    root = trusted.root
    roots = {
        number: (folder / "root_history" / f"{number}.root.json").read_bytes()
        for number in range(first + 1, root.version + 1)
    }
    keys = words.keys_of(root)
    if refused is not None:
        signed = {ROOT: words.signed_of(root)}
        return Verdict(chain=Chain(roots), keys=keys, signed=signed, refused=refused)
    names = (TIMESTAMP, SNAPSHOT, TARGETS)
    return Verdict(
        chain=Chain(roots, {name: (folder / f"{name}.json").read_bytes() for name in names}),
        keys=keys,
        signed={name: words.signed_of(trusted[name]) for name in (ROOT, *names)},
        targets=words.targets_of(trusted.targets),
    )


@contextmanager
def _folder(places: Sequence[str]) -> Iterator[Path]:
    refused: list[str] = []
    for place in places:
        _tidy(Path(place))
        try:
            folder = tempfile.TemporaryDirectory(
                prefix=_PREFIX, dir=place, ignore_cleanup_errors=True
            )
        except OSError as error:
            refused.append(f"{error.filename or place}: {error.strerror or error}")
            continue
        with folder as path:
            yield Path(path)
        return
    raise StagingFailed(f"there is no folder to work in: {'; '.join(refused)}")


def _tidy(place: Path) -> None:
    with suppress(OSError):
        for each in place.glob(f"{_PREFIX}*"):
            if each.stat().st_mtime < time.time() - _LEFT_BEHIND_S:
                shutil.rmtree(each, ignore_errors=True)


def _moment(at: float) -> datetime:
    try:
        return min(max(datetime.fromtimestamp(at, UTC), _EARLIEST), _LATEST)
    except (ValueError, OverflowError, OSError):
        return _LATEST if at > 0 else _EARLIEST
