"""reagent.launcher: who this process is, and a whole trial with real processes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from reagent import launcher
from reagent.adapters.posix.updatefiles import PosixFiles
from reagent.settings import stamp
from reagent.settings.flags import Flags
from reagent.updates import judge, links
from reagent.updates.ledger import Ledger
from reagent.updates.seat import Role, Seat
from reagent.updates.state import State, Trial, encode
from reagent.updates.vocabulary import WORDS

OWN, NEXT = "reagent-v1.4.0", "reagent-v1.5.0"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An agent folder as `reagent flash` makes it."""
    place = tmp_path / "agent"
    (place / "downloads").mkdir(parents=True)
    (place / OWN).write_text("#!/bin/bash\nexit 9\n")
    (place / OWN).chmod(0o755)
    for name in ("active", "previous", "latest"):
        (place / f"Reagent-{name}").symlink_to(place / OWN)
    return place


def seat(folder: Path, program: str | None = None, agent_dir: Path | None = None) -> Seat:
    flags = Flags(agent_dir=str(agent_dir or folder))
    taken = launcher.take_seat(flags, program or f"{folder}/Reagent-active", [])
    assert taken is not None
    return taken


# --- who we are


def test_a_folder_that_is_reached_by_a_link_keeps_versions_like_any_other(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "opt").symlink_to(folder)
    taken = seat(folder, f"{tmp_path}/opt/Reagent-active", tmp_path / "opt")

    taken.ledger.change(lambda state: judge.could(state, frozenset({"joined"}), 1.0))
    links.set_link(taken.files, taken.folder, "Reagent-previous", OWN)

    assert (taken.role, taken.folder) == (Role.PROVEN, f"{tmp_path}/opt")
    assert json.loads((folder / "updates.json").read_bytes())["baseline"] == {"joined": 1.0}
    assert (folder / "Reagent-previous").readlink() == tmp_path / "opt" / OWN
    assert not list(folder.glob(".*.tmp"))


def test_the_target_of_the_link_that_was_started_has_a_say(folder: Path) -> None:
    taken = seat(folder)

    assert (taken.role, taken.folder, taken.own) == (Role.PROVEN, str(folder), OWN)
    assert taken.control is None
    assert not (folder / "updates.json").exists()


def test_a_relative_path_to_the_link_is_the_link(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)

    assert seat(folder, "./Reagent-active").role is Role.PROVEN


@pytest.mark.parametrize(
    "program", ["{0}/reagent-v1.4.0", "Reagent-active", "{0}/none/Reagent-active", "/usr/bin/env"]
)
def test_whatever_else_was_started_is_a_copy(folder: Path, program: str) -> None:
    taken = seat(folder, program.format(folder))

    assert (taken.role, taken.folder, taken.own) == (Role.COPY, str(folder), "")


def test_another_agent_directory_makes_it_a_copy_that_stages_there(
    folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()

    taken = seat(folder, agent_dir=other)

    assert (taken.role, taken.folder) == (Role.COPY, str(other))


def test_a_link_that_is_a_file_leads_nowhere_or_leads_out_gives_no_say(
    folder: Path, tmp_path: Path
) -> None:
    active = folder / "Reagent-active"
    outside = tmp_path / OWN
    outside.write_text("x")
    for make in (
        lambda: active.write_text("x"),
        lambda: active.symlink_to(folder / "gone"),
        lambda: active.symlink_to(outside),
    ):
        active.unlink()
        make()

        assert seat(folder).role is Role.COPY


def test_a_folder_by_another_name_is_the_same_folder(folder: Path, tmp_path: Path) -> None:
    by_another_name = tmp_path / "opt"
    by_another_name.symlink_to(folder)

    taken = seat(folder, f"{by_another_name}/Reagent-active")

    assert (taken.role, taken.own) == (Role.PROVEN, OWN)


def test_links_that_are_missing_are_there_after_a_start(folder: Path) -> None:
    (folder / "Reagent-previous").unlink()
    (folder / "Reagent-latest").unlink()

    seat(folder)

    for name in ("previous", "latest"):
        assert (folder / f"Reagent-{name}").readlink() == folder / OWN


def test_rules_that_break_do_not_keep_the_agent_from_starting(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "Reagent-latest").unlink()
    monkeypatch.setattr("reagent.updates.turn.Turn.take", lambda _: 1 // 0)

    assert seat(folder).role is Role.COPY


def test_nobody_is_a_candidate_without_a_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    assert launcher.candidate_seat(Flags()) is None
    monkeypatch.setenv("REAGENT_TRIAL", "1:99")

    assert launcher.candidate_seat(Flags()) is None
    assert "REAGENT_TRIAL" not in os.environ


# --- before a commit


@pytest.mark.parametrize(
    "content",
    [b"", b"junk", encode(State(floor="1.0.0")), encode(judge.could(State(), frozenset(WORDS), 5))],
)
def test_a_version_that_would_start_says_so(content: bytes) -> None:
    assert launcher.answer_launch_check(content) == f"ready {stamp.VERSION}"


def test_a_version_that_would_try_another_one_says_that() -> None:
    trial = Trial(file=NEXT, version="1.5.0", sha256="5" * 64, size=5)

    said = launcher.answer_launch_check(encode(State(trial=trial)))

    assert said.split()[0] == "try"


def test_a_state_that_a_pipe_brings_in_pieces_is_read_to_its_end() -> None:
    trial = Trial(file=NEXT, version="1.5.0", sha256="5" * 64, size=5)
    content = encode(State(trial=trial, other={"of another version": "x" * 200_000}))

    asked = subprocess.run(
        [sys.executable, "-m", "reagent", launcher.LAUNCH_CHECK],
        input=content,
        capture_output=True,
        timeout=60,
        check=True,
    )

    assert asked.stdout.split()[0] == b"try"


# --- a whole trial, with processes

SPEAKS = """#!/bin/bash
[ "$1" = launch-check ] && { grep -q '"committed"' && echo ready; exit; }
[ -z "$REAGENT_TRIAL" ] && { echo "$$ runs $*"; exec sleep 60; }
say() { echo "$@" >&"${REAGENT_TRIAL#*:}"; }
trap 'echo "goodbye"; exit 0' TERM
for word in joined registered called engine stored fetched staged; do say reached $word; done
say up
echo "on trial $*"
while :; do say alive; sleep 0.1; done
"""

PARENT = """
import os, sys
sys.path[:0] = {path!r}
from reagent import launcher, log
from reagent.settings.flags import Flags
log.configure(sinks=[log.stderr_sink], level=log.INFO)
seat = launcher.take_seat(Flags(agent_dir={folder!r}), {folder!r} + "/Reagent-active", ["-config", "x"])
print("seat", seat and seat.role.name, seat and seat.control, flush=True)
"""


def scheduled(folder: Path, script: str, **other: object) -> Trial:
    path = folder / NEXT
    path.write_text(script)
    path.chmod(0o755)
    os.utime(path, (1, 1))
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    trial = Trial(file=NEXT, version="1.5.0", sha256=digest, size=len(content))
    trial = replace(trial, **other)  # type: ignore[arg-type]
    Ledger(PosixFiles(), str(folder)).change(lambda state: judge.scheduled(state, trial))
    return trial


def launched(folder: Path, proof: float = 20, soak: float = 0.3) -> subprocess.Popen[str]:
    program = PARENT.format(path=sys.path, folder=str(folder))
    return subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=dict(os.environ, REAGENT_UPDATE_PROOF_S=str(proof), REAGENT_UPDATE_SOAK_S=str(soak)),
        start_new_session=True,
    )


def state_of(folder: Path) -> State:
    return Ledger(PosixFiles(), str(folder)).state


def lines(process: subprocess.Popen[str], until: str, within: float = 20) -> list[str]:
    assert process.stdout is not None
    said: list[str] = []
    end = time.monotonic() + within
    while time.monotonic() < end:
        line = process.stdout.readline().strip()
        said.append(line)
        if until in line or not line:
            return said
    raise AssertionError(said)


def close(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_a_version_that_proves_itself_takes_over_the_process(folder: Path) -> None:
    scheduled(folder, SPEAKS)
    process = launched(folder)

    said = lines(process, "runs")

    assert "on trial -config x" in said
    assert "goodbye" in said
    assert said[-1] == f"{process.pid} runs -config x"
    assert (folder / "Reagent-active").readlink() == folder / NEXT
    assert (folder / "Reagent-latest").readlink() == folder / NEXT
    assert (folder / "Reagent-previous").readlink() == folder / OWN
    state = state_of(folder)
    assert (state.trial, state.floor) == (None, "1.5.0")
    assert (folder / NEXT).stat().st_mtime > (folder / OWN).stat().st_mtime
    close(process)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("#!/bin/bash\nexit 3\n", "ended with status 3"),
        ("#!/bin/bash\nkill -9 $$\n", "ended with status -9"),
        ("#!/bin/bash\nsleep 60\n", "deadline"),
        (SPEAKS.replace("echo ready", "echo no"), "it would not start by itself"),
    ],
)
def test_a_version_that_fails_leaves_the_proven_one_to_judge_it(
    folder: Path, script: str, why: str
) -> None:
    scheduled(folder, script)
    process = launched(folder, proof=1.0)

    said = lines(process, "seat")

    assert said[-1].startswith("seat PROVEN Control(")
    assert f"why={why!r}" in said[-1]
    assert (folder / "Reagent-active").readlink() == folder / OWN
    trial = state_of(folder).trial
    assert trial is not None
    assert trial.attempt is not None
    assert trial.attempt.end == why
    close(process)


def test_a_stop_ends_the_candidate_and_gives_the_attempt_back(folder: Path) -> None:
    before = scheduled(folder, SPEAKS)
    process = launched(folder, soak=60)
    lines(process, "on trial")

    process.send_signal(signal.SIGTERM)
    said = lines(process, "seat")

    assert "goodbye" in said
    assert said[-1] == "seat None None"
    trial = state_of(folder).trial
    assert trial is not None
    assert (trial.attempt, trial.strikes, trial.sha256) == (None, 0, before.sha256)
    close(process)


def test_no_executable_is_blocked_at_once(folder: Path) -> None:
    trial = scheduled(folder, "<html>busy</html>")
    process = launched(folder)

    said = lines(process, "seat")

    assert said[-1] == "seat PROVEN None"
    assert state_of(folder).block_of(trial.sha256) is not None
    close(process)


def test_a_parent_that_is_killed_takes_its_candidate_along_and_is_followed_by_a_control_run(
    folder: Path,
) -> None:
    # The script cannot ask the kernel, as versions of ours do; it hears that nobody reads it.
    scheduled(
        folder, SPEAKS.replace("say alive;", "say alive || exit 1;").replace("say up", "say no")
    )
    process = launched(folder, soak=60)
    lines(process, "on trial")
    os.kill(process.pid, signal.SIGKILL)
    close(process)

    again = launched(folder)
    said = lines(again, "seat")

    assert "why='cut'" in said[-1]
    assert "strikes=True" in said[-1]
    close(again)


def test_a_folder_that_cannot_be_written_to_tries_nothing(folder: Path) -> None:
    if os.getuid() != 0 or shutil.which("chattr") is None:
        pytest.skip("the folder is made immutable, by root and with chattr")
    scheduled(folder, SPEAKS)
    if subprocess.run(["chattr", "+i", str(folder)], check=False, capture_output=True).returncode:
        pytest.skip("this file system knows no immutable folders")
    process = launched(folder)
    try:
        assert lines(process, "seat")[-1] == "seat PROVEN None"
    finally:
        subprocess.run(["chattr", "-i", str(folder)], check=True)
        close(process)


def test_what_is_put_is_readable_by_people(folder: Path) -> None:
    scheduled(folder, SPEAKS)

    document = json.loads((folder / "updates.json").read_bytes())

    assert document["format"] == 1
    assert document["trial"]["version"] == "1.5.0"
