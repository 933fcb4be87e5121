"""Numbers off the wire, kind by kind (docs/contract/wamp.md 9.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from reagent.api import wire
from reagent.errors import BadRequest

Check = Callable[[object, str], int]


@pytest.mark.parametrize(
    ("check", "value", "number"),
    [
        (wire.uint, 0, 0),
        (wire.uint, 2**64 - 1, 2**64 - 1),
        (wire.uint_or_text, 501, 501),
        (wire.uint_or_text, "501", 501),
        (wire.uint_or_text, "18446744073709551615", 2**64 - 1),
        (wire.count, 200, 200),
        (wire.count, 200.0, 200),
        (wire.count, "200", 200),
    ],
)
def test_what_is_of_the_kind_is_taken(check: Check, value: object, number: int) -> None:
    assert check(value, "field") == number


NO_UINT: Final[list[object]] = [-1, 5.0, "5", True, None, 2**64]
NO_UINT_OR_TEXT: Final[list[object]] = [-1, 5.0, "-5", "5.0", "", " 5", "\u0665", True, []]
TOO_LARGE: Final[list[object]] = ["18446744073709551616", "9" * 5000]
NO_COUNT: Final[list[object]] = [-1, -1.0, 1.5, 1e308, "many", None, [], True]


@pytest.mark.parametrize(
    ("check", "value"),
    [
        *((wire.uint, each) for each in NO_UINT),
        *((wire.uint_or_text, each) for each in NO_UINT_OR_TEXT + TOO_LARGE),
        *((wire.count, each) for each in NO_COUNT + TOO_LARGE),
    ],
)
def test_what_is_not_is_refused_by_the_name_of_its_field(check: Check, value: object) -> None:
    with pytest.raises(BadRequest, match=r"^failed to parse field: ") as refused:
        check(value, "field")

    assert len(str(refused.value)) < 120
