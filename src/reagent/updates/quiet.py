"""The start on which there is nothing to decide, which is nearly every one, seen at a glance.

It says yes only where `decide` would be the agent at once and change nothing (a test holds the two
together); then the rules are not even imported.
"""

from __future__ import annotations

from reagent.updates.links import Links
from reagent.updates.repairs import is_blocked, repairs
from reagent.updates.state import State
from reagent.updates.times import DAY_S


def is_quiet(state: State, links: Links, own: str, now: float) -> bool:
    """Whether our own file simply runs.

    Args:
        state: as it is on the disk.
        links: as they are on the disk.
        own: our file's name; the target of `Reagent-active`.
        now: seconds since 1970, as the device believes.
    """
    if state.trial is not None or state.spoiled:
        return False

    def bad(file: str) -> bool:
        """What nobody looked at yet is not seen at a glance."""
        return is_blocked(state, file, lambda _: state.blocked[0].sha256)

    if repairs(links, own, bad):
        return False
    mark = state.committed
    if mark is None or mark.file != own:
        return links.previous == own
    return now - mark.at >= DAY_S
