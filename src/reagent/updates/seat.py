"""Who this process is in the turn of versions; what the launcher hands to the agent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from reagent.contracts.files import Files
from reagent.updates.control import Control
from reagent.updates.ledger import Ledger
from reagent.updates.times import Times


class Role(Enum):
    """Three ways to be the agent."""

    PROVEN = "the version that every start runs"
    COPY = "a copy that is not started by its link"
    CANDIDATE = "a version on trial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """What the agent has to know of the update it may be part of.

    Attributes:
        folder: where versions are staged; that of `Reagent-active`, for a copy the -agentDir.
        own: our file's name in it; empty for a candidate, and for a copy that lies elsewhere.
        control: we run to tell whether the world is well.
        rest: seconds before a trial is asked for again; one could not even be begun just now.
        tell: a candidate's way to its parent.
        boot: the kernel's boot id.
    """

    role: Role
    folder: str
    files: Files
    ledger: Ledger
    times: Times
    own: str = ""
    boot: str = ""
    control: Control | None = None
    rest: float = 0.0
    tell: Callable[[str], None] | None = None
