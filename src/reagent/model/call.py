"""A call that reaches us, and what we answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Privilege(StrEnum):
    """What the backend can be asked for (docs/contract/wamp.md 5.3, and the seed era's two)."""

    READ = "READ"
    DEVELOP = "DEVELOP"
    MAINTAIN = "MAINTAIN"
    NETWORK = "NETWORK"
    INSTALL = "INSTALL"
    OPERATE = "OPERATE"


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation.

    Attributes:
        caller: `caller_authid` of the invocation: text as a rule, a number after a `system` caller
            named its requestor, None when the router does not disclose callers.
    """

    args: Sequence[object] = ()
    kwargs: Mapping[str, object] = field(default_factory=dict)
    caller: object = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes out as YIELD, or came in as RESULT; what is empty is not sent at all."""

    args: Sequence[object] = ()
    kwargs: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a subscription."""

    topic: str
    args: Sequence[object] = ()
    kwargs: Mapping[str, object] = field(default_factory=dict)
