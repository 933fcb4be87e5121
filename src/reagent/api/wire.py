"""Arguments off the wire, checked and named (docs/contract/wamp.md 9.1).

On a JSON session a non-negative whole number is an integer, and booleans are not numbers. Every
refusal is a `BadRequest` that names the field.
"""

from __future__ import annotations

from collections.abc import Mapping

from reagent.errors import BadRequest
from reagent.model.call import Call

LARGEST = 2**64 - 1
# Digits that are looked at; leading zeros are nobody's habit.
_LONGEST = 20
_SHOWN = 40


def is_uint(value: object) -> bool:
    """The strict kind: a JSON integer that is not negative, and no boolean."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST


def uint(value: object, name: str) -> int:
    """A strict unsigned integer.

    Raises:
        BadRequest: it is anything else.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST:
        raise BadRequest(f"failed to parse {name}: an unsigned integer is expected")
    return value


def uint_or_text(value: object, name: str) -> int:
    """An unsigned integer, or its decimal text.

    Raises:
        BadRequest: it is anything else.
    """
    if isinstance(value, str):
        if value.isascii() and value.isdigit() and len(value) <= _LONGEST:
            return uint(int(value), name)
        raise BadRequest(f"failed to parse {name}: {_shown(value)} is not an unsigned integer")
    return uint(value, name)


def count(value: object, name: str) -> int:
    """A whole number that is not negative: integer, float without fraction, or decimal text.

    Raises:
        BadRequest: it is anything else, null included.
    """
    if isinstance(value, float) and value >= 0 and value.is_integer():
        return uint(int(value), name)
    return uint_or_text(value, name)


def text(value: object, name: str) -> str:
    """A text.

    Raises:
        BadRequest: it is anything else.
    """
    if not isinstance(value, str):
        raise BadRequest(f"failed to parse {name}: a text is expected")
    return value


def truth(value: object, name: str) -> bool:
    """A boolean.

    Raises:
        BadRequest: it is anything else.
    """
    if not isinstance(value, bool):
        raise BadRequest(f"failed to parse {name}: a boolean is expected")
    return value


def mapping(value: object, name: str) -> Mapping[str, object]:
    """A JSON object.

    Raises:
        BadRequest: it is anything else.
    """
    if not isinstance(value, Mapping):
        raise BadRequest(f"failed to parse {name}: an object is expected")
    return value


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def first_object(call: Call) -> Mapping[str, object]:
    """Positional argument 0 as an object.

    Raises:
        BadRequest: there is none, or it is something else.
    """
    if not call.args:
        raise BadRequest("failed to parse args: one object is expected, nothing came")
    return mapping(call.args[0], "args[0]")
