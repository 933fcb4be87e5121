from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reagent.logs.batch import BUFFER_LIMIT, CARRY_LIMIT, MESSAGE_LIMIT, WINDOW, Buffer, weight

KIB = 1024
BIG = "x" * (100 * KIB)


def flushed(buffer: Buffer, at: float = 0.0) -> list[str]:
    """Everything that waits, as a flush sends it."""
    messages = []
    while buffer.waiting:
        buffer.cut(at)
        while (text := buffer.take()) is not None:
            messages.append(text)
    return messages


def test_lines_of_one_window_become_one_message() -> None:
    buffer = Buffer()

    for line in "abc":
        buffer.add([line], at=0.0)

    assert flushed(buffer) == ["a\nb\nc"]


def test_nothing_buffered_sends_nothing() -> None:
    assert flushed(Buffer()) == []


def test_an_empty_line_counts_as_a_line() -> None:
    buffer = Buffer()

    buffer.add(["", ""], at=0.0)
    first = flushed(buffer)
    buffer.add([""], at=0.0)
    second = flushed(buffer)

    assert (first, second) == (["\n"], [""])


def test_a_message_over_its_limit_ends_with_the_number_of_lines_that_are_missing() -> None:
    buffer = Buffer()

    for _ in range(4):
        buffer.add([BIG], at=0.0)
    [message] = flushed(buffer)

    assert message == f"{BIG}\n{BIG}\n\u2026 2 lines dropped (rate limit)"
    assert len(message.encode()) <= MESSAGE_LIMIT + 128


def test_a_batch_over_the_limit_is_cut_at_a_line() -> None:
    buffer = Buffer()

    buffer.add([BIG, BIG, BIG, "small"], at=0.0)
    [message] = flushed(buffer)

    assert message.endswith("\n\u2026 2 lines dropped (rate limit)")
    assert message.count("\n") == 2


def test_what_a_window_has_over_its_limit_by_a_little_opens_the_next() -> None:
    buffer = Buffer()
    lines = ["y" * (16 * KIB - 1)] * 18

    buffer.add(lines, at=0.0)
    messages = flushed(buffer)

    assert "\n".join(messages).split("\n") == lines
    assert [weight(message) for message in messages] == [MESSAGE_LIMIT, CARRY_LIMIT]


def test_no_more_than_a_mebibyte_waits() -> None:
    buffer = Buffer()

    for number in range(15):
        buffer.add([BIG], at=number * WINDOW)  # nobody takes what is ready

    assert buffer.buffered <= BUFFER_LIMIT
    assert "dropped (rate limit)" in flushed(buffer)[-1]


def test_fifteen_large_lines_at_once_are_dropped_and_counted() -> None:
    buffer = Buffer()

    for _ in range(15):
        buffer.add([BIG], at=0.0)

    assert buffer.dropped == 13
    assert buffer.buffered <= BUFFER_LIMIT


def test_a_line_that_fits_no_message_leaves_a_marker_alone() -> None:
    buffer = Buffer()

    buffer.add(["z" * (300 * KIB)], at=0.0)

    assert flushed(buffer) == ["\u2026 1 lines dropped (rate limit)"]


def test_lines_are_weighed_in_bytes() -> None:
    buffer = Buffer()

    buffer.add(["\u00e4" * (100 * KIB)], at=0.0)
    heavy = buffer.buffered
    buffer.add(["\u00e4" * (50 * KIB)], at=0.0)

    assert heavy == 200 * KIB + 1
    assert buffer.dropped == 1


def test_a_late_timer_does_not_join_two_windows() -> None:
    buffer = Buffer()
    lines = ["w" * (1 * KIB - 1)] * 250

    for number in range(4):
        buffer.add(lines, at=number * 0.21)
    messages = flushed(buffer)

    assert "\n".join(messages).split("\n") == lines * 4
    assert all(weight(message) <= MESSAGE_LIMIT for message in messages)


@st.composite
def within_limits(draw: st.DrawFn) -> list[tuple[list[str], float]]:
    """Batches, with the time of each, that leave no window over its limit."""
    line = st.text(alphabet=st.characters(exclude_characters="\n"), max_size=40)
    batches = draw(st.lists(st.lists(line, min_size=1, max_size=50), max_size=20))
    gaps = draw(
        st.lists(
            st.floats(min_value=0.0, max_value=0.5),
            min_size=len(batches),
            max_size=len(batches),
        )
    )
    at = 0.0
    timed = []
    for batch, gap in zip(batches, gaps, strict=True):
        at += gap
        timed.append((batch, at))
    return timed


@given(timed=within_limits())
def test_within_the_limits_the_messages_are_the_lines(timed: list[tuple[list[str], float]]) -> None:
    buffer = Buffer()
    messages: list[str] = []

    for batch, at in timed:
        buffer.add(batch, at)
        while (text := buffer.take()) is not None:
            messages.append(text)
    messages += flushed(buffer)

    lines = [line for batch, _ in timed for line in batch]
    assert "\n".join(messages).split("\n") == (lines or [""])
    assert len(messages) <= max(1, len(timed))


@given(sizes=st.lists(st.integers(min_value=0, max_value=300 * KIB), max_size=30))
def test_no_line_is_lost_uncounted_and_no_message_is_too_big(sizes: list[int]) -> None:
    buffer = Buffer()
    lines = [f"{number} ".ljust(size, "v") for number, size in enumerate(sizes)]

    buffer.add(lines, at=0.0)
    buffered = buffer.buffered
    messages = flushed(buffer)

    arrived = [line for message in messages for line in message.split("\n")]
    kept = [line for line in arrived if not line.startswith("\u2026")]
    counted = sum(int(line.split()[1]) for line in arrived if line.startswith("\u2026"))
    assert kept == lines[: len(kept)]
    assert len(kept) + counted == len(lines)
    assert buffered <= BUFFER_LIMIT
    assert all(len(message.encode()) <= MESSAGE_LIMIT + 128 for message in messages)


@pytest.mark.parametrize("text", ["", "a", "\u20ac", "\ud800"])
def test_a_line_weighs_its_utf8_length_and_one(text: str) -> None:
    assert weight(text) == len(text.encode("utf-8", "surrogatepass")) + 1
