"""reagent.settings.paths: docs/contract/system.md 2.4 and 10.6."""

import os
import stat
from pathlib import Path

import pytest

from reagent import log
from reagent.settings.flags import Flags
from reagent.settings.paths import Paths


def paths_below(root: Path) -> Paths:
    return Paths.of(
        Flags(
            agent_dir=str(root / "agent"),
            apps_dir=str(root / "deep" / "apps"),
            config=str(root / "device.flock"),
        )
    )


def modes(root: Path) -> dict[str, int]:
    return {
        str(path.relative_to(root)): stat.S_IMODE(path.stat().st_mode) for path in root.rglob("*")
    }


EXPECTED = {
    "agent": 0o755,
    "agent/downloads": 0o700,
    "deep": 0o755,
    "deep/apps": 0o755,
    "deep/apps/build": 0o700,
    "deep/apps/compose": 0o700,
    "deep/apps/shared": 0o755,
}


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_the_folders_have_modes_of_their_own(
    tmp_path: Path, said: list[log.Entry], umask: int
) -> None:
    before = os.umask(umask)
    try:
        paths_below(tmp_path).make_folders()
    finally:
        os.umask(before)

    assert modes(tmp_path) == EXPECTED
    assert said == []


def test_a_second_time_closes_what_is_private_and_leaves_what_apps_use(
    tmp_path: Path, said: list[log.Entry]
) -> None:
    paths = paths_below(tmp_path)
    paths.make_folders()
    paths.shared.chmod(0o777)
    paths.downloads.chmod(0o777)

    paths.make_folders()

    assert modes(tmp_path) == EXPECTED | {"deep/apps/shared": 0o777}
    assert said == []


def test_a_folder_that_cannot_be_made_is_said_and_the_others_are_made(
    tmp_path: Path, said: list[log.Entry]
) -> None:
    paths = paths_below(tmp_path)
    paths.agent_dir.write_text("a file in its place")

    paths.make_folders()

    assert paths.shared.is_dir()
    assert [entry.fields["folder"] for entry in said] == [
        str(paths.agent_dir),
        str(paths.downloads),
    ]


def test_relative_paths_are_meant_from_where_the_agent_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    paths = Paths.of(Flags(db_file_name="x.db", config="./d.flock", apps_dir="apps"))

    assert paths.database == tmp_path / "x.db"
    assert paths.device_file == tmp_path / "d.flock"
    assert paths.shared == tmp_path / "apps" / "shared"


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_log_file_is_none_and_not_the_folder_the_agent_was_started_in(blank: str) -> None:
    assert Paths.of(Flags(log_file=blank)).log_file is None


def test_each_device_file_has_a_backup_of_its_own_that_no_boot_script_takes_for_it() -> None:
    one = Paths.of(Flags(config="/opt/reagent/a.reswarm")).device_backup
    other = Paths.of(Flags(config="/opt/reagent/b.reswarm")).device_backup

    assert one != other
    assert one.parent == Path("/opt/reagent")
    assert one.name.startswith(".")
    assert "reswarm" not in one.name
    assert "flock" not in one.name
