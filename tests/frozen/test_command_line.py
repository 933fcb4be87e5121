"""The built executable: early exits, refusals, one agent per device (docs/contract/system.md 2)."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reagent.updates.elf import MACHINES
from sandbox.program import Program
from sandbox.reaper import children
from sandbox.under_test import patient, target

DATA = Path(__file__).parents[1] / "data"
CASES: list[dict[str, object]] = json.loads((DATA / "go_flag_cases.json").read_text("utf-8"))
UINT = (1 << 32 * MACHINES[target().stamp][1]) - 1  # Go's is a word of the machine
ENDS_WITHIN_S = patient(10.0)

Ended = tuple[int, str, str]
Ask = Callable[..., Ended]


@pytest.fixture
def ask(program: Program, tmp_path: Path) -> Ask:
    """Run the executable to its end in an empty folder: exit status, stdout, stderr."""

    def run(
        *words: str, typed: str | None = None, trial: str | None = None, **redirected: int
    ) -> Ended:
        done = subprocess.run(
            [typed or str(program.executable), *words],
            executable=program.executable,
            cwd=tmp_path,
            env={
                "REAGENT_RUN_DIR": str(tmp_path / "run"),
                **({} if trial is None else {"REAGENT_TRIAL": trial}),
            },
            pass_fds=(redirected["pipe"],) if "pipe" in redirected else (),
            stdin=subprocess.DEVNULL,
            stdout=redirected.get("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            timeout=ENDS_WITHIN_S,
            check=False,
        )
        return (
            done.returncode,
            (done.stdout or b"").decode("utf-8", "surrogateescape"),
            done.stderr.decode("utf-8", "surrogateescape"),
        )

    return run


@pytest.mark.parametrize(
    "words", [["-version"], ["--version"], ["-version=T"], ["-arch", "-version"], ["-version", "x"]]
)
def test_the_version_is_one_line_and_nothing_else_happens(
    ask: Ask, program: Program, tmp_path: Path, words: list[str]
) -> None:
    assert ask(*words) == (0, f"{program.version}\n", "")
    assert list(tmp_path.iterdir()) == []


def test_the_architecture_is_that_of_the_target(ask: Ask) -> None:
    assert ask("-arch") == (0, f"{target().stamp}\n", "")


@pytest.mark.parametrize("words", [[], ["-config", ""], ["-debug", "false", "-version"]])
def test_without_a_device_file_one_line_says_what_is_missing(
    ask: Ask, tmp_path: Path, words: list[str]
) -> None:
    status, out, err = ask(*words)

    assert (status, err) == (0, "")
    assert out.count("\n") == 1
    assert "-config" in out
    assert "-help" in out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("trial", ["", "1:1", "1:99", "x", "1:", "1:3:", "9" * 40 + ":7"])
@pytest.mark.parametrize("word", ["-version", "-arch", "-help", "launch-check"])
def test_what_somebody_left_in_the_environment_is_no_trial_and_changes_no_answer(
    ask: Ask, program: Program, word: str, trial: str
) -> None:
    # The executable that unpacks itself looks when it is to be an agent, not before.
    says = trial and not program.unpacks_itself
    warning = "reagent: REAGENT_TRIAL is set, and nobody tries this version: it is ignored\n"
    status, out, err = ask(word)

    again = ask(word, trial=trial)

    assert again == (status, out, (warning if says else "") + err)


@pytest.mark.parametrize("word", ["-version", "-arch"])
def test_a_pipe_of_somebody_who_is_not_the_parent_changes_no_answer_either(
    ask: Ask, word: str
) -> None:
    reading, writing = os.pipe()

    again = ask(word, trial=f"1:{writing}", pipe=writing)

    os.close(reading)
    os.close(writing)
    assert again == ask(word)


def test_who_is_tried_by_somebody_else_is_no_agent_and_says_so(ask: Ask, tmp_path: Path) -> None:
    reading, writing = os.pipe()

    status, out, err = ask("-config", str(tmp_path / "x.flock"), trial=f"1:{writing}", pipe=writing)

    os.close(reading)
    os.close(writing)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "process 1, which tried this version, is not its parent" in err


@pytest.mark.parametrize("typed", ["./rea gent", "Reagent-active", "/opt/reagent/Reagent-active"])
@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_shows_gos_usage_under_the_name_that_was_typed(
    ask: Ask, typed: str, word: str
) -> None:
    expected = (DATA / "go_flag_usage.txt").read_text("utf-8")

    assert ask(word, typed=typed) == (0, "", expected.replace("./rea gent", typed))


@pytest.mark.timeout(180)
def test_every_refusal_is_gos_and_every_accepted_line_asks_for_a_device_file(ask: Ask) -> None:
    for case in CASES:
        words, given = case["words"], case.get("given")
        assert isinstance(words, list)
        if "\0" in "".join(words) or (isinstance(given, dict) and given.get("config")):
            continue
        if isinstance(given, dict) and any(
            type(each) is int and each > UINT for each in given.values()
        ):
            continue  # recorded on a machine of 64 bits
        status, out, err = ask(*words)
        first, newline, rest = err.partition("\n")
        if "error" in case:
            assert (status, out, first) == (2, "", case["error"]), words
            assert rest.startswith("Usage of "), words
        elif "help" in case:
            assert (status, out) == (0, ""), words
            assert err.startswith("Usage of "), words
        else:
            assert (status, newline, out.count("\n")) == (0, "", 1), words


@pytest.mark.parametrize("words", [["service"], ["service", "install"]])
def test_a_service_without_its_manager_or_its_device_file_is_refused(
    ask: Ask, words: list[str]
) -> None:
    status, out, err = ask(*words)

    assert (status, out) == (1, "")
    assert err.count("\n") == 1


@pytest.mark.parametrize("word", ["-version", "-arch", "-help", "-nope"])
def test_a_full_stdout_changes_no_exit_status(ask: Ask, word: str) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        status, _, err = ask(word, stdout=full)
    finally:
        os.close(full)

    assert status == (2 if word == "-nope" else 0)
    assert "Traceback" not in err


class Running:
    """An agent that nothing answers, in a folder of its own."""

    def __init__(self, program: Program, folder: Path, *words: str) -> None:
        self.folder = folder
        self.output = folder / "output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [program.executable, *self.flags(folder), *words],
                env={"REAGENT_RUN_DIR": str(folder / "run")},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    @staticmethod
    def flags(folder: Path) -> list[str]:
        config = folder / "device.flock"
        if not config.exists():
            config.write_text(
                json.dumps(
                    {
                        "name": "d",
                        "secret": "secret-of-the-test",
                        "swarm_key": 1,
                        "device_key": 2,
                        "serial_number": "11111111-2222-3333-4444-555555555555",
                        "device_endpoint_url": "ws://127.0.0.1:9/ws",
                    }
                )
            )
        return [
            f"-config={config}",
            f"-agentDir={folder}/agent",
            f"-appsDir={folder}/apps",
            f"-dbFileName={folder}/agent/reagent.db",
            f"-logFile={folder}/reagent.log",
            "-update=false",
            "-offline",
        ]

    def wait_for_log(self, text: str) -> None:
        deadline = time.monotonic() + ENDS_WITHIN_S
        log = self.folder / "reagent.log"
        while time.monotonic() < deadline:
            if log.exists() and text in log.read_text("utf-8"):
                return
            assert self.process.poll() is None, self.output.read_text("utf-8")
            time.sleep(0.02)  # another process: there is nothing to await
        pytest.fail(f"{text} never came")

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(ENDS_WITHIN_S)


@pytest.fixture
def start(program: Program, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start_one(*words: str) -> Running:
        folder = tmp_path / "device"
        folder.mkdir(exist_ok=True)
        started.append(Running(program, folder, *words))
        return started[-1]

    yield start_one
    for running in started:
        running.process.kill()
        running.process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_with_a_device_file_version_is_ignored_and_a_signal_ends_the_agent(
    start: Callable[..., Running], program: Program, number: signal.Signals
) -> None:
    running = start("-version")
    running.wait_for_log('"version":true')

    status = running.end(number)

    assert status == 0
    assert running.output.read_text("utf-8") != f"{program.version}\n"


@pytest.mark.parametrize("after", [0.0, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3])
def test_a_signal_at_any_moment_ends_it_without_a_traceback(
    start: Callable[..., Running], after: float
) -> None:
    running = start()
    time.sleep(after)  # the moment is what is tested

    status = running.end(signal.SIGTERM)

    # Before its first line of Python, nothing can catch a signal.
    assert status in {0, -signal.SIGTERM}
    assert "Traceback" not in running.output.read_text("utf-8")


def test_a_second_agent_is_told_to_stop_the_first(
    start: Callable[..., Running], program: Program
) -> None:
    first = start()
    first.wait_for_log("started")

    second = subprocess.run(
        [program.executable, *Running.flags(first.folder)],
        env={"REAGENT_RUN_DIR": str(first.folder / "run")},
        capture_output=True,
        text=True,
        timeout=ENDS_WITHIN_S,
        check=False,
    )
    holders = [first.process.pid, *children(first.process.pid)]
    first.process.kill()
    first.process.wait()
    third = start()
    time.sleep(patient(0.5))  # long enough to have been refused

    assert second.returncode == 1
    # Behind a boot loader it is the process that it waits for.
    assert any(f"(process {pid})" in second.stderr for pid in holders)
    assert second.stderr.count("\n") == 1
    assert third.process.poll() is None


def test_the_log_has_the_flags_first_and_no_secret_at_all(start: Callable[..., Running]) -> None:
    running = start("-prettyLogging")
    running.wait_for_log("started")
    time.sleep(patient(0.5))  # let it say more
    running.end(signal.SIGTERM)

    lines = (running.folder / "reagent.log").read_text("utf-8").splitlines()
    first = json.loads(lines[0])
    assert first["level"] == "debug"
    assert first["flags"]["respTimeout"] == 5000
    assert list(first)[-3:] == ["caller", "time", "message"]
    assert all("secret-of-the-test" not in line for line in lines)
    assert "secret-of-the-test" not in running.output.read_text("utf-8")
    assert " DBG " in running.output.read_text("utf-8")


def test_a_log_that_cannot_be_written_does_not_stop_the_agent(
    start: Callable[..., Running],
) -> None:
    running = start("-logFile=/dev/full")
    time.sleep(patient(1.0))  # long enough to have given up

    assert running.process.poll() is None
    assert "cannot be written" in running.output.read_text("utf-8")


def test_profiling_is_a_page_for_loopback_alone(start: Callable[..., Running]) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    running = start("-profiling", f"-profilingPort={port}")
    running.wait_for_log("profiling page")

    with socket.create_connection(("127.0.0.1", port), ENDS_WITHIN_S) as page:
        page.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        text = b"".join(iter(lambda: page.recv(65536), b"")).decode()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", port), ENDS_WITHIN_S)

    assert text.startswith("HTTP/1.1 200 OK\r\n")
    assert "== tasks\n" in text
    assert running.end(signal.SIGTERM) == 0


def test_the_file_may_be_called_anything(program: Program, ask: Ask, tmp_path: Path) -> None:
    renamed = tmp_path / "whatever it is called"
    shutil.copy2(program.executable, renamed)

    done = subprocess.run(
        [renamed, "-version"], capture_output=True, text=True, timeout=ENDS_WITHIN_S, check=False
    )

    assert done.stdout == f"{program.version}\n"
