"""What there is to be had for this device, whoever vouches for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from reagent.contracts.downloads import Brought


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A version of the agent for this platform, and how to tell that a file is it.

    Attributes:
        version: exactly as it was announced.
        url: where its file lies.
        sha256: of the file, in lower-case hex.
        size: in bytes; None where only the server knows.
    """

    version: str
    url: str
    sha256: str
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """What makes a release out of the version that runs.

    Attributes:
        length: in bytes; None where only the server knows.
        sha256: None where only the digest of the whole is known, which counts in any case.
    """

    url: str
    length: int | None = None
    sha256: str | None = None


class Catalogue(Protocol):
    """Announces versions and vouches for them. Both may read the bucket."""

    async def latest(self) -> str:
        """The version for this device, as it stands there; 10 s at most.

        Raises:
            CertificateDate: the bucket's certificate is not valid now.
            ReagentError: the bucket cannot be read, announces none, or is not believed.
        """
        ...

    def is_ordered_back(self, running: str) -> bool:
        """Whether who runs this version is told to take the announced one although it is lower.

        By what the last `latest` read; nobody but a signer may order that.
        """
        ...

    def is_offered(self, version: str) -> bool:
        """Whether this version is on its way through the fleet, this device in or out.

        By what the last `latest` read. What is not offered any more was taken back.
        """
        ...

    async def release(self, version: str) -> Release:
        """A version, exactly as it was announced.

        Raises:
            CertificateDate: the bucket's certificate is not valid now.
            ReagentError: the bucket cannot be read, does not know it, or is not believed.
        """
        ...

    async def difference(self, release: Release, running: str) -> Difference | None:
        """The short way from the version that runs; None where nobody knows one.

        Nothing is fetched for this.
        """
        ...

    async def vouched(self, path: str, brought: Brought) -> str:
        """The digest that a file must have, which a person brought.

        Args:
            path: of the file.
            brought: reads what lies beside it.

        Raises:
            ReagentError: nobody who is believed vouches for it.
        """
        ...
