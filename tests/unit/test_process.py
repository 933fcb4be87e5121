"""reagent.process: the end of a process that somebody waits for."""

from __future__ import annotations

import subprocess
import sys

_HANGS = "from reagent.process import end_within; end_within(0.05, 75); input()"


def test_a_process_that_does_not_get_to_its_end_is_ended_with_the_status_it_was_given() -> None:
    with subprocess.Popen((sys.executable, "-c", _HANGS), stdin=subprocess.PIPE) as hanging:
        status = hanging.wait(20)

    assert status == 75
