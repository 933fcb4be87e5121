"""commands.windows: `reagent service` on Windows (docs/contract/system.md 5.4 and 10.8)."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reagent.commands.windows import imagepath, plan, repair
from reagent.commands.windows.order import Order, parse
from reagent.commands.windows.verbs import Verbs
from reagent.settings.goflag import HelpWanted, UsageError

DATA = {"PROGRAMDATA": "C:\\ProgramData"}
FOLDER = "C:\\ProgramData\\IronFlock\\Reagent"


# --- flags


def test_what_is_not_said_lies_below_program_data() -> None:
    assert parse(["-config", "d.flock"], DATA) == Order(
        config="d.flock", agent_dir=FOLDER, apps_dir=f"{FOLDER}\\apps", proxy="", start=True,
        chosen=False,
    )  # fmt: skip


def test_what_is_said_counts() -> None:
    words = ["-config=d", "-agentDir=D:\\a b\\", "-appsDir", "E:\\apps", "--proxy", "http://p:1"]

    assert parse(words, {}) == Order(
        config="d", agent_dir="D:\\a b", apps_dir="E:\\apps", proxy="http://p:1", start=True,
        chosen=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "starts"),
    [([], True), (["-start"], True), (["-noStart"], False), (["-start", "-noStart"], False),
     (["-noStart", "-start"], False), (["-noStart=false"], True)],
)  # fmt: skip
def test_start_changes_nothing_and_no_start_wins(words: list[str], *, starts: bool) -> None:
    assert parse(["-config", "d", *words], DATA).start is starts


@pytest.mark.parametrize(
    ("words", "environment", "why"),
    [
        (["-config", "d", "-nonsense"], DATA, "flag provided but not defined: -nonsense"),
        ([], DATA, "-config is required"),
        (["-config", ""], DATA, "-config is required"),
        (["-config", "d"], {}, "%ProgramData% is not set"),
        (["-config", "d", "more"], DATA, "nothing is known of 'more'"),
        (["-config"], DATA, "flag needs an argument"),
    ],
)
def test_what_cannot_be_read_is_said(
    words: list[str], environment: dict[str, str], why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        parse(words, environment)


def test_help_is_help() -> None:
    with pytest.raises(HelpWanted):
        parse(["-h"], DATA)


# --- texts


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ('"C:\\Program Files\\a\\reagent.exe" -config "x y"', "C:\\Program Files\\a\\reagent.exe"),
        ('"C:\\a.exe"', "C:\\a.exe"),
        ("C:\\Program Files\\a.exe -config x", "C:\\Program Files\\a.exe"),
        ("C:\\a b.EXE", "C:\\a b.EXE"),
        ("C:\\a -config x", "C:\\a"),
        ('"C:\\never closed', ""),
        ("  ", ""),
        ("", ""),
    ],
)
def test_a_command_line_names_its_program(command: str, path: str) -> None:
    assert imagepath.program(command) == path


def test_what_the_service_runs_is_found_again() -> None:
    order = parse(["-config", "d", "-agentDir", "D:\\a b"], {})

    assert imagepath.program(plan.command(order)) == "D:\\a b\\reagent.exe"
    assert '"-agentDir=D:\\a b"' in plan.command(order)


def test_the_repair_has_lines_of_windows_and_both_ways_back() -> None:
    text = repair.text("reagent")

    assert text.count(b"\r\n") == text.count(b"\n") == text.count(b"\r") > 5
    assert b"reagent-prev.exe" in text
    assert b'"reagent-v*.exe"' in text
    assert text.index(b"reagent-prev.exe") < text.index(b"reagent-v*.exe") < text.index(b"sc start")


# --- what is done


@dataclass
class Machine:
    """A service manager, programs, and a person."""

    folder: Path
    services: dict[str, str] = field(default_factory=dict)
    commands: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    complained: list[str] = field(default_factory=list)
    fails: set[str] = field(default_factory=set)
    is_admin: bool = True
    starts: str = "running"

    def _do(self, what: str) -> None:
        if what.split(maxsplit=1)[0] in self.fails:
            raise OSError(errno.EPERM, f"{what.split(maxsplit=1)[0]} is refused")
        self.log.append(what)

    def elevated(self) -> bool:
        return self.is_admin

    def create(self, name: str, display: str, command: str) -> None:
        self._do(f"create {display}")
        self.services[name], self.commands[name] = "stopped", command

    def recover(self, _name: str, after: tuple[int, ...], reset: int) -> None:
        self._do(f"recover {after} {reset}")

    def surround(self, _name: str, variables: tuple[str, ...]) -> None:
        self._do(f"surround {' '.join(variables)}")

    def start(self, name: str) -> None:
        self._do("start")
        self.services[name] = self.starts

    def stop(self, name: str) -> None:
        self._do("stop")
        self.services[name] = "stopped"

    def delete(self, name: str) -> None:
        self._do("delete")
        del self.services[name]

    def state(self, name: str) -> str:
        return self.services.get(name, "")

    def command(self, name: str) -> str:
        return self.commands[name]

    def run(self, words: tuple[str, ...]) -> tuple[int, str]:
        if words[0] in self.fails:
            return 5, "some words\nAccess is denied.\n"
        self.log.append(" ".join(words[:2]))
        return 0, ""

    def obey(self, *words: str) -> int:
        verbs = Verbs(
            self, run=self.run, say=self.said.append, complain=self.complained.append,
            executable=str(self.folder / "download.exe"), users=self.folder / "Users",
            environment={"PROGRAMDATA": str(self.folder / "data")}, sleep=lambda _: None,
        )  # fmt: skip
        return verbs.obey(list(words))

    def install(self, *words: str) -> int:
        config = str(self.folder / "bought.flock")
        return self.obey("install", "-config", config, "-agentDir", self.agent_dir, *words)

    @property
    def agent_dir(self) -> str:
        return str(self.folder / "agent")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.chdir(tmp_path)  # paths of Windows are names of files here
    (tmp_path / "download.exe").write_bytes(b"MZ")
    (tmp_path / "bought.flock").write_bytes(b"{}")
    (tmp_path / "agent").mkdir()
    return Machine(tmp_path)


def test_an_installation_is_said_first_and_then_done(machine: Machine) -> None:
    status = machine.install("-proxy", "http://u:secret@p:1")

    assert (status, machine.complained) == (0, [])
    assert machine.log == [
        f"icacls {machine.agent_dir}", f"icacls {machine.agent_dir}\\apps",
        "create IronFlock Device Agent", "recover (5, 30, 120) 86400", "reg add", "reg add",
        "schtasks /Create",
        ("surround HTTP_PROXY=http://u:secret@p:1 HTTPS_PROXY=http://u:secret@p:1"
        " NO_PROXY=localhost,127.0.0.1"),
        "start",
    ]  # fmt: skip
    assert machine.services == {"reagent": "running"}
    assert Path(f"{machine.agent_dir}\\reagent.exe").read_bytes() == b"MZ"
    assert Path(f"{machine.agent_dir}\\device.flock").read_bytes() == b"{}"
    assert Path(f"{machine.agent_dir}\\repair.cmd").read_bytes() == repair.text("reagent")
    assert machine.said[-1] == "installed"
    assert "secret" not in " ".join(machine.said)


def test_without_a_start_nothing_runs(machine: Machine) -> None:
    assert machine.install("-noStart") == 0
    assert machine.services == {"reagent": "stopped"}


@pytest.mark.parametrize("what", ["recover", "reg", "schtasks"])
def test_what_comes_after_the_service_is_a_warning(machine: Machine, what: str) -> None:
    machine.fails = {what}

    assert machine.install() == 0
    assert machine.services == {"reagent": "running"}
    assert all(each.startswith("warning: ") for each in machine.complained)
    assert machine.complained


@pytest.mark.parametrize("what", ["icacls", "create", "surround", "start"])
def test_what_must_be_is_a_failure(machine: Machine, what: str) -> None:
    machine.fails = {what}

    assert machine.install("-proxy", "http://p") == 1
    assert len(machine.complained) == 1
    assert "installed" not in machine.said


def test_a_service_that_does_not_come_up_in_time_is_a_failure(machine: Machine) -> None:
    machine.starts = "starting"

    assert machine.install() == 1
    assert machine.complained == ["start reagent: it is starting after 30 s, not running"]


def test_an_agent_of_a_console_is_not_shut_out_by_accident(machine: Machine) -> None:
    database = machine.folder / "Users/ann/reagent/reagent.db"
    database.parent.mkdir(parents=True)
    database.write_bytes(b"")
    config = str(machine.folder / "bought.flock")

    assert machine.obey("install", "-config", config) == 1
    assert str(database) in machine.complained[0]
    assert machine.services == {}
    assert machine.install() == 0


def test_what_is_installed_is_not_installed_again(machine: Machine) -> None:
    machine.install()

    assert machine.install() == 1
    assert "installed already" in machine.complained[0]


def test_a_device_file_that_is_not_there_is_said_before_anything_is_done(machine: Machine) -> None:
    assert machine.obey("install", "-config", "nowhere.flock") == 1
    assert machine.complained == ["nowhere.flock: there is no such device file"]
    assert machine.log == []


def test_start_stop_status_and_uninstall(machine: Machine) -> None:
    machine.install("-noStart")
    seen = [machine.obey(verb) for verb in ("status", "start", "status", "stop", "status")]

    assert seen == [1, 0, 0, 0, 1]
    assert f"runs        {machine.agent_dir}\\reagent.exe" in machine.said
    assert machine.obey("uninstall") == 0
    assert machine.services == {}
    assert Path(f"{machine.agent_dir}\\device.flock").exists()
    assert [machine.obey(verb) for verb in ("uninstall", "start", "stop", "status")] == [1] * 4


@pytest.mark.parametrize("words", [(), ("restart",), ("start", "now"), ("install", "-nonsense")])
def test_what_cannot_be_read_ends_with_two(machine: Machine, words: tuple[str, ...]) -> None:
    assert machine.obey(*words) == 2
    assert machine.log == []


def test_who_is_no_administrator_is_told_so(machine: Machine) -> None:
    machine.is_admin = False

    assert [machine.obey(verb) for verb in ("start", "uninstall")] == [1, 1]
    assert machine.complained[0].startswith("services are the administrators'")


def test_help_is_no_failure(machine: Machine) -> None:
    assert machine.obey("install", "-help") == 0
    assert "-noStart" in machine.said[0]
