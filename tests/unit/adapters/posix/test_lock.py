"""reagent.adapters.posix.lock: docs/contract/system.md 2.6, and who may keep a device offline."""

import fcntl
import os
import stat
from pathlib import Path

import pytest

from reagent import log
from reagent.adapters.posix.lock import AlreadyRunning, only_agent


@pytest.fixture
def run_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "run" / "reagent"
    monkeypatch.setenv("REAGENT_RUN_DIR", str(folder))
    return folder


def unused(tmp_path: Path) -> str:
    return str(tmp_path / "not-there")


def test_a_second_agent_is_told_to_stop_the_first(tmp_path: Path, run_dir: Path) -> None:
    with (
        only_agent(unused(tmp_path)),
        pytest.raises(AlreadyRunning, match=rf"already running .*process {os.getpid()}.*stop"),
        only_agent(unused(tmp_path)),
    ):
        pytest.fail("two agents run")


def test_the_lock_ends_with_its_owner(tmp_path: Path, run_dir: Path) -> None:
    with only_agent(unused(tmp_path)):
        pass

    with only_agent(unused(tmp_path)):
        pass


def test_the_folder_of_the_lock_is_private_and_stays_empty(tmp_path: Path, run_dir: Path) -> None:
    with only_agent(unused(tmp_path)):
        assert stat.S_IMODE(run_dir.stat().st_mode) == 0o700
        assert list(run_dir.iterdir()) == []

    assert not (tmp_path / "not-there").exists()


def test_no_child_inherits_a_lock(tmp_path: Path, run_dir: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - descriptors, not files

    with only_agent(unused(tmp_path)):
        added = [int(name) for name in os.listdir("/proc/self/fd") if name not in before]  # noqa: PTH208
        inherited = [number for number in added if _is_inheritable(number)]

    assert inherited == []


def _is_inheritable(descriptor: int) -> bool:
    try:
        return os.get_inheritable(descriptor)
    except OSError:
        return False  # the one that listed the folder


def test_a_chosen_folder_leaves_the_references_lock_alone(tmp_path: Path, run_dir: Path) -> None:
    reference = tmp_path / "reference.lock"

    with only_agent(unused(tmp_path), str(reference)):
        assert not reference.exists()


def test_where_nothing_can_be_locked_it_is_said_and_the_agent_goes_on(
    tmp_path: Path, run_dir: Path, said: list[log.Entry]
) -> None:
    run_dir.parent.mkdir()
    run_dir.write_text("a file in its place")

    with only_agent(unused(tmp_path)):
        pass

    assert [entry.message for entry in said] == ["nothing keeps a second agent from starting"]


class Reference:
    """The reference agent: locks a file that it opened for reading."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
        fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def stop(self) -> None:
        os.close(self.descriptor)


@pytest.fixture
def unchosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """No folder chosen, and /run/reagent replaced by one of the test; the reference's lock's path."""
    monkeypatch.delenv("REAGENT_RUN_DIR", raising=False)
    monkeypatch.setattr("reagent.adapters.posix.lock.RUN_DIR", str(tmp_path / "run"))
    return str(tmp_path / "reference.lock")


def test_a_running_reference_is_honoured_and_sees_us(tmp_path: Path, unchosen: str) -> None:
    reference = Reference(Path(unchosen))
    with (
        pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"),
        only_agent(unused(tmp_path), unchosen),
    ):
        pytest.fail("it runs beside the reference")
    reference.stop()

    with only_agent(unused(tmp_path), unchosen), pytest.raises(BlockingIOError):
        Reference(Path(unchosen))


def test_the_references_lock_is_made_as_the_reference_makes_it(
    tmp_path: Path, unchosen: str
) -> None:
    before = os.umask(0o022)
    try:
        with only_agent(unused(tmp_path), unchosen):
            found = Path(unchosen).stat()
    finally:
        os.umask(before)

    assert stat.S_IMODE(found.st_mode) == 0o644
    assert found.st_size == 0


@pytest.mark.parametrize("kind", ["dangling link", "link", "pipe", "folder"])
def test_whatever_was_planted_there_is_ignored_and_left_alone(
    tmp_path: Path, unchosen: str, kind: str
) -> None:
    planted, victim = Path(unchosen), tmp_path / "victim"
    if kind == "dangling link":
        planted.symlink_to(victim)
    elif kind == "link":
        victim.write_text("precious")
        planted.symlink_to(victim)
    elif kind == "pipe":
        os.mkfifo(planted)
    else:
        planted.mkdir()

    with only_agent(unused(tmp_path), unchosen):
        pass

    assert os.path.lexists(planted)
    assert not victim.exists() or victim.read_text() == "precious"


def test_without_a_run_folder_the_agent_directory_is_locked(
    tmp_path: Path, unchosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").write_text("a file in its place")
    agent_dir = str(tmp_path / "agent")

    with (
        only_agent(agent_dir, unchosen + "1"),
        pytest.raises(AlreadyRunning),
        only_agent(agent_dir, unchosen + "2"),
    ):
        pytest.fail("two agents run")

    assert Path(agent_dir).stat().st_mode & 0o777 == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_stranger_who_holds_the_references_lock_keeps_nobody_offline(
    tmp_path: Path, unchosen: str
) -> None:
    reference = Path(unchosen)
    reference.touch(0o644)
    ready_read, ready_write = os.pipe()
    end_read, end_write = os.pipe()
    stranger = os.fork()
    if stranger == 0:
        try:
            descriptor = os.open(reference, os.O_RDONLY)
            os.setuid(65534)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.write(ready_write, b"x")
            os.close(end_write)
            os.read(end_read, 1)
        finally:
            os._exit(0)
    try:
        os.read(ready_read, 1)

        with only_agent(unused(tmp_path), unchosen):
            pass
    finally:
        for descriptor in (ready_read, ready_write, end_read, end_write):
            os.close(descriptor)
        os.waitpid(stranger, 0)
