"""adapters.manager: a note reaches the service manager."""

from __future__ import annotations

import os
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from reagent.adapters.manager import READY, deputed, note, watched_within


def test_a_note_waits_a_moment_for_a_manager_whose_queue_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", place)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(place)
        manager.settimeout(5.0)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as others:
            others.setblocking(False)
            with suppress(BlockingIOError):
                while True:
                    others.sendto(b"ours", place)
        saying = threading.Thread(target=note, args=(READY,))
        saying.start()

        said = b"ours"
        while said == b"ours":
            said = manager.recv(100)
        saying.join()

    assert said == READY.encode()


OURS = str(os.getpid())


@pytest.mark.parametrize(
    ("environment", "within"),
    [
        ({}, 0.0),
        ({"WATCHDOG_USEC": "3000000"}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": ""}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": OURS}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "soon"}, 0.0),
        ({"WATCHDOG_USEC": "0"}, 0.0),
        ({"WATCHDOG_USEC": "-3000000"}, 0.0),
        ({"WATCHDOG_USEC": "3s"}, 0.0),
        ({"WATCHDOG_USEC": "9" * 5000}, 0.0),
        ({"WATCHDOG_PID": OURS}, 0.0),
    ],
)
def test_the_manager_says_how_often_it_wants_to_hear_of_whom(
    environment: dict[str, str], within: float
) -> None:
    assert watched_within(environment) == within


def test_an_unpacked_agent_is_watched_as_its_boot_loader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "_MEIPASS", "/tmp/unpacked", raising=False)

    assert watched_within({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getppid())}) == 3.0


def test_a_version_below_us_is_watched_in_our_stead_and_in_nobody_elses() -> None:
    rest = {"PATH": "/bin", "WATCHDOG_USEC": "3000000"}

    assert deputed(rest | {"WATCHDOG_PID": OURS}) == rest
    assert deputed(rest | {"WATCHDOG_PID": "1"}) == rest | {"WATCHDOG_PID": "1"}
