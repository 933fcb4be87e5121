"""reagent.log: what a line says, when it is written, and that it never raises."""

import importlib
import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from reagent import log
from reagent.log import stdlib

_log = log.get("reagent.apps.machine")


def fail(error: Exception, cause: Exception | None = None) -> None:
    raise error from cause


@pytest.fixture(autouse=True)
def unconfigured() -> Iterator[None]:
    log.reset()
    yield
    log.reset()
    logging.getLogger().removeHandler(stdlib._bridge)


@pytest.fixture
def entries() -> list[log.Entry]:
    written: list[log.Entry] = []
    log.configure(sinks=[written.append], now=lambda: 0.0)
    return written


def line_of(entry: log.Entry) -> dict[str, object]:
    found = json.loads(entry.json())
    assert isinstance(found, dict)
    return found


def test_a_line_has_the_keys_of_the_contract_in_their_order(entries: list[log.Entry]) -> None:
    _log.info("app pulled", app="x", seconds=1.5)

    assert list(line_of(entries[0])) == ["level", "app", "seconds", "caller", "time", "message"]
    assert line_of(entries[0])["level"] == "info"
    assert line_of(entries[0])["message"] == "app pulled"


def test_the_caller_is_the_file_and_line_that_logged(entries: list[log.Entry]) -> None:
    _log.info("here")
    _log.error("and here")

    first, second = (str(line_of(entry)["caller"]).split(":") for entry in entries)
    assert first[0] == second[0] == "reagent/apps/machine.py"
    assert int(second[1]) == int(first[1]) + 1


def test_every_level_has_the_word_that_the_platform_ranks(entries: list[log.Entry]) -> None:
    _log.debug("a")
    _log.info("b")
    _log.warning("c")
    _log.error("d")
    _log.fatal("e")

    words = [line_of(entry)["level"] for entry in entries]
    assert words == ["debug", "info", "warn", "error", "fatal"]


def test_what_is_below_the_level_is_not_written() -> None:
    written: list[log.Entry] = []
    log.configure(sinks=[written.append], level=log.INFO)

    _log.debug("not this")
    _log.info("this")

    assert [entry.message for entry in written] == ["this"]


def test_a_field_never_takes_the_place_of_a_key_of_the_contract(entries: list[log.Entry]) -> None:
    _log.info("m", level=3, message="x", time=1, caller="c")

    line = line_of(entries[0])
    assert (line["level"], line["message"]) == ("info", "m")
    assert (line["level_"], line["message_"], line["time_"], line["caller_"]) == (3, "x", 1, "c")


def test_an_error_is_its_text_and_an_exception_brings_its_stack(entries: list[log.Entry]) -> None:
    try:
        fail(ValueError("outer"), OSError("inner"))
    except ValueError as error:
        _log.warning("plain", error=error)
        _log.exception("with stack")

    plain, stacked = map(line_of, entries)
    assert plain["error"] == stacked["error"] == "outer"
    assert "stack" not in plain
    assert "OSError: inner" in str(stacked["stack"])
    assert "ValueError: outer" in str(stacked["stack"])


def test_an_error_without_a_text_is_named(entries: list[log.Entry]) -> None:
    _log.error("late", error=TimeoutError())

    assert line_of(entries[0])["error"] == "TimeoutError"


class Unshowable:
    def __str__(self) -> str:
        raise RuntimeError("no")


def test_a_value_that_cannot_be_shown_never_stops_the_agent(entries: list[log.Entry]) -> None:
    _log.info("m", value=Unshowable())

    assert line_of(entries[0])["message"] == "m"
    assert line_of(entries[0])["unshown"] == "RuntimeError"


def test_every_value_makes_a_line_that_json_can_read(entries: list[log.Entry]) -> None:
    _log.info("a\nb\udc80", a=float("nan"), b=b"abc", c={1: {2}}, d=10**400, e=("x", None))

    content = entries[0].json()
    assert content.count(b"\n") == 1
    line = json.loads(content)
    assert line["a"] == "nan"
    assert line["b"] == "[3 bytes]"
    assert line["c"] == {"1": [2]}
    assert line["e"] == ["x", None]


def test_until_it_is_configured_warnings_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    _log.info("not this")
    _log.warning("this", app="x y", error=ValueError("bad"))

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == 'reagent: warn: this app="x y" error=bad\n'
    assert not log.configured()


def test_a_milestone_is_a_plain_line_on_stdout_and_not_in_the_file(
    entries: list[log.Entry], capsys: pytest.CaptureFixture[str]
) -> None:
    log.milestone("connected", after="0.5s")

    assert capsys.readouterr().out == "connected after=0.5s\n"
    assert entries == []


def test_with_a_console_a_milestone_is_an_entry_like_any_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    written: list[log.Entry] = []
    log.configure(sinks=[written.append, log.console_sink], pretty=True)

    log.milestone("connected", after="0.5s")

    assert written[0].message == "connected"
    assert written[0].caller.startswith(f"{__name__.replace('.', '/')}.py:")
    assert "connected after=0.5s" in capsys.readouterr().out


@pytest.mark.parametrize("refusal", [BrokenPipeError, ValueError])
def test_a_stream_that_takes_nothing_is_given_up_before_python_finds_out(
    monkeypatch: pytest.MonkeyPatch, refusal: type[Exception]
) -> None:
    class Deaf(io.StringIO):
        def flush(self) -> None:
            raise refusal

    monkeypatch.setattr("sys.stdout", Deaf())
    listening = io.StringIO()
    monkeypatch.setattr("sys.stderr", listening)

    log.flush_streams()

    assert sys.stdout is None
    assert sys.stderr is listening


def test_a_stdout_that_is_gone_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    log.configure(sinks=[log.console_sink], pretty=True)

    _log.info("nobody hears this")
    log.milestone("nor this")


def test_libraries_warnings_come_here_and_their_chatter_does_not(
    entries: list[log.Entry],
) -> None:
    log.bridge_stdlib()
    log.bridge_stdlib()

    logging.getLogger("urllib3").info("chatter")
    logging.getLogger("autobahn.x").debug("chatter")
    logging.getLogger("urllib3").warning("pool is %s", "full")

    assert [entry.message for entry in entries] == ["pool is full"]
    assert entries[0].fields == {"logger": "urllib3"}
    assert entries[0].level == log.WARN


def test_debug_messaging_lets_the_wamp_library_speak(entries: list[log.Entry]) -> None:
    log.bridge_stdlib(messaging=True)

    logging.getLogger("autobahn.x").debug("frame")
    logging.getLogger("urllib3").debug("chatter")
    log.bridge_stdlib()

    assert [entry.message for entry in entries] == ["frame"]
    assert entries[0].level == log.DEBUG


def test_a_library_that_breaks_its_own_record_stops_nothing(entries: list[log.Entry]) -> None:
    library = logging.Logger("library")  # noqa: LOG001 - one of its own: pytest's handler raises
    library.addHandler(stdlib._bridge)

    library.warning("%d", "no number")
    try:
        fail(OSError("gone"))
    except OSError:
        library.exception("broke")

    assert [entry.message for entry in entries] == ["%d", "broke"]
    assert entries[1].fields["error"] == "gone"
    assert "OSError: gone" in str(entries[1].fields["stack"])


def test_debug_messaging_shows_no_message_of_the_wamp_library(entries: list[log.Entry]) -> None:
    txaio = importlib.import_module("txaio")
    txaio.use_asyncio()
    library = txaio.make_logger()
    library._logger = logging.getLogger("autobahn.test")
    log.bridge_stdlib(messaging=True)

    library.trace("a message with an environment")
    library.debug("a frame")
    log.bridge_stdlib()
    txaio.set_global_log_level("info")

    assert [entry.message for entry in entries] == ["a frame"]
