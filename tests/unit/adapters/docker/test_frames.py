"""The two streams of a container without a terminal become lines of one."""

from __future__ import annotations

import pytest

from reagent.adapters.docker.frames import Frames
from reagent.adapters.docker.lines import LIMIT

OUT, ERR = 1, 2


def frame(stream: int, payload: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload


@pytest.mark.parametrize("size", [1, 3, 8, 9, 1000])
def test_frames_come_apart_however_they_arrive(size: int) -> None:
    wire = frame(OUT, b"one\n") + frame(ERR, b"") + frame(ERR, b"two\nthree\n") + frame(OUT, b"\n")
    frames = Frames()

    found = b"".join(frames.feed(wire[at : at + size]) for at in range(0, len(wire), size))

    assert found + frames.finish() == b"one\ntwo\nthree\n\n"


def test_half_a_line_waits_for_its_other_half_while_the_other_stream_goes_on() -> None:
    frames = Frames()

    first = frames.feed(frame(OUT, b"done\nhalf ") + frame(ERR, b"oops\n"))
    second = frames.feed(frame(OUT, b"a line\n"))

    assert (first, second) == (b"done\noops\n", b"half a line\n")


def test_what_lacks_its_newline_comes_at_the_end() -> None:
    frames = Frames()
    frames.feed(frame(OUT, b"out") + frame(ERR, b"err"))

    assert frames.finish() == b"out\nerr"
    assert frames.finish() == b""


def test_a_line_without_end_does_not_pile_up() -> None:
    frames = Frames()

    found = b"".join(frames.feed(frame(OUT, b"z" * 16384)) for _ in range(LIMIT // 16384 * 3))

    assert [len(line) for line in found.split(b"\n")] == [LIMIT, LIMIT, 0]
    assert len(frames.finish()) == LIMIT
