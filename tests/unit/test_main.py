"""reagent.__main__: the early exits of docs/contract/system.md 2.3, and what ends a start."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reagent import log
from reagent.__main__ import main
from reagent.settings import stamp
from reagent.settings.flags import usage
from reagent.updates.state import Committed, State, decode, encode


@pytest.fixture(autouse=True)
def process_as_before() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    log.reset()


Said = tuple[int, str, str]


def said(capfd: pytest.CaptureFixture[str], *words: str) -> Said:
    status = main(["./rea gent", *words])
    out, err = capfd.readouterr()
    return status, out, err


@pytest.mark.parametrize("words", [["-version"], ["--version"], ["-version=1"], ["-version", "x"]])
def test_the_version_is_one_line_on_stdout(
    capfd: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert said(capfd, *words) == (0, f"{stamp.VERSION}\n", "")


def test_the_architecture_is_one_line_on_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    assert said(capfd, "-arch") == (0, f"{stamp.ARCH}\n", "")


def test_version_and_architecture_together_are_the_version(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert said(capfd, "-arch", "-version") == (0, f"{stamp.VERSION}\n", "")


@pytest.mark.parametrize("words", [[], ["-config="], ["-version=false"], ["word", "-version"]])
def test_without_a_device_file_one_line_says_what_is_missing(
    capfd: pytest.CaptureFixture[str], words: list[str]
) -> None:
    status, out, err = said(capfd, *words)

    assert (status, err) == (0, "")
    assert out.count("\n") == 1
    assert "-config" in out
    assert "-help" in out


@pytest.mark.parametrize("word", ["-h", "--h", "-help", "--help", "-help=anything"])
def test_help_goes_to_stderr_and_is_no_failure(
    capfd: pytest.CaptureFixture[str], word: str
) -> None:
    assert said(capfd, word) == (0, "", usage("./rea gent"))


def test_a_refusal_names_the_word_and_shows_the_usage(capfd: pytest.CaptureFixture[str]) -> None:
    status, out, err = said(capfd, "-connTimeout", "abc")

    assert (status, out) == (2, "")
    assert err == ('invalid value "abc" for flag -connTimeout: parse error\n' + usage("./rea gent"))


def test_the_words_of_a_refusal_may_be_no_text(capfd: pytest.CaptureFixture[str]) -> None:
    status = main(["reagent", "-\udcff"])

    assert status == 2
    assert "flag provided but not defined" in capfd.readouterr().err


@pytest.mark.parametrize("words", [["service"], ["service", "install", "-config", "x"]])
def test_the_service_of_another_system_is_refused(
    capfd: pytest.CaptureFixture[str], words: list[str]
) -> None:
    status, out, err = said(capfd, *words)

    assert (status, out) == (1, "")
    assert err.count("\n") == 1


def test_a_start_that_fails_is_one_line_on_stderr_and_one_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REAGENT_RUN_DIR", str(tmp_path / "run"))
    config = str(tmp_path / "none.flock")
    elsewhere = [f"-agentDir={tmp_path}/a", f"-appsDir={tmp_path}/p", f"-logFile={tmp_path}/l"]

    status, out, err = said(capfd, "-config", config, *elsewhere, f"-dbFileName={tmp_path}/db")

    assert (status, out) == (1, "")
    assert err.startswith(f"reagent: the device file {config} cannot be used: it does not exist")
    assert err.count("\n") == 1
    lines = (tmp_path / "l").read_text("utf-8").splitlines()
    assert '"connTimeout":1250' in lines[0]
    assert lines[-1].startswith('{"level":"fatal",')


def test_a_device_file_that_is_gone_for_a_while_is_not_held_against_a_fresh_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REAGENT_RUN_DIR", str(tmp_path / "run"))
    own, before = tmp_path / "reagent-v1.4.0", tmp_path / "reagent-v1.3.0"
    own.write_bytes(b"x")
    before.write_bytes(b"y")
    for name, file in (("active", own), ("previous", before), ("latest", own)):
        (tmp_path / f"Reagent-{name}").symlink_to(file)
    mark = Committed(file=own.name, version="1.4.0", sha256="4" * 64, at=time.time())
    (tmp_path / "updates.json").write_bytes(encode(State(committed=mark)))
    words = ["-config", f"{tmp_path}/none.flock", f"-agentDir={tmp_path}", f"-logFile={tmp_path}/l"]
    words += [f"-appsDir={tmp_path}/p", f"-dbFileName={tmp_path}/db"]

    ends = [main([f"{tmp_path}/Reagent-active", *words]) for _ in range(6)]

    capfd.readouterr()
    state = decode((tmp_path / "updates.json").read_bytes())
    assert ends == [1] * 6
    assert (state.blocked, state.trial, dict(state.ends)) == ((), None, {})
