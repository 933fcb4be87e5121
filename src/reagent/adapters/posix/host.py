"""A Linux host from `/proc`, the file system and the kernel's sockets; no library, no program.

What cannot be read is zero, empty or left out: a figure is never worth a missed heartbeat.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from reagent import log
from reagent.adapters.figures import Figures
from reagent.adapters.net import local
from reagent.adapters.posix import netlink, platform
from reagent.contracts.host import Address
from reagent.model.device import Stats

_log = log.get(__name__)

_DOCKER_APPS: Final = "opt/reagent/docker-apps"


class PosixHost:
    """Implements `contracts.host.Host`.

    Args:
        root: where the system begins; `/`, but for tests.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._ticks: tuple[int, int] | None = None
        self._figures = Figures(self._read_stats)
        if sys.platform == "linux" and not self.exists("/proc/stat"):
            _log.warning("there is no /proc: figures of memory, load and start are missing")

    async def stats(self) -> Stats:
        """See the contract."""
        return await self._figures.latest()

    def addresses(self) -> Sequence[Address]:
        """See the contract."""
        try:
            return netlink.addresses()
        except OSError:
            return ()

    def primary_ipv4(self) -> str:
        """See the contract."""
        return local.outgoing_ipv4() or local.lan_address(self.addresses())

    def description(self) -> str:
        """See the contract."""
        return platform.describe(self._root)

    def has_gpu(self) -> bool:
        """See the contract. The loader's cache is what `ldconfig -p` prints."""
        return (
            self.exists("/usr/lib/nvidia")
            or b"libnvidia" in self._bytes("etc/ld.so.cache")
            or b"nvidia" in self._bytes("proc/device-tree/model").lower()
        )

    def exists(self, path: str) -> bool:
        """See the contract."""
        return os.path.exists(self._root / path.lstrip("/"))  # noqa: PTH110 - it never raises

    def port_free(self, port: int, protocol: str) -> bool:
        """See the contract."""
        return local.port_free(port, protocol)

    def _read_stats(self) -> Stats:
        memory = self._memory()
        total, free, used = self._space("")
        apps_total, apps_free, apps_used = self._space(_DOCKER_APPS)
        known = memory.get("MemTotal", 0)
        unused = ("MemFree", "Buffers", "Cached", "SReclaimable")
        return Stats(
            cpu_count=os.cpu_count() or 0,
            cpu_usage=self._cpu_usage(),
            memory_total=known,
            memory_used=max(known - sum(memory.get(name, 0) for name in unused), 0),
            memory_available=memory.get("MemAvailable", 0),
            storage_total=total,
            storage_used=used,
            storage_free=free,
            docker_apps_total=apps_total,
            docker_apps_used=apps_used,
            docker_apps_free=apps_free,
            docker_apps_mounted=apps_total not in {0, total},
        )

    def _cpu_usage(self) -> float:
        """Percent of all CPUs that was spent working since the previous call."""
        # user nice system idle iowait irq softirq steal; what follows is part of user and nice.
        words = self._bytes("proc/stat").partition(b"\n")[0].split()[1:9]
        try:
            ticks = [int(word) for word in words]
        except ValueError:
            return 0.0
        if len(ticks) < 5:
            return 0.0
        total = sum(ticks)
        now = (total, total - ticks[3] - ticks[4])
        before, self._ticks = self._ticks, now
        if before is None or now[0] <= before[0]:
            return 0.0
        usage = 100.0 * (now[1] - before[1]) / (now[0] - before[0])
        return round(min(max(usage, 0.0), 100.0), 2)

    def _memory(self) -> dict[str, int]:
        found = {}
        for line in self._bytes("proc/meminfo").decode(errors="replace").splitlines():
            name, _, rest = line.partition(":")
            words = rest.split()
            if words and words[0].isdigit():
                found[name] = int(words[0]) * 1024
        return found

    def _space(self, path: str) -> tuple[int, int, int]:
        """Total, free for everybody, and used bytes of the file system a path is on."""
        try:
            seen = os.statvfs(self._root / path)
        except OSError:
            return 0, 0, 0
        unit = seen.f_frsize
        return seen.f_blocks * unit, seen.f_bavail * unit, (seen.f_blocks - seen.f_bfree) * unit

    def _bytes(self, path: str) -> bytes:
        try:
            return (self._root / path).read_bytes()
        except OSError:
            return b""
