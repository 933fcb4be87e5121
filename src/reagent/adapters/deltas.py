"""Deltas as `zstd --patch-from` writes them. The static executables have the decoder linked in."""

from __future__ import annotations

import mmap
from typing import Protocol

from reagent.errors import Damaged


class _Decoder(Protocol):
    def unpack(self, base: mmap.mmap, delta: bytes, most: int, /) -> bytes: ...


class ZstdDeltas:
    """Implements `contracts.deltas.Deltas`."""

    def __init__(self) -> None:
        self._decoder = _decoder()

    @property
    def available(self) -> bool:
        """See the contract."""
        return self._decoder is not None

    def unpack(self, base: str, delta: bytes, most: int) -> bytes:
        """See the contract."""
        if self._decoder is None:
            raise Damaged("this build cannot unpack deltas")
        with open(base, "rb") as file:  # noqa: PTH123 - mapped, not read
            try:
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as old:
                    return self._decoder.unpack(old, delta, most)
            except (ValueError, OverflowError, MemoryError) as error:
                raise Damaged(f"nothing comes of the delta: {error}") from error


def _decoder() -> _Decoder | None:
    try:
        import _delta  # noqa: PLC0415 - only the static executables have it
    except ImportError:
        return None
    decoder: _Decoder = _delta
    return decoder
