"""Bytes from a URL, bounded in every direction: time, size, silence, redirects.

Only what was meant arrives: the status must be 200, a file must say its length and have it. Every
failure is a `DownloadFailed` whose text says what was there instead.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Protocol

# An executable has some 25 MB; whatever is larger than this is none.
LARGEST_FILE: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a file.

    Attributes:
        offset: where it belongs. Blocks follow each other from where the download begins, except
            after a connection that broke at a server that cannot go on where it stopped: then they
            start over at 0.
    """

    offset: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """What is there of a file already, from an earlier download of it.

    Attributes:
        size: of its first bytes, that are there.
        length: of the whole file.
        mark: the download's.
    """

    size: int
    length: int
    mark: str


class Download(Protocol):
    """A file on its way."""

    @property
    def length(self) -> int:
        """Its size in bytes, as the server says."""
        ...

    @property
    def begins(self) -> int:
        """Where its first block belongs: behind the part that is there, or 0."""
        ...

    @property
    def mark(self) -> str:
        """What tells this very file from any other at its URL; empty where nothing does.

        A later download can go on behind a part of it by that.
        """
        ...

    def blocks(self) -> AsyncIterator[Block]:
        """The file, in blocks of 256 KiB or more, the last one smaller; to be asked for once.

        A connection that breaks is made again, a few times. When this ends without an error, every
        byte of the file was in a block.

        Raises:
            DownloadFailed: the rest does not come: it ended early, stalled, or is another file now.
        """
        ...


class Downloads(Protocol):
    """Where documents and files come from."""

    async def document(self, url: str, *, most: int, within: float = 10.0) -> bytes:
        """A small document as a whole.

        Args:
            url: http or https.
            most: a longer one is refused.
            within: seconds, for everything.

        Raises:
            CertificateDate: the server's certificate is not valid now.
            NotThere: the server has nothing of that name.
            TooLong: there is more of it.
            TooSlow: it does not come in time.
            DownloadFailed: anything else.
        """
        ...

    def file(
        self, url: str, *, most: int = LARGEST_FILE, part: Part | None = None
    ) -> AbstractAsyncContextManager[Download]:
        """A file; entered once its head is there, and before any of its content.

        Args:
            url: http or https.
            most: a larger one is refused.
            part: what is there of it already. It begins behind that if the server has that file
                still and can; else at 0.

        Raises:
            CertificateDate: the server's certificate is not valid now.
            NotThere: the server has nothing of that name.
            TooLong: it says that there is more of it.
            DownloadFailed: anything else.
        """
        ...


class Brought(Protocol):
    """Files that lie on this device, brought by a person. Every failure is a `DownloadFailed`.

    One that keeps us waiting is `TooSlow`: half a minute without a byte.
    """

    async def document(self, path: str, *, most: int) -> bytes:
        """A small file as a whole; a longer one is refused."""
        ...

    def file(self, path: str, *, most: int = LARGEST_FILE) -> AbstractAsyncContextManager[Download]:
        """A file, read through one descriptor."""
        ...
