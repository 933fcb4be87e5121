"""How an attempt went, as the launcher has to know it."""

from __future__ import annotations

from enum import Enum


class Outcome(Enum):
    """Four ways; whatever it was is on the disk by then, as far as the disk takes it."""

    COMMITTED = "the candidate is the proven version now"
    FAILED = "it ended, by itself or by its parent"
    STOPPED = "somebody ordered a stop"
    NONE = "there was none"
