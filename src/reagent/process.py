"""The agent as a process: its start on the clock, its signals, and an end that is always in time.

What it is made of stands in `agent`; which version it is was decided before (`launcher`).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final

from reagent import log
from reagent.adapters.clock import SystemClock
from reagent.adapters.runtime import versions
from reagent.agent import Agent, build
from reagent.apps.folders import Folders
from reagent.device.milestones import Milestones
from reagent.errors import Unwelcome
from reagent.settings import stamp
from reagent.settings.devicefile import DeviceFile
from reagent.settings.flags import Flags
from reagent.settings.paths import Paths
from reagent.updates.seat import Role, Seat
from reagent.updates.watchdog import STATUS
from reagent.world import World, open_world

_log = log.get("reagent.process")

# A stop must be over within 10 s whatever hangs (docs/contract/system.md 2.8).
STOP_WITHIN_S: Final = 9.0
# Ctrl-Break is what a program on Windows can be sent by another one.
if sys.platform == "win32":
    STOPS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGBREAK)
else:
    STOPS: Final = (signal.SIGTERM, signal.SIGINT)
# Every part may take its time; then the service starts the launcher anew.
HAND_OVER_WITHIN_S: Final = 30.0


def run(flags: Flags, seat: Seat) -> int | None:
    """Be the agent until a signal, until the platform refuses us, or until a trial is due.

    Returns:
        0 after a stop that was asked for, 1 when the secret or the serial number is refused, None
        when the launcher is to go on.

    Raises:
        DeviceFileBroken: neither the device file nor its backup can be used.
    """
    return asyncio.run(_run(flags, seat))


async def _run(flags: Flags, seat: Seat) -> int | None:
    stop, ordered = asyncio.Event(), asyncio.Event()
    _listen_to_signals(stop, ordered)

    def leave() -> None:
        """Hand over. The watchdog ends with the parts, and nobody waits for this end."""
        stop.set()
        end_within(HAND_OVER_WITHIN_S, STATUS)

    milestones = Milestones(_launched())
    paths = Paths.of(flags)
    paths.make_folders()
    device_file = DeviceFile.load(
        paths.device_file, paths.device_backup, writes=seat.role is not Role.CANDIDATE
    )
    folders = Folders(paths.apps_dir, flags.compressed_build_extension)
    async with open_world(flags, paths) as world:
        _log.info(
            "the agent starts",
            version=stamp.VERSION,
            arch=stamp.ARCH,
            commit=stamp.COMMIT[:12],
            updates=stamp.trust(),
            **versions(),
        )
        agent = build(
            world,
            device_file,
            folders,
            milestones,
            flags=flags,
            seat=seat,
            leave=leave,
            agent_log=str(paths.log_file or ""),
        )
        succession = agent.succession
        try:
            async with (
                profiling(flags),
                orders(flags, agent),
                host_logs(flags, seat, world),
            ):
                await agent.run(stop)
        except Unwelcome as error:
            log.milestone(str(error))
            _log.error("the platform refuses this device", error=error, slug=error.slug)
            succession.proof.refused()
            await succession.stopping()
            return 1
    # Whoever stops us while we hand over wants nothing of us any more.
    return None if succession.hand_over.taken and not ordered.is_set() else 0


def profiling(flags: Flags) -> AbstractAsyncContextManager[object]:
    """The loopback page, where it was asked for; the module is not even loaded where not."""
    if not flags.profiling:
        return nullcontext()
    from reagent.adapters.profiling import serve_profiling  # noqa: PLC0415

    return serve_profiling(flags.profiling_port)


def orders(flags: Flags, agent: Agent) -> AbstractAsyncContextManager[object]:
    """Where commands beside the agent reach it."""
    from reagent.adapters.ordering import places, taking_orders  # noqa: PLC0415 - after the start

    return taking_orders(places(flags.agent_dir), agent.desk)


def host_logs(flags: Flags, seat: Seat, world: World) -> AbstractAsyncContextManager[object]:
    """On a device, what keeps its host's logs bounded; a version on trial leaves the host alone."""
    if sys.platform != "linux" or seat.role is Role.CANDIDATE:
        return nullcontext()
    from reagent.device.retention import bounded_logs, is_device  # noqa: PLC0415 - on devices alone

    return bounded_logs(world.outside.processes) if is_device(flags.agent_dir) else nullcontext()


def _listen_to_signals(stop: asyncio.Event, ordered: asyncio.Event) -> None:
    """SIGTERM and SIGINT ask for a stop; what is not over in time then is over all the same.

    The first one is enough. Those that follow are ignored to the very end: with the loop they would
    get back what they do by default, and end the process otherwise than in order.
    """
    loop = asyncio.get_running_loop()

    def ask() -> None:
        if ordered.is_set():
            return
        for each in STOPS:
            if sys.platform != "win32":
                loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_IGN)
        ordered.set()
        stop.set()
        end_within(STOP_WITHIN_S, 0)

    for each in STOPS:
        if sys.platform == "win32":  # its loop has no handlers
            signal.signal(each, lambda _number, _frame: loop.call_soon_threadsafe(ask))
        else:
            loop.add_signal_handler(each, ask)


def end_within(seconds: float, status: int) -> None:
    """The last resort of a process that leaves: a disk that hangs must not keep it for ever."""
    last_resort = threading.Timer(seconds, os._exit, (status,))
    last_resort.daemon = True
    last_resort.start()


def _launched() -> float:
    """When this process was started, on the monotonic clock; now where /proc does not say."""
    clock = SystemClock()
    now = clock.monotonic()
    if sys.platform == "win32":
        return now
    try:
        again = os.environ.pop("REAGENT_LAUNCHED", "")
        if again:
            return float(again)
        with open("/proc/self/stat", encoding="ascii") as file:  # noqa: PTH123 - one line of /proc
            started = int(file.read().rpartition(")")[2].split()[19])
        with open("/proc/uptime", encoding="ascii") as file:  # noqa: PTH123
            uptime = float(file.read().split()[0])
        return now - (uptime - started / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError):
        return now
