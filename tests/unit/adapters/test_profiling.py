"""reagent.adapters.profiling: what the page says."""

import asyncio

from reagent.adapters.profiling import page


async def waiting(gate: asyncio.Event) -> None:
    await gate.wait()


async def test_the_page_shows_what_every_task_waits_for_and_what_memory_holds() -> None:
    gate = asyncio.Event()
    task = asyncio.create_task(waiting(gate), name="the one that waits")
    await asyncio.sleep(0)

    text = page()
    gate.set()
    await task

    assert "the one that waits\n" in text
    assert "test_profiling.py:" in text
    assert "== memory by line\nnot measured\n" in text
    assert "== collector\n" in text
    assert " objects, " in text
