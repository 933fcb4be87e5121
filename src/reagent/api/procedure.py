"""A procedure is a method with a mark: its name, what it needs, how long it may take.

The decorator records facts and nothing else. Which capabilities exist is a list in the composition
root, so the frozen executable serves what the source serves, and a test can hold the list of names.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from reagent.model.call import Answer, Call, Privilege

Needs = Privilege | Callable[[Call], Privilege] | None
_M = TypeVar("_M", bound=Callable[..., Awaitable[Answer]])

DEFAULT_WITHIN = 60.0
_MARK = "__procedure__"


@dataclass(frozen=True, slots=True)
class Mark:
    """The facts about a procedure.

    Attributes:
        suffix: the part of the URI behind `re.mgmt.<serial>.`.
        needs: the privilege a caller must hold, or what says it for a call; None asks nobody.
        within: seconds after which the call is answered with an error.
    """

    suffix: str
    needs: Needs
    within: float


@dataclass(frozen=True, slots=True)
class Procedure:
    """A mark and the method that serves it."""

    mark: Mark
    serve: Callable[[Call], Awaitable[Answer]]


def procedure(
    suffix: str, *, needs: Needs = None, within: float = DEFAULT_WITHIN
) -> Callable[[_M], _M]:
    """Mark a method of a capability as a procedure."""

    def mark(method: _M) -> _M:
        setattr(method, _MARK, Mark(suffix, needs, within))
        return method

    return mark


def marks_of(capability: type) -> Iterator[Mark]:
    """The facts about every procedure of a class, in the order of definition."""
    for method in vars(capability).values():
        mark = getattr(method, _MARK, None)
        if isinstance(mark, Mark):
            yield mark


def procedures_of(*capabilities: object) -> Iterator[Procedure]:
    """Every marked method of these capabilities, in the order of definition."""
    for capability in capabilities:
        for mark in marks_of(type(capability)):
            yield Procedure(mark, getattr(capability, mark.suffix))
