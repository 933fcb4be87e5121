"""reagent.device.retention: docs/contract/apps.md 8.5, Q-30."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from reagent import log
from reagent.device.retention import engine_config, is_device, put_bounds
from reagent.settings.flags import BUILT_IN_AGENT_DIR
from tests.fakes.processes import FakeProcesses

BOUNDS = {"max-size": "10m", "max-file": "3"}
BOTH = {"log-driver": "json-file", "log-opts": BOUNDS}
JOURNAL = "[Journal]\nSystemMaxUse=200M\n"
RESTART = ("systemctl", "restart", "systemd-journald")


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    path = tmp_path / "etc/docker/daemon.json"
    path.parent.mkdir(parents=True)
    return path


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "etc/systemd/journald.conf.d/10-ironflock.conf"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (None, BOTH),
        ({}, BOTH),
        ({"log-driver": None, "log-opts": None}, BOTH),
        ({"debug": True}, {"debug": True, **BOTH}),
        ({"log-driver": "local"}, {"log-driver": "local", "log-opts": BOUNDS}),
        ({"log-opts": {"a": "b"}}, {"log-opts": {"a": "b"}, "log-driver": "json-file"}),
    ],
)  # fmt: skip
def test_what_is_missing_of_a_bounded_log_driver_is_added(
    found: dict[str, object] | None, wanted: dict[str, object]
) -> None:
    text = engine_config(None if found is None else json.dumps(found).encode())

    assert text is not None
    assert text.decode() == json.dumps(wanted, indent=2, sort_keys=True) + "\n"


@pytest.mark.parametrize(
    "found",
    [
        json.dumps(BOTH).encode(),
        b'{"log-driver": "journald"}',
        b'{"log-driver": "syslog", "log-opts": {"tag": "x"}}',
        b"",
        b"{",
        b"[]",
        b'{"a": NaN}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_is_set_already_or_cannot_be_read_stays(found: bytes) -> None:
    assert engine_config(found) is None


async def test_both_files_are_made_where_there_is_none(
    tmp_path: Path, engine: Path, journal: Path, said: list[log.Entry]
) -> None:
    processes = FakeProcesses()

    await put_bounds(lambda: processes, tmp_path)

    assert json.loads(engine.read_bytes()) == BOTH
    assert journal.read_text() == JOURNAL
    assert (mode(engine), mode(journal), mode(journal.parent)) == (0o644, 0o644, 0o755)
    assert processes.ran == [RESTART]
    assert [entry.level for entry in said] == [log.INFO, log.INFO]


async def test_the_second_start_writes_nothing_and_restarts_nothing(
    tmp_path: Path, engine: Path, journal: Path, said: list[log.Entry]
) -> None:
    processes = FakeProcesses()
    await put_bounds(lambda: processes, tmp_path)
    before = [path.stat() for path in (engine, journal)]
    said.clear()

    await put_bounds(lambda: processes, tmp_path)

    assert [path.stat() for path in (engine, journal)] == before
    assert processes.ran == [RESTART]
    assert said == []


async def test_a_link_stays_one_and_what_others_wrote_into_the_drop_in_goes(
    tmp_path: Path, engine: Path, journal: Path
) -> None:
    real = tmp_path / "real.json"
    real.write_text('{"dns": ["192.0.2.1"]}')
    engine.symlink_to(real)
    journal.parent.mkdir(parents=True)
    journal.write_text("[Journal]\nSystemMaxUse=4G\n")

    await put_bounds(FakeProcesses, tmp_path)

    assert engine.is_symlink()
    assert json.loads(real.read_bytes()) == {"dns": ["192.0.2.1"], **BOTH}
    assert journal.read_text() == JOURNAL


@pytest.mark.parametrize(
    ("command", "written"),
    [
        (("/usr/bin/dockerd", "-H", "fd://"), True),
        (("/usr/bin/dockerd", "--log-driver=journald"), False),
        (("dockerd", "--log-opt", "max-size=1m"), False),
        (("/bin/sh", "-c", "dockerd --log-driver=x", "--log-driver"), True),
    ],
)
async def test_an_engine_that_is_told_by_flags_is_told_nothing_else(
    tmp_path: Path, engine: Path, journal: Path, command: tuple[str, ...], *, written: bool
) -> None:
    for number, words in ((7, ("init",)), (42, command), (43, ())):
        place = tmp_path / f"proc/{number}"
        place.mkdir(parents=True)
        (place / "cmdline").write_text("".join(f"{word}\0" for word in words))

    await put_bounds(FakeProcesses, tmp_path)

    assert engine.exists() is written
    assert journal.exists()


@pytest.mark.parametrize("trouble", ["fails", "is not there"])
async def test_a_journal_that_cannot_be_restarted_is_said(
    tmp_path: Path, engine: Path, said: list[log.Entry], trouble: str
) -> None:
    processes = FakeProcesses()
    if trouble == "fails":
        processes.ends(1, "Unit systemd-journald.service not found.")
    else:
        processes.refuses(2)

    await put_bounds(lambda: processes, tmp_path)

    assert [entry.level for entry in said] == [log.INFO, log.INFO, log.WARN]
    assert engine.exists()


async def test_what_cannot_be_written_is_said_and_keeps_nothing_else_back(
    tmp_path: Path, engine: Path, journal: Path, said: list[log.Entry]
) -> None:
    engine.mkdir()

    await put_bounds(FakeProcesses, tmp_path)

    assert [entry.level for entry in said] == [log.WARN, log.INFO]
    assert journal.read_text() == JOURNAL


@pytest.mark.parametrize(
    ("folder", "unit", "expected"),
    [
        (BUILT_IN_AGENT_DIR, None, True),
        (f"{BUILT_IN_AGENT_DIR}/", None, True),
        ("/srv/agent", None, False),
        ("/srv/agent", "ExecStart=/opt/reagent/Reagent-active -config x\n", False),
        ("/srv/agent", "ExecStart=/srv/agent/Reagent-active -config x\n", True),
    ],
)
def test_a_device_has_the_built_in_folder_or_a_service(
    tmp_path: Path, folder: str, unit: str | None, *, expected: bool
) -> None:
    if unit is not None:
        path = tmp_path / "etc/systemd/system/reagent.service"
        path.parent.mkdir(parents=True)
        path.write_text(unit)

    assert is_device(folder, tmp_path) is expected
