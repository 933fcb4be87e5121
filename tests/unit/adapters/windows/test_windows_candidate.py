"""adapters.windows.candidate: real processes, scripts that stand for versions, and no jobs here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from reagent.adapters.posix.processes import Session
from reagent.adapters.windows import candidate as windows
from reagent.adapters.windows.candidate import Candidate, Signals
from reagent.updates.parent import Heard

WITHIN_S = 30.0


@pytest.fixture
def signals() -> Iterator[Signals]:
    with Signals() as heard:
        yield heard


def child(
    tmp_path: Path, signals: Signals, text: str, role: Mapping[str, str] | None = None
) -> Candidate:
    path = tmp_path / "reagent-v1.5.0.exe"
    path.write_text(f"#!{sys.executable} -S\nimport os, sys, time\n{text}\n")
    path.chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "REAGENT_SERVICE": "reagent.exe"}
    return Candidate(
        str(path), ["reagent.exe", "-config", "x y"], environment, signals,
        role={"REAGENT_TRIAL": "1"} if role is None else role, group=Session(),
    )  # fmt: skip


def everything(running: Candidate, until: str = "") -> tuple[list[str], Heard]:
    lines: list[str] = []
    end = time.monotonic() + WITHIN_S
    while time.monotonic() < end:
        heard = running.hear(1.0)
        lines += heard.lines
        if heard.status is not None or heard.stop or (until and until in lines):
            return lines, heard
    raise AssertionError(f"only {lines}")


def test_what_a_candidate_says_is_heard_with_its_end(tmp_path: Path, signals: Signals) -> None:
    text = "print('alive'); print(*sys.argv[1:], sep='|'); sys.exit(3)"
    running = child(tmp_path, signals, text)

    lines, heard = everything(running)
    while heard.status is None:
        heard = running.hear(1.0)
    running.kill()

    assert lines == ["alive", "-config|x y"]
    assert heard.status == 3


def test_it_is_told_what_it_is_and_nothing_that_its_parent_was_told(
    tmp_path: Path, signals: Signals
) -> None:
    text = "print({name: os.environ.get(name) for name in ('REAGENT_TRIAL', 'REAGENT_SERVICE')})"

    said = []
    for role in (None, {"REAGENT_SERVICE": "a.exe"}):
        running = child(tmp_path, signals, text, role)
        said.append(everything(running)[0])
        running.kill()

    on_trial, as_agent = said
    assert on_trial == ["{'REAGENT_TRIAL': '1', 'REAGENT_SERVICE': None}"]
    assert as_agent == ["{'REAGENT_TRIAL': None, 'REAGENT_SERVICE': 'a.exe'}"]


def test_one_that_is_asked_to_end_does_so_by_itself(tmp_path: Path, signals: Signals) -> None:
    text = (
        "print('alive', flush=True); said = os.read(0, 64)\n"
        f"open({str(tmp_path / 'said')!r}, 'wb').write(said)"
    )
    running = child(tmp_path, signals, text)
    everything(running, "alive")

    running.end(WITHIN_S)

    assert (tmp_path / "said").read_bytes() == b"stop\n"
    assert running.hear(0.0).status == 0


def test_one_that_does_not_listen_is_ended(tmp_path: Path, signals: Signals) -> None:
    running = child(tmp_path, signals, "print('alive', flush=True); time.sleep(600)")
    everything(running, "alive")

    running.end(0.05)

    assert running.hear(0.0).status == -signal.SIGKILL


def test_an_order_to_stop_is_heard_at_once(tmp_path: Path, signals: Signals) -> None:
    running = child(tmp_path, signals, "print('alive', flush=True); time.sleep(600)")
    everything(running, "alive")

    signal.raise_signal(signal.SIGTERM)
    heard = running.hear(600.0)
    running.kill()

    assert heard.stop
    assert signals.wait(600.0)


def test_without_an_order_a_wait_lasts(signals: Signals) -> None:
    assert not signals.wait(0.01)


def test_a_file_that_is_no_program_cannot_be_started(tmp_path: Path, signals: Signals) -> None:
    (tmp_path / "saved-page.exe").write_bytes(b"<html>404")
    (tmp_path / "saved-page.exe").chmod(0o755)

    with pytest.raises(OSError, match="Exec format error"):
        Candidate(str(tmp_path / "saved-page.exe"), ["x"], {}, signals, group=Session())


# --- in the version below


def below(text: str, *, trial: bool = True) -> subprocess.Popen[bytes]:
    """A process in which the adapter's other end runs."""
    told = {"REAGENT_TRIAL": "1"} if trial else {}
    head = "import os, signal, sys, time\nfrom reagent.adapters.windows.candidate import adopted\n"
    return subprocess.Popen(
        [sys.executable, "-c", head + text], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, **told},
    )  # fmt: skip


def test_a_version_on_trial_speaks_to_its_parent_alone() -> None:
    text = (
        "parent = adopted()\nprint('for nobody', flush=True)\n"
        "parent.tell('alive'); parent.tell(str('REAGENT_TRIAL' in os.environ))"
    )
    with below(text) as running:
        assert running.stdout is not None
        said = running.stdout.read()

    assert said == b"alive\nFalse\n"


@pytest.mark.parametrize("order", [b"stop\n", b"stop\r\n", b""])
def test_an_order_or_the_end_of_its_parent_is_a_stop(order: bytes) -> None:
    text = (
        "signal.signal(signal.SIGTERM, lambda *_: (parent.tell('stopped'), os._exit(0)))\n"
        "parent = adopted(); parent.tell('alive')\n"
        "while True: time.sleep(0.05)"
    )
    with below(text) as running:
        assert running.stdout is not None
        assert running.stdin is not None
        alive = running.stdout.readline()
        running.stdin.write(order)
        running.stdin.flush()
        if not order:
            running.stdin.close()
            running.stdin = None
        said = running.stdout.read()

    assert (alive, said, running.returncode) == (b"alive\n", b"stopped\n", 0)


def test_whom_nobody_tries_speaks_to_nobody() -> None:
    with below("print(adopted())", trial=False) as running:
        said, _ = running.communicate(timeout=WITHIN_S)

    assert said == b"None\n"


# --- questions


def test_a_program_answers_what_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "_own_group", Session)
    path = tmp_path / "program"
    path.write_text("#!/bin/sh\necho ready $1; exec cat")
    path.chmod(0o755)

    assert windows.ask(("x", "launch-check"), str(path), b" ok", WITHIN_S) == (
        "ready launch-check\n ok"
    )


@pytest.mark.parametrize("text", ["echo ready; exit 1", "echo ready; exec sleep 600"])
def test_a_program_that_fails_or_hangs_answers_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(windows, "_own_group", Session)
    path = tmp_path / "program"
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)

    assert windows.ask(("x",), str(path), b"", 0.5) == ""
    assert windows.ask(("x",), str(tmp_path / "none"), b"", 0.5) == ""
