"""What the bucket announces for this device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from reagent.contracts.downloads import Downloads
from reagent.model.device import Identity
from reagent.settings.environment import environment
from reagent.updates import channel

LONGEST_MANIFEST: Final = 64 * 1024
WITHIN_S: Final = 10.0


class Announcements:
    """Reads the list of versions; nothing is remembered.

    Args:
        downloads: the bucket.
        identity: who we are now: the channel and the bucket's address are the device file's.
        remote: `-remoteUpdateURL`.
        read: told whenever the bucket was read.
    """

    def __init__(
        self,
        downloads: Downloads,
        identity: Callable[[], Identity],
        remote: str,
        read: Callable[[], None],
    ) -> None:
        self._downloads = downloads
        self._identity = identity
        self._remote = remote
        self._read = read

    @property
    def base(self) -> str:
        """The bucket's address, now."""
        return channel.base_of(self._identity(), self._remote)

    async def latest(self) -> str:
        """The version for this device's channel, as it stands there; 10 s at most.

        Raises:
            CertificateDate: the bucket's certificate is not valid now.
            ReagentError: the bucket cannot be read, or announces none.
        """
        url = channel.manifest_url(self.base)
        manifest = await self._downloads.document(url, most=LONGEST_MANIFEST, within=WITHIN_S)
        version = channel.announced(manifest, environment(self._identity()))
        self._read()
        return version
