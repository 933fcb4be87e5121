"""Lines as docs/contract/streams.md 1.6 wants them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reagent.adapters.docker.lines import Splitter


def split(*blocks: bytes, limit: int = 100) -> list[str]:
    splitter = Splitter(limit)
    found: list[str] = []
    for block in blocks:
        found += splitter.feed(block)
    return found + splitter.finish()


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\r\ntwo\r\n", ["one", "two"]),
        (b"one\n\n\ntwo", ["one", "", "", "two"]),
        (b"\n", [""]),
        (b"\r\n", [""]),
        (b"a\r\r\n", ["a\r"]),
        (b"50%\r60%\r\n", ["50%\r60%"]),
        (b"last\r", ["last"]),
        (b"\x1b[31mred\x1b[0m\n", ["\x1b[31mred\x1b[0m"]),
        ("grün ☃\n".encode(), ["grün ☃"]),
        (b"bad \xff\xfe\n", ["bad \ufffd\ufffd"]),
        (b"torn \xe2\x82, whole \xe2\x82\xac\n", ["torn \ufffd\ufffd, whole \u20ac"]),
        ("a\u2028b\x0bc\x85d\n".encode(), ["a\u2028b\x0bc\x85d"]),
    ],
)
def test_lines_end_at_newlines_and_at_nothing_else(data: bytes, lines: list[str]) -> None:
    assert split(data) == lines


@given(data=st.binary(max_size=60), cuts=st.lists(st.integers(1, 12), max_size=20))
def test_it_does_not_matter_how_the_bytes_arrive(data: bytes, cuts: list[int]) -> None:
    blocks = []
    rest = data
    for size in cuts:
        blocks.append(rest[:size])
        rest = rest[size:]

    assert split(*blocks, rest) == split(data)


@pytest.mark.parametrize("arrives", ["whole", "in pieces"])
def test_a_line_over_the_limit_goes_on_as_the_next_one(arrives: str) -> None:
    data = b"x" * 25 + b"\nshort\n"
    blocks = [data] if arrives == "whole" else [data[at : at + 4] for at in range(0, len(data), 4)]

    assert split(*blocks, limit=10) == ["x" * 10, "x" * 10, "x" * 5, "short"]


def test_a_line_of_exactly_the_limit_is_one_line() -> None:
    assert split(b"x" * 10 + b"\n", limit=10) == ["x" * 10]


def test_no_character_is_torn_where_a_line_is_cut() -> None:
    found = split("é".encode() * 8 + b"\n", limit=5)

    assert found == ["éé", "éé", "éé", "éé"]


def test_a_line_without_end_does_not_pile_up() -> None:
    splitter = Splitter(limit=1000)

    for _ in range(100):
        splitter.feed(b"y" * 99)

    assert len(splitter.finish()[0]) <= 1000
