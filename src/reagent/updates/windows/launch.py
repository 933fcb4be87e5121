"""The launcher below the service manager: it runs one version, and starts what is active next.

It decides nothing about versions: which one is active stands in `Reagent-active`, and the version
that runs as it takes the turn (`updates.turn`), with the next one on trial below it. A version that
gives way ends with `HAND_OVER`. Any other end that nobody ordered is a crash of the service, which
the service manager answers as it was told to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from reagent import log
from reagent.updates.links import Links
from reagent.updates.parent import Child
from reagent.updates.windows.swap import HEALTHY_AFTER_S, LAUNCHER

_log = log.get(__name__)

# The exit status of a version that gives way to what is active now.
HAND_OVER: Final = 80
STOP_WITHIN_S: Final = 15.0
CRASHED: Final = 1
STOPPED: Final = 0
_LOOK_EVERY_S: Final = 1.0
# A version that gives way at once, again and again, must not keep a processor busy.
_AGAIN_S: Final = 1.0


def choices(known: Links) -> tuple[str, ...]:
    """Files of the folder, the one to run first; the others where it cannot be run."""
    return tuple(dict.fromkeys(file for file in (known.active, known.previous, LAUNCHER) if file))


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What the launcher does things with.

    Attributes:
        choose: see `choices`.
        start: runs a file of the folder as the agent; raises `OSError` when it cannot be run.
        healthy: told once, when the service ran for `HEALTHY_AFTER_S`.
        monotonic: seconds that only go up.
        wait: so many seconds, or until a stop is ordered; returns whether it is.
    """

    choose: Callable[[], tuple[str, ...]]
    start: Callable[[str], Child]
    healthy: Callable[[], None]
    monotonic: Callable[[], float]
    wait: Callable[[float], bool]


def supervise(launch: Launch) -> int:
    """Run versions until a stop is ordered or one crashes.

    Returns:
        `STOPPED` or `CRASHED`. No version runs any more.
    """
    healthy_at = launch.monotonic() + HEALTHY_AFTER_S
    while True:
        child = _begun(launch)
        if child is None:
            return CRASHED
        try:
            status, healthy_at = _follow(launch, child, healthy_at)
        finally:
            child.kill()
        if status is None:
            return STOPPED
        if status != HAND_OVER:
            _log.error("the agent ended by itself", status=status)
            return CRASHED
        _log.info("the agent hands over")
        if launch.wait(_AGAIN_S):
            return STOPPED


def _begun(launch: Launch) -> Child | None:
    for file in launch.choose():
        try:
            child = launch.start(file)
        except OSError as error:
            _log.error("a version cannot be started", file=file, error=error)
        else:
            _log.info("the agent is started", file=file)
            return child
    return None


def _follow(launch: Launch, child: Child, healthy_at: float) -> tuple[int | None, float]:
    """Until it ended, or a stop was ordered and obeyed: its status, None for a stop."""
    while True:
        heard = child.hear(_LOOK_EVERY_S)
        if heard.stop:
            child.end(STOP_WITHIN_S)
            return None, healthy_at
        if heard.status is not None:
            return heard.status, healthy_at
        if launch.monotonic() >= healthy_at:
            healthy_at = float("inf")
            launch.healthy()
