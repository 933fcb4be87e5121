"""updates.precedence: which of two versions is the higher one."""

from __future__ import annotations

from itertools import pairwise

from reagent.updates.precedence import higher

RISING = (
    "", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11",
    "1.0.0-rc.1", "1.0.0", "v1.0.1", "1.9.0", "1.10", "2",
)  # fmt: skip


def test_versions_rise_as_semantic_versions_do() -> None:
    for lower, upper in pairwise(RISING):
        assert higher(lower, upper) == upper
        assert higher(upper, lower) == upper


def test_build_parts_say_nothing() -> None:
    assert higher("1.0.0+1", "1.0.0+2") == "1.0.0+1"


def test_junk_loses() -> None:
    assert higher("junk", "0.0.1") == "0.0.1"
    assert higher("1.2.3", "../..") == "1.2.3"
