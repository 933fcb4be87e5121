"""One agent per device, by a mutex that the kernel may give, refuse, or keep a secret."""

from __future__ import annotations

import pytest

from reagent.adapters.windows.lock import MUTEX, AlreadyRunning, NeedsElevation, held, name


def test_without_a_folder_of_its_own_it_is_the_references_mutex() -> None:
    assert name("") == MUTEX == "Global\\ironflock-reagent"


def test_agents_in_folders_of_their_own_do_not_meet() -> None:
    assert len({name(""), name("/a"), name("/b")}) == 3


def test_the_mutex_that_was_made_is_held() -> None:
    assert held(MUTEX, lambda _: (42, True)) == 42


def test_one_that_another_process_has_ends_the_start() -> None:
    with pytest.raises(AlreadyRunning, match="sc stop reagent"):
        held(MUTEX, lambda _: (0, True))


def test_who_may_not_ask_is_told_to_come_back_as_administrator() -> None:
    with pytest.raises(NeedsElevation, match="administrator"):
        held(MUTEX, lambda _: (0, False))


def test_a_kernel_without_mutexes_keeps_nobody_offline() -> None:
    def refuse(_: str) -> tuple[int, bool]:
        raise OSError("no")

    assert held(MUTEX, refuse) == 0
