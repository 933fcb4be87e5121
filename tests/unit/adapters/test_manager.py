"""adapters.manager: a note reaches the service manager."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from reagent.adapters.manager import READY, note


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
