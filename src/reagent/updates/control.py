"""What is asked of active after an attempt that failed: is the world well?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Active runs to tell whether the world is well.

    Attributes:
        required: what it has to reach.
        window: within so many seconds.
        strikes: whether reaching it counts against the candidate.
        why: how the attempt ended.
    """

    required: frozenset[str]
    window: float
    strikes: bool
    why: str
