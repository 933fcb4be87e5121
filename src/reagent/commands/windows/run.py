"""`reagent.exe` as the service: the launcher, put together; `updates.windows.launch` has the rules.

It has a log of its own beside the agent's, `service.log`: two processes cannot roll one file.
"""

# Elsewhere the checker sees nothing behind a question for Windows.
# mypy: disable-error-code="unreachable"

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from reagent import log
from reagent.adapters.logfile import LogFile
from reagent.adapters.stopsignals import Stops, stopped_within
from reagent.adapters.windows.candidate import SERVICE, TRIAL, Candidate, pause
from reagent.adapters.windows.updatefiles import WindowsFiles
from reagent.commands.windows import plan
from reagent.settings import stamp
from reagent.settings.flags import Flags
from reagent.updates.links import look
from reagent.updates.parent import Child
from reagent.updates.windows.launch import CRASHED, STOPPED, Launch, choices, supervise
from reagent.updates.windows.marker import MarkerFile
from reagent.updates.windows.swap import Place, Start, at_start, healthy

_log = log.get(__name__)

LOG: Final = "service.log"


def run(flags: Flags, words: Sequence[str]) -> int | None:
    """Be the service, where the service manager started this process.

    Returns:
        The exit status; None where somebody else started it, and it is to be the agent.
    """
    if sys.platform != "win32" or SERVICE in os.environ or TRIAL in os.environ:
        return None
    from reagent.adapters.windows import dispatcher, kernel  # noqa: PLC0415 - on Windows alone

    def work(stop: Stops) -> int:
        kernel.enclose()
        return serve(flags, words, stop)

    return STOPPED if dispatcher.serve(plan.SERVICE, work) else None


def serve(
    flags: Flags,
    words: Sequence[str],
    stop: Stops,
    begin: Callable[[str, str, Sequence[str], Stops], Child] | None = None,
) -> int:
    """The work of the service.

    Args:
        flags: what its command line said.
        words: its command line, for the versions that it runs.
        stop: tells when it is over.
        begin: runs a file of a folder with these words.
    """
    folder = str(Path(flags.agent_dir).absolute())
    log.configure(sinks=[LogFile(f"{folder}/{LOG}")], level=log.INFO, pretty=False)
    _log.info("the service starts", version=stamp.VERSION, executable=sys.executable)
    files = WindowsFiles()
    place = Place(files=files, folder=folder, marker=MarkerFile(files, folder, _now))
    if at_start(place, stamp.VERSION) is Start.GIVE_WAY:
        return CRASHED
    start = _begin if begin is None else begin
    status = supervise(
        Launch(
            choose=lambda: choices(look(files, folder)),
            start=lambda file: start(folder, file, words, stop),
            healthy=lambda: _healthy(place),
            monotonic=time.monotonic,
            wait=lambda seconds: stopped_within(stop, seconds, pause),
        )
    )
    _log.info("the service ends", status=status)
    return status


def _begin(folder: str, file: str, words: Sequence[str], stop: Stops) -> Child:
    return Candidate(
        os.path.join(folder, file),  # noqa: PTH118 - Windows' own separator, for its programs
        [file, *words],
        os.environ,
        stop,
        role={SERVICE: file},
    )


def _healthy(place: Place) -> None:
    try:
        healthy(place)
    except OSError as error:
        _log.warning("the marker of the last update cannot be cleared", error=error)


def _now() -> str:
    return datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
