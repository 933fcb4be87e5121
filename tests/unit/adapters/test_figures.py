"""adapters.figures: one reading at a time, and nobody waits for a disk that hangs."""

from __future__ import annotations

import asyncio
import threading

from reagent.adapters.figures import Figures
from reagent.model.device import Stats


async def test_a_disk_that_hangs_leaves_the_figures_of_before_and_is_asked_once() -> None:
    release = threading.Event()
    readings: list[int] = []

    def read() -> Stats:
        readings.append(len(readings) + 1)
        if len(readings) > 1:
            release.wait()
        return Stats(cpu_count=len(readings))

    figures = Figures(read, patience=0.01)
    quick = Figures(read, patience=30)
    assert (await quick.latest()).cpu_count == 1
    before = [await figures.latest() for _ in range(3)]
    asked = len(readings)
    release.set()
    while (await figures.latest()).cpu_count == 0:
        await asyncio.sleep(0)

    assert before == [Stats()] * 3
    assert asked == 2
