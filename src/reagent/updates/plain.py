"""A bucket that is trusted, as the field does: whoever may write to it may roll out.

Versions stand in `availableVersions.json`, the digest of a file beside it. This is what a build
without roots goes by; one with roots never does (`updates.trust`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from reagent.contracts.downloads import Brought, Downloads
from reagent.model.device import Identity
from reagent.settings.environment import environment
from reagent.updates import channel
from reagent.updates.catalogue import Difference, Release
from reagent.updates.semver import Version, same

LONGEST_MANIFEST: Final = 64 * 1024
LONGEST_SIDECAR: Final = 64 * 1024
WITHIN_S: Final = 10.0


class PlainBucket:
    """Implements `updates.catalogue.Catalogue`; nothing is remembered but what is announced.

    Args:
        downloads: the bucket.
        identity: who we are now: the channel and the bucket's address are the device file's.
        remote: `-remoteUpdateURL`.
        read: told whenever the bucket was read.
        system: linux, windows, darwin.
        arch: as stamped by the build.
    """

    def __init__(
        self,
        downloads: Downloads,
        identity: Callable[[], Identity],
        *,
        remote: str,
        read: Callable[[], None],
        system: str,
        arch: str,
    ) -> None:
        self._downloads = downloads
        self._identity = identity
        self._remote = remote
        self._read = read
        self._system = system
        self._arch = arch
        self._announced = ""

    async def latest(self) -> str:
        """See the contract."""
        url = channel.manifest_url(self._base)
        manifest = await self._downloads.document(url, most=LONGEST_MANIFEST, within=WITHIN_S)
        self._announced = channel.announced(manifest, environment(self._identity()))
        self._read()
        return self._announced

    def is_ordered_back(self, running: str) -> bool:
        """See the contract: devices of the field only go up."""
        del running
        return False

    def is_offered(self, version: str) -> bool:
        """See the contract: what is announced is for everybody."""
        return same(version, self._announced)

    async def release(self, version: str) -> Release:
        """See the contract; the text of the version is in the URL as it is.

        Raises:
            BadVersion: it is none, and nothing is asked for.
        """
        Version.parse(version)
        url = channel.executable_url(self._base, version, system=self._system, arch=self._arch)
        sidecar = await self._downloads.document(url + channel.SIDECAR, most=LONGEST_SIDECAR)
        return Release(version=version, url=url, sha256=channel.digest_in(sidecar))

    async def difference(self, release: Release, running: str) -> Difference | None:
        """See the contract: it may lie there, or not."""
        path = channel.delta_path(release.version, running, system=self._system, arch=self._arch)
        return Difference(f"{self._base}/{channel.BUCKET}/{path}")

    async def vouched(self, path: str, brought: Brought) -> str:
        """See the contract: the sidecar must lie beside it, as in the bucket."""
        note = await brought.document(path + channel.SIDECAR, most=LONGEST_SIDECAR)
        return channel.digest_in(note)

    @property
    def _base(self) -> str:
        return channel.base_of(self._identity(), self._remote)
