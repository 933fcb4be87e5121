"""adapters.deltas: whatever the decoder says, it is a delta that leads nowhere."""

from __future__ import annotations

import mmap
from pathlib import Path

import pytest

from reagent.adapters.deltas import ZstdDeltas
from reagent.errors import Damaged


class Refusing:
    """A decoder that refuses."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def unpack(self, base: mmap.mmap, delta: bytes, most: int, /) -> bytes:
        raise self._error


@pytest.mark.parametrize("error", [ValueError("junk"), MemoryError(), OverflowError("too large")])
def test_what_cannot_be_unpacked_is_damaged(tmp_path: Path, error: Exception) -> None:
    (tmp_path / "own").write_bytes(b"a version")
    deltas = ZstdDeltas()
    deltas._decoder = Refusing(error)

    with pytest.raises(Damaged, match="nothing comes of the delta"):
        deltas.unpack(str(tmp_path / "own"), b"delta", 100)
