"""adapters.posix.candidate: real processes under a real parent, scripts that stand for versions."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reagent.adapters.posix.candidate import Candidate, Signals, ask
from reagent.updates.parent import Heard

ENVIRONMENT = {"PATH": os.environ["PATH"]}


@pytest.fixture
def signals() -> Iterator[Signals]:
    with Signals() as heard:
        yield heard


def script(tmp_path: Path, text: str, interpreter: str = "/bin/bash") -> str:
    path = tmp_path / "reagent-v1.5.0"
    path.write_text(f"#!{interpreter}\n{text}\n")
    path.chmod(0o755)
    return str(path)


def candidate(
    tmp_path: Path, signals: Signals, text: str, interpreter: str = "/bin/bash"
) -> Candidate:
    path = script(tmp_path, text, interpreter)
    return Candidate(path, ["/opt/reagent/Reagent-active", "-config", "x y"], ENVIRONMENT, signals)


def everything(child: Candidate, until: str = "", within: float = 10.0) -> tuple[list[str], Heard]:
    lines: list[str] = []
    end = time.monotonic() + within
    while time.monotonic() < end:
        heard = child.hear(1.0)
        lines += heard.lines
        if heard.status is not None or heard.stop or (until and until in lines):
            return lines, heard
    raise AssertionError(f"only {lines}")


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def ends(pid: int, within: float = 5.0) -> bool:
    end = time.monotonic() + within
    while is_running(pid) and time.monotonic() < end:
        time.sleep(0.01)
    return not is_running(pid)


SAY = 'say() { echo "$@" >&"${REAGENT_TRIAL#*:}"; }; '


def test_what_a_candidate_says_is_heard_with_its_end(tmp_path: Path, signals: Signals) -> None:
    child = candidate(tmp_path, signals, SAY + 'say alive; say reached joined; say "$1 $2"; exit 3')

    lines, heard = everything(child)
    child.kill()

    assert lines == ["alive", "reached joined", "-config x y"]
    assert heard.status == 3


def test_it_is_told_its_parent_and_has_a_group_of_its_own(tmp_path: Path, signals: Signals) -> None:
    child = candidate(
        tmp_path,
        signals,
        SAY + "say \"${REAGENT_TRIAL%:*} $PPID $$ $(cut -d' ' -f5 /proc/$$/stat)\"",
    )

    lines, _ = everything(child)
    child.kill()

    told, parent, pid, group = lines[0].split()
    assert int(told) == int(parent) == os.getpid()
    assert int(pid) == int(group) == child.pid


def test_it_inherits_the_pipe_and_no_lock(tmp_path: Path, signals: Signals) -> None:
    lock = os.open(tmp_path, os.O_RDONLY)
    child = candidate(
        tmp_path, signals, SAY + 'say "${REAGENT_TRIAL#*:}" $(readlink /proc/$$/fd/*)'
    )

    lines, _ = everything(child)
    child.kill()
    os.close(lock)

    pipe, *targets = lines[0].split()
    assert int(pipe) > 2
    assert str(tmp_path) not in targets


@pytest.mark.parametrize(
    ("content", "number"),
    [
        (b"\x7fELF but not really", errno.ENOEXEC),
        (b"", errno.ENOEXEC),
        (b"<html>502</html>", errno.ENOEXEC),
        (b"#!/no/such/interpreter\n", errno.ENOENT),
    ],
)
def test_what_is_no_executable_is_said_so(
    tmp_path: Path, signals: Signals, content: bytes, number: int
) -> None:
    path = tmp_path / "v"
    path.write_bytes(content)
    path.chmod(0o755)

    with pytest.raises(OSError) as raised:  # noqa: PT011 - its number is what counts
        Candidate(str(path), ["x"], ENVIRONMENT, signals)

    assert raised.value.errno == number


def test_a_file_that_may_not_be_executed_is_no_fault_of_its_own(
    tmp_path: Path, signals: Signals
) -> None:
    path = tmp_path / "v"
    path.write_bytes(b"#!/bin/sh\n")

    with pytest.raises(PermissionError):
        Candidate(str(path), ["x"], ENVIRONMENT, signals)


def test_an_order_to_stop_is_heard_and_passed_on(tmp_path: Path, signals: Signals) -> None:
    child = candidate(
        tmp_path, signals, SAY + "trap 'say bye; exit 0' TERM; say up; while :; do sleep 0.05; done"
    )
    everything(child, until="up")

    os.kill(os.getpid(), signal.SIGTERM)
    _, heard = everything(child)
    child.end(5.0)

    assert heard.stop
    assert ends(child.pid)


def test_an_order_wakes_a_parent_that_waits(tmp_path: Path, signals: Signals) -> None:
    child = candidate(tmp_path, signals, "sleep 60")
    began = time.monotonic()
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()

    heard = child.hear(30.0)
    while not heard.stop and time.monotonic() - began < 10:
        heard = child.hear(30.0)
    child.kill()

    assert heard.stop
    assert time.monotonic() - began < 5


def test_a_child_that_does_not_stop_is_ended_with_its_group(
    tmp_path: Path, signals: Signals
) -> None:
    child = candidate(
        tmp_path, signals, SAY + "trap '' TERM; sleep 60 & say $!; while :; do sleep 0.05; done"
    )
    lines: list[str] = []
    while not lines:
        lines += child.hear(1.0).lines

    child.end(0.3)

    assert ends(child.pid)
    assert ends(int(lines[0]))


def test_what_a_child_leaves_behind_ends_with_it(tmp_path: Path, signals: Signals) -> None:
    child = candidate(tmp_path, signals, SAY + "sleep 60 & say $!; exit 0")

    lines, heard = everything(child)

    assert heard.status == 0
    assert ends(int(lines[0]))
    child.kill()


def test_a_child_that_closes_its_pipe_is_still_waited_for(tmp_path: Path, signals: Signals) -> None:
    child = candidate(tmp_path, signals, 'eval "exec ${REAGENT_TRIAL#*:}>&-"; sleep 0.3; exit 7')

    lines, heard = everything(child)
    child.kill()

    assert (lines, heard.status) == ([], 7)


def test_a_flood_of_words_is_no_danger(tmp_path: Path, signals: Signals) -> None:
    child = candidate(
        tmp_path,
        signals,
        SAY + "say alive; head -c 3000000 /dev/zero >&${REAGENT_TRIAL#*:}; exit 5",
    )

    _, heard = everything(child)
    child.kill()

    assert heard.status == 5


def test_signals_are_obeyed_again_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with Signals():
        assert signal.getsignal(signal.SIGTERM) is not before

    assert signal.getsignal(signal.SIGTERM) is before


def test_waiting_ends_with_an_order(signals: Signals) -> None:
    assert signals.wait(0.01) is False
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
    began = time.monotonic()

    assert signals.wait(30.0) is True
    assert time.monotonic() - began < 5


# --- asking


def test_a_question_is_answered_from_its_input(tmp_path: Path) -> None:
    path = script(tmp_path, 'read line; echo "ready $1 $line"')

    assert ask(["argv0", "launch-check"], path, b"state\n", 5.0) == "ready launch-check state\n"


@pytest.mark.parametrize("text", ["echo ready; exit 1", "sleep 30", "kill -9 $$"])
def test_no_answer_in_time_and_in_order_is_none(tmp_path: Path, text: str) -> None:
    began = time.monotonic()

    assert ask(["x"], script(tmp_path, text), b"{}", 0.5) == ""
    assert time.monotonic() - began < 5


def test_what_cannot_be_run_answers_nothing(tmp_path: Path) -> None:
    assert ask(["x"], str(tmp_path / "none"), b"", 1.0) == ""


# --- the other side


ADOPTED = """
import os, sys, time
from reagent.adapters.posix.candidate import adopted
parent = adopted()
if parent is None:
    print("nobody"); sys.exit(9)
parent.tell("reached joined")
print("REAGENT_TRIAL" in os.environ, flush=True)
parent.tell(f"pid {os.getpid()}")
time.sleep(60)
"""


def test_a_candidate_knows_its_parent_and_ends_with_it(tmp_path: Path) -> None:
    path = tmp_path / "child.py"
    path.write_text(ADOPTED)
    program = f"""
import os, sys, time
sys.path[:0] = {sys.path!r}
from reagent.adapters.posix.candidate import Candidate, Signals
with Signals() as signals:
    child = Candidate({sys.executable!r}, [{sys.executable!r}, {str(path)!r}],
                      dict(os.environ, PYTHONPATH=":".join(sys.path)), signals)
    said = []
    while len(said) < 2:
        said += child.hear(5.0).lines
    print(*said, sep=chr(10), flush=True)
    time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        said = sorted(parent.stdout.readline().strip() for _ in range(3))
        assert said[0] == "False"  # what the child starts does not see the variable
        assert said[2] == "reached joined"
        child = int(said[1].split()[1])
        assert is_running(child)

        parent.kill()
        parent.wait()

    assert ends(child)


@pytest.mark.parametrize("told", ["", "1:3", "x", "1:99999", "0:0", ":", "1:1", "1:" + "9" * 30])
def test_nobody_is_adopted_by_a_word_in_the_environment(tmp_path: Path, told: str) -> None:
    path = tmp_path / "child.py"
    path.write_text(ADOPTED)

    done = subprocess.run(
        [sys.executable, str(path)],
        env=dict(os.environ, PYTHONPATH=":".join(sys.path), REAGENT_TRIAL=told),
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )

    assert (done.returncode, done.stdout) == (9, "nobody\n")
    assert ("nobody tries this version: it is ignored" in done.stderr) == bool(told)


def test_a_candidate_whose_parent_is_gone_ends_with_a_word(tmp_path: Path) -> None:
    path = tmp_path / "child.py"
    path.write_text(ADOPTED)
    reading, writing = os.pipe()

    done = subprocess.run(
        [sys.executable, str(path)],
        env=dict(os.environ, PYTHONPATH=":".join(sys.path), REAGENT_TRIAL=f"1:{writing}"),
        pass_fds=(writing,),
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    os.close(reading)
    os.close(writing)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "process 1, which tried this version, is not its parent" in done.stderr
