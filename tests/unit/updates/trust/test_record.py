from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reagent.contracts.trust import Chain
from reagent.updates.state import State, decode, encode
from reagent.updates.trust import memory
from reagent.updates.trust import record as records
from reagent.updates.trust.record import Record, Refusal, Seen

WHOLE = Record(
    {"root": Seen(2, frozenset({"a"}), 5.0), "timestamp": Seen(9, frozenset({"b", "c"}), 6.0)},
    Refusal("freeze", "timestamp.json is expired", 7.0),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)


def test_it_comes_back_from_the_disk_as_it_was() -> None:
    content = encode(records.within(State(floor="1.0.0"), WHOLE))

    assert records.of(decode(content)) == WHOLE
    assert decode(content).floor == "1.0.0"


def test_another_format_of_the_file_keeps_it() -> None:
    content = encode(records.within(State(), WHOLE)).replace(b'"format": 1', b'"format": 2')

    assert records.of(decode(content)) == WHOLE


def test_keys_that_others_put_there_stay() -> None:
    state = State(other={"later": [1]})

    assert records.within(state, WHOLE).other["later"] == [1]


@given(value=ANYTHING)
def test_whatever_stands_there_is_no_error(value: object) -> None:
    found = records.of(State(other={records.KEY: value}))

    assert all(each.version > 0 for each in found.seen.values())


@given(value=ANYTHING, role=st.sampled_from(["root", "timestamp", "snapshot", "targets"]))
def test_nor_is_whatever_stands_for_a_role(value: object, role: str) -> None:
    content = {"seen": {role: {"version": value, "keys": value, "issued": value}, "nobody": value}}

    found = records.of(State(other={records.KEY: {**content, "refused": value}}))

    assert "nobody" not in found.seen


# --- the metadata beside it

CHAIN = Chain(
    {2: b'{"a": "\xc3\xa4"}', 3: b"{}"},
    {"timestamp": b"{1}", "snapshot": b"{2}", "targets": b"{3}"},
)


def test_metadata_comes_back_byte_by_byte() -> None:
    assert memory.decode(memory.encode(CHAIN)) == CHAIN


def test_of_a_torn_file_nothing_is_left() -> None:
    content = memory.encode(CHAIN)

    for end in range(0, len(content) - 2, 7):
        assert memory.decode(content[:end]) == Chain()


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"[]", b'{"format": 2, "timestamp": "x"}', b"[" * 100_000, b"null"],
)
def test_what_is_something_else_is_as_good_as_absent(content: bytes) -> None:
    assert memory.decode(content) == Chain()


@given(value=ANYTHING, roots=ANYTHING)
def test_parts_of_another_kind_are_left_out(value: object, roots: object) -> None:
    content = json.dumps({"format": 1, "roots": roots, "timestamp": value}).encode()

    assert isinstance(memory.decode(content), Chain)
