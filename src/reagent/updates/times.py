"""How long things may take, in seconds, and when: what can be set from outside.

REAGENT_UPDATE_PROOF_S, REAGENT_UPDATE_SOAK_S    shorter ones, for tests and demos
REAGENT_UPDATE_WINDOW                            02:00-05:00, local time, for automatic updates
REAGENT_UPDATE_RATE                              kilobytes a second, for downloads of versions; 1
                                                 is the least
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reagent.updates.window import ALWAYS, Window

DAY_S: Final = 86_400.0
# The longest pause between two attempts that a broken world spoiled.
LONGEST_PAUSE_S: Final = 6 * 3600.0
# A candidate says every 5 s that its loop turns; slow boards import for that long.
ALIVE_EVERY_S: Final = 5.0
HANGS_AFTER_S: Final = 60.0
LAUNCH_CHECK_S: Final = 10.0
STOP_S: Final = 10.0

_PROOF: Final = "REAGENT_UPDATE_PROOF_S"
_SOAK: Final = "REAGENT_UPDATE_SOAK_S"
_WINDOW: Final = "REAGENT_UPDATE_WINDOW"
_RATE: Final = "REAGENT_UPDATE_RATE"
# In kilobytes a second. A version takes six hours then, and days where somebody slips with a zero.
LEAST_RATE: Final = 1.0


@dataclass(frozen=True, slots=True)
class Times:
    """What can be set.

    Attributes:
        proof: an attempt must be proven within, and a lost proof must come back within.
        soak: a proof must hold for so long, in all, over boots.
        window: an automatic update waits for it.
        rate: bytes a second that a download takes at most; 0 for as many as come.
        odd: what was asked for and is not done, and what is instead; empty where all is.
    """

    proof: float = 900.0
    soak: float = 1800.0
    window: Window = ALWAYS
    rate: float = 0.0
    odd: str = ""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Times:
        """As the environment says; a word that is no positive number says nothing."""
        rate, odd = _rate(environment.get(_RATE, ""))
        return cls(
            proof=_seconds(environment.get(_PROOF, ""), 900.0),
            soak=_seconds(environment.get(_SOAK, ""), 1800.0),
            window=Window.parse(environment.get(_WINDOW, "")),
            rate=1000.0 * rate,
            odd=odd,
        )


def _seconds(word: str, otherwise: float) -> float:
    try:
        seconds = float(word)
    except ValueError:
        return otherwise
    return seconds if 0 < seconds < float("inf") else otherwise


def _rate(word: str) -> tuple[float, str]:
    """Kilobytes a second, 0 for no limit; and what is odd about the word."""
    if not word:
        return 0.0, ""
    rate = _seconds(word, 0.0)
    if not rate:
        return 0.0, f"{_RATE} is {word[:40]!r}, which is no rate: downloads have no limit"
    if rate < LEAST_RATE:
        return LEAST_RATE, f"{_RATE} is {word[:40]!r}: {LEAST_RATE:g} kilobyte a second is used"
    return rate, ""
