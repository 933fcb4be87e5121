"""Bodies come out whole, however the network cuts them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reagent.adapters.http.chunks import Chunked, Counted, Malformed, UntilClosed


def encoded(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=40), max_size=12),
    cuts=st.lists(st.integers(min_value=1, max_value=30), max_size=40),
)
def test_chunks_are_joined_however_they_are_cut(chunks: list[bytes], cuts: list[int]) -> None:
    wire = encoded(*chunks)
    decoder = Chunked()
    body = b""

    for size in [*cuts, len(wire)]:
        block, wire = wire[:size], wire[size:]
        if block:
            assert not decoder.done
            body += decoder.feed(block)

    assert body == b"".join(chunks)
    assert decoder.done


def test_a_body_goes_on_until_its_last_line_end() -> None:
    decoder = Chunked()

    decoder.feed(b"1\r\na\r\n0\r\n")
    before = decoder.done
    decoder.feed(b"\r\n")

    assert (before, decoder.done) == (False, True)


def test_extensions_and_trailers_are_dropped() -> None:
    decoder = Chunked()

    body = decoder.feed(b"3;name=value\r\nabc\r\n0\r\nTrailer: x\r\n\r\n")

    assert (body, decoder.done) == (b"abc", True)


@pytest.mark.parametrize(
    "wire",
    [b"xyz\r\nabc", b"\r\n\r\n", b"1" * 2000, b"+3\r\nabc\r\n", b"1_0\r\n", b";x\r\n",
     b"0\r\n" + b"Trailer: x\r\n" * 6000]
    + [b"-%x\r\nabcdefgh\r\n0\r\n\r\n" % size for size in range(16)],
)  # fmt: skip
def test_what_is_no_chunk_is_malformed(wire: bytes) -> None:
    with pytest.raises(Malformed):
        Chunked().feed(wire)


def test_a_counted_body_ends_at_its_length() -> None:
    decoder = Counted(3)

    assert decoder.feed(b"ab") == b"ab"
    assert not decoder.done
    assert decoder.feed(b"cdef") == b"c"
    assert decoder.done


def test_a_body_without_length_goes_on() -> None:
    decoder = UntilClosed()

    assert decoder.feed(b"ab") == b"ab"
    assert not decoder.done
