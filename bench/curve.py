"""A million devices and a curve: which share of them is in, hour by hour."""

from __future__ import annotations

from typing import Final

from bench.figures import Table
from reagent.updates.trust.stages import Stage, place, share
from sandbox.cloud import Cloud
from sandbox.program import Program

DEVICES: Final = 1_000_000
_HOURS: Final = (0.5, 1, 2, 4, 8, 12, 18, 24, 25, 30, 36, 48, 60, 71, 72)
_HOUR_S: Final = 3600.0
STAGE: Final = Stage(
    version="1.4.0", begun=0.0, curve=((1, 1), (24, 10), (72, 100)), salt="b7f3", approved=True
)


async def measure(_cloud: Cloud, _program: Program) -> list[Table]:
    """Counted, not timed: the same on every machine."""
    places = sorted(place(STAGE.salt, f"SN-{number:07}") for number in range(DEVICES))
    rows, worst, inside = [], 0.0, 0
    for hours in _HOURS:
        wanted = share(STAGE, hours * _HOUR_S)
        while inside < DEVICES and places[inside] < wanted:
            inside += 1
        got = inside / DEVICES
        worst = max(worst, abs(got - wanted))
        rows.append((f"{hours:g} h", f"{wanted:.3%}", f"{got:.3%}", f"{got - wanted:+.3%}"))
    return [
        Table(
            f"A staged roll-out, {DEVICES:,} serial numbers, curve 1h:1%,24h:10%,72h:100%",
            ("after", "the curve", "devices", "off by"),
            tuple(rows),
            note=f"Never off by more than {worst:.3%} of the fleet.",
        )
    ]
