"""Google Cloud Storage. The only file that knows its client, and it imports it when it is opened.

`STORAGE_EMULATOR_HOST` is honoured by the client itself. Every request has a deadline, and so has
the sum of its retries. A write whose answer was lost may be refused at the second try because of
the first: callers read back what is there before they believe in another writer.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from reagent_build.progress import Moved, unheard
from reagent_release import layout
from reagent_release.errors import Changed, ObjectMissing, StoreError
from reagent_release.store import Stat

if TYPE_CHECKING:
    from google.cloud.storage import Blob

REQUEST_S: Final = (10.0, 60.0)
"""To connect, and between two bytes, in seconds."""
RETRIES_S: Final = 120.0
"""Until a call that keeps failing is given up, in seconds."""
_CHUNK: Final = 4 * 1024 * 1024
_LOOKS: Final = 5


class GoogleBucket:
    """A bucket at Google, by name.

    Args:
        name: of the bucket, without gs://.
        request_s: the limits of one request, in seconds: to connect, between two bytes.
        retries_s: the limit of a call with its retries, in seconds.

    Raises:
        StoreError: the client is not installed, there are no credentials, or no such bucket.
    """

    def __init__(
        self,
        name: str,
        *,
        request_s: tuple[float, float] = REQUEST_S,
        retries_s: float = RETRIES_S,
    ) -> None:
        try:
            from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
            from google.cloud import storage  # noqa: PLC0415
            from google.cloud.storage.retry import DEFAULT_RETRY  # noqa: PLC0415
        except ImportError as error:
            raise StoreError(
                f"google-cloud-storage is not installed ({error}): pip install -e '.[release]'"
            ) from error
        try:
            client = storage.Client()
        except (GoogleAuthError, OSError) as error:
            raise StoreError(
                f"no way into gs://{name}: {error}\n"
                "`gcloud auth application-default login` makes the credentials"
            ) from error
        self._client = client
        self._bucket = client.bucket(name)
        self._timeout = request_s
        self._retry = DEFAULT_RETRY.with_timeout(retries_s)
        # A bucket that is not there looks like an empty one, object by object.
        with self._translated(f"no way into {self.address}"):
            list(
                client.list_blobs(self._bucket, max_results=1, timeout=request_s, retry=self._retry)
            )

    @property
    def address(self) -> str:
        """gs:// and the name."""
        return f"gs://{self._bucket.name}"

    def stat(self, name: str) -> Stat | None:
        """What is known of an object; None if there is none."""
        with self._translated(f"{name} in {self.address} was not found out about"):
            blob = self._bucket.get_blob(name, timeout=self._timeout, retry=self._retry)
        return None if blob is None else _stat(blob)

    def names(self, prefix: str) -> tuple[Stat, ...]:
        """All objects whose names begin so, in order of their names."""
        with self._translated(f"{self.address} was not listed"):
            blobs = list(
                self._client.list_blobs(
                    self._bucket, prefix=prefix, timeout=self._timeout, retry=self._retry
                )
            )
        return tuple(sorted(map(_stat, blobs), key=lambda stat: stat.name))

    def get(self, name: str) -> tuple[Stat, bytes]:
        """An object and what is in it, both of one generation."""
        for _ in range(_LOOKS):
            stat = self.stat(name)
            if stat is None:
                raise ObjectMissing(f"there is no {name} in {self.address}")
            try:
                return stat, self._read(stat)
            except (Changed, ObjectMissing):
                continue  # replaced between the two requests
        raise StoreError(f"{name} in {self.address} changes faster than it can be read")

    def put(self, name: str, content: bytes, *, replacing: int, moved: Moved = unheard) -> Stat:
        """Write an object at one stroke: nobody sees it before its last byte."""
        blob = self._bucket.blob(name, chunk_size=_CHUNK)
        blob.cache_control = layout.CACHE_CONTROL
        with self._translated(f"{name} was not written to {self.address}"):
            blob.upload_from_file(
                _Heard(content, moved),
                size=len(content),
                content_type=layout.content_type(name),
                if_generation_match=replacing,
                timeout=self._timeout,
                retry=self._retry,
            )
        return _stat(blob)

    def copy(self, source: Stat, name: str, *, replacing: int) -> Stat:
        """Copy within the bucket, at Google's."""
        with self._translated(f"{source.name} was not copied to {name} in {self.address}"):
            blob = self._bucket.copy_blob(
                self._bucket.blob(source.name),
                self._bucket,
                name,
                if_generation_match=replacing,
                if_source_generation_match=source.generation,
                timeout=self._timeout,
                retry=self._retry,
            )
        return _stat(blob)

    def _read(self, stat: Stat) -> bytes:
        with self._translated(f"{stat.name} in {self.address} was not read"):
            content = self._bucket.blob(stat.name).download_as_bytes(
                if_generation_match=stat.generation,
                raw_download=True,
                timeout=self._timeout,
                retry=self._retry,
            )
        if len(content) != stat.size:
            raise StoreError(f"{stat.name}: {len(content)} of {stat.size} bytes came")
        return bytes(content)

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        from google.api_core import exceptions as google  # noqa: PLC0415
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
        from google.cloud.storage.exceptions import (  # noqa: PLC0415
            DataCorruption,
            InvalidResponse,
        )
        from requests import RequestException  # noqa: PLC0415

        try:
            yield
        except google.NotFound as error:
            raise ObjectMissing(f"{what}: there is no such object or bucket") from error
        except google.PreconditionFailed as error:
            raise Changed(f"{what}: another generation is there") from error
        except (
            google.GoogleAPIError, GoogleAuthError, RequestException, DataCorruption,
            InvalidResponse, OSError,
        ) as error:  # fmt: skip
            raise StoreError(f"{what}: {error}") from error


class _Heard(io.BytesIO):
    """Tells how far the upload has read; what is read again after a failure counts once."""

    def __init__(self, content: bytes, moved: Moved) -> None:
        super().__init__(content)
        self._moved = moved
        self._furthest = 0

    def read(self, size: int | None = -1, /) -> bytes:
        got = super().read(size)
        if self.tell() > self._furthest:
            self._moved(self.tell() - self._furthest)
            self._furthest = self.tell()
        return got


def _stat(blob: Blob) -> Stat:
    return Stat(
        name=blob.name,
        size=int(blob.size or 0),
        generation=int(blob.generation or 0),
        fingerprint=f"crc32c:{blob.crc32c}",
        cache_control=blob.cache_control or "",
        content_type=blob.content_type or "",
    )
