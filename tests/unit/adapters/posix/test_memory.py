"""What the kernel says about this process."""

from __future__ import annotations

from reagent.adapters.posix.memory import ProcessMemory


def test_what_is_resident_grows_with_what_is_touched() -> None:
    memory = ProcessMemory()

    before = memory.resident()
    taken = bytearray(b"x") * (32 * 1024 * 1024)
    after = memory.resident()

    assert before > 0
    assert after - before >= len(taken) // 2


def test_a_source_tree_gives_nothing_back_and_says_nothing() -> None:
    memory = ProcessMemory()

    memory.give_back()

    assert memory.resident() > 0
