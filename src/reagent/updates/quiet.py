"""The start on which there is nothing to decide, which is nearly every one, seen at a glance.

It says yes only where `decide` would be the agent at once and change nothing (a test holds the two
together); then the rules are not even imported.
"""

from __future__ import annotations

from reagent.updates.links import Links
from reagent.updates.state import State
from reagent.updates.times import DAY_S
from reagent.updates.vocabulary import version_file


def is_quiet(state: State, links: Links, own: str, now: float) -> bool:
    """Whether our own file simply runs.

    Args:
        state: as it is on the disk.
        links: as they are on the disk.
        own: our file's name; the target of `Reagent-active`.
        now: seconds since 1970, as the device believes.
    """
    if state.trial is not None or state.spoiled or links.latest != own or not links.previous:
        return False
    mark = state.committed
    ours = mark is not None and mark.file == own
    if links.previous != own:
        bad = {version_file(each.version) for each in state.blocked}
        if not ours or links.previous in bad:
            return False
    return mark is None or not ours or now - mark.at >= DAY_S
