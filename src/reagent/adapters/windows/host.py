"""A Windows host: what `windows.kernel` counts, in the words that the platform knows."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reagent.adapters.figures import Figures
from reagent.adapters.net import local
from reagent.contracts.host import Address
from reagent.model.device import Stats


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a host is asked: see `windows.kernel` and `windows.interfaces`."""

    memory: Callable[[], tuple[int, int]]
    times: Callable[[], tuple[int, int]]
    addresses: Callable[[], Sequence[Address]]
    version: tuple[int, int, int]
    drive: str
    """Where the system lies, such as `C:\\`."""

    @classmethod
    def here(cls) -> Machine:
        """This one; on Windows alone."""
        if sys.platform == "win32":
            from reagent.adapters.windows import interfaces, kernel  # noqa: PLC0415

            found = sys.getwindowsversion()
            return cls(
                memory=kernel.memory,
                times=kernel.times,
                addresses=interfaces.addresses,
                version=(found.major, found.minor, found.build),
                drive=os.environ.get("SYSTEMDRIVE", "C:") + os.sep,
            )
        raise OSError("this is not Windows")


class WindowsHost:
    """Implements `contracts.host.Host`."""

    def __init__(self, machine: Machine | None = None) -> None:
        self._machine = Machine.here() if machine is None else machine
        self._ticks = (0, 0)
        self._figures = Figures(self._read_stats)

    async def stats(self) -> Stats:
        """See the contract."""
        return await self._figures.latest()

    def addresses(self) -> Sequence[Address]:
        """See the contract."""
        try:
            return self._machine.addresses()
        except OSError:
            return ()

    def primary_ipv4(self) -> str:
        """See the contract."""
        return local.outgoing_ipv4() or local.lan_address(self.addresses())

    def description(self) -> str:
        """See the contract: `windows 10.0.19045 10.0.19045`; version and kernel are one here."""
        version = ".".join(map(str, self._machine.version))
        return f"windows {version} {version}"

    def has_gpu(self) -> bool:
        """See the contract; the engine's own settings decide here."""
        return False

    def exists(self, path: str) -> bool:
        """See the contract."""
        return os.path.exists(path)  # noqa: PTH110 - it never raises

    def port_free(self, port: int, protocol: str) -> bool:
        """See the contract."""
        return local.port_free(port, protocol)

    def _read_stats(self) -> Stats:
        total, available = self._machine.memory()
        try:
            space = shutil.disk_usage(self._machine.drive)
            storage = (space.total, space.used, space.free)
        except OSError:
            storage = (0, 0, 0)
        return Stats(
            cpu_count=os.cpu_count() or 0,
            cpu_usage=self._cpu_usage(),
            memory_total=total,
            memory_used=max(total - available, 0),
            memory_available=available,
            storage_total=storage[0],
            storage_used=storage[1],
            storage_free=storage[2],
            docker_apps_total=storage[0],
            docker_apps_used=storage[1],
            docker_apps_free=storage[2],
            docker_apps_mounted=False,
        )

    def _cpu_usage(self) -> float:
        """Percent of all CPUs that was spent working since the previous call."""
        before, self._ticks = self._ticks, self._machine.times()
        total, idle = (now - then for now, then in zip(self._ticks, before, strict=True))
        if not before[0] or total <= 0:
            return 0.0
        return round(min(max(100.0 * (total - idle) / total, 0.0), 100.0), 2)
