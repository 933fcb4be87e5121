"""docs/contract/apps.md 3.5 and 9.2 C11, C12."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reagent import log
from reagent.apps import envfiles
from reagent.apps.credentials import Credential
from reagent.model.app import PortRule

_LOGIN = Credential("app-1-prod-e1@sn", "s3cret")


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "prod" / "vision" / "env"


def _contents(folder: Path) -> dict[str, str]:
    return {each.name: each.read_text() for each in folder.iterdir()}


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_every_variable_is_a_private_file_without_a_newline(folder: Path) -> None:
    large = "x" * 30000

    refused = envfiles.write_all(folder, ["A=1", "URL=https://x/?a=b c", f"L={large}", "EMPTY="])

    assert refused == []
    assert _contents(folder) == {
        "A.txt": "1",
        "URL.txt": "https://x/?a=b c",
        "L.txt": large,
        "EMPTY.txt": "",
    }
    assert _mode(folder) == 0o700
    assert {_mode(each) for each in folder.iterdir()} == {0o600}


def test_of_equal_names_the_last_one_wins(folder: Path) -> None:
    envfiles.write_all(folder, ["A=1", "B=2", "A=3"])

    assert _contents(folder) == {"A.txt": "3", "B.txt": "2"}


def test_files_of_vanished_variables_stay_but_not_the_device_secret(folder: Path) -> None:
    envfiles.write_all(folder, ["OLD=1"])
    (folder / "DEVICE_SECRET.txt").write_text("leftover")

    envfiles.write_all(folder, ["NEW=2"])

    assert _contents(folder) == {"OLD.txt": "1", "NEW.txt": "2"}


def test_modes_of_what_is_there_are_tightened(folder: Path) -> None:
    folder.mkdir(parents=True, mode=0o755)
    (folder / "A.txt").write_text("1")

    envfiles.write_all(folder, ["A=1"])

    assert (_mode(folder), _mode(folder / "A.txt")) == (0o700, 0o600)


@pytest.mark.parametrize("name", ["../../escaped", "a/b", "", "/etc/passwd", "nul\0"])
def test_names_that_leave_the_folder_are_refused_and_the_rest_is_written(
    folder: Path, tmp_path: Path, name: str
) -> None:
    refused = envfiles.write_all(folder, [f"{name}=x", "A=1"])

    assert refused == [name]
    assert [each.name for each in tmp_path.rglob("*") if each.is_file()] == ["A.txt"]


def test_a_link_planted_by_the_app_is_replaced_not_followed(folder: Path, tmp_path: Path) -> None:
    folder.mkdir(parents=True)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (folder / "A.txt").symlink_to(victim)

    envfiles.write_all(folder, ["A=1"])

    assert victim.read_text() == "mine"
    assert not (folder / "A.txt").is_symlink()


def test_what_stays_the_same_is_not_written_again(folder: Path) -> None:
    envfiles.write_all(folder, ["A=1", "B=1"])
    before = (folder / "A.txt").stat().st_ino, (folder / "B.txt").stat().st_ino

    envfiles.write_all(folder, ["A=1", "B=2"])

    after = (folder / "A.txt").stat().st_ino, (folder / "B.txt").stat().st_ino
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_drafts_that_a_cut_left_are_cleared_away(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / ".1-0.draft").write_text("half")

    envfiles.write_all(folder, ["A=1"])

    assert _contents(folder) == {"A.txt": "1"}


def test_several_threads_may_write_the_same_folder(folder: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        written = [
            threads.submit(envfiles.write_all, folder, [f"A={number}", f"B={number}"])
            for number in range(100)
        ]

    assert [each.result() for each in written] == [[]] * 100
    assert set(_contents(folder)) == {"A.txt", "B.txt"}


def test_a_file_that_cannot_be_written_is_an_error(folder: Path) -> None:
    with pytest.raises(OSError, match="name too long"):
        envfiles.write_all(folder, [f"{'A' * 300}=1"])


def test_a_login_is_two_private_files(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "DEVICE_SECRET.txt").write_text("leftover")

    envfiles.refresh_credentials(folder, _LOGIN)

    assert _contents(folder) == {"APP_AUTH_ID.txt": _LOGIN.auth_id, "APP_AUTH_SECRET.txt": "s3cret"}
    assert _mode(folder) == 0o700
    assert {_mode(each) for each in folder.iterdir()} == {0o600}


def test_an_unknown_login_leaves_everything_as_it_is(folder: Path) -> None:
    envfiles.refresh_credentials(folder, None)
    nothing_made = not folder.exists()
    envfiles.refresh_credentials(folder, _LOGIN)
    envfiles.refresh_credentials(folder, None)

    assert nothing_made
    assert len(_contents(folder)) == 2


def test_a_login_that_cannot_be_written_is_logged_without_it(folder: Path) -> None:
    entries: list[log.Entry] = []
    log.configure(sinks=[entries.append])
    folder.parent.mkdir(parents=True)
    folder.touch()

    envfiles.refresh_credentials(folder, _LOGIN)

    log.reset()
    assert [entry.word for entry in entries] == ["error"]
    assert b"s3cret" not in entries[0].json()


def _wireguard(remote: int, cloud: int) -> list[PortRule]:
    return [
        PortRule(
            port=51820,
            protocol="udp",
            remote_port_environment="WG_PORT",
            remote_port=remote,
            cloud_remote_port=cloud,
        )
    ]


def test_remote_ports_follow_their_rules(folder: Path) -> None:
    envfiles.refresh_ports(folder, _wireguard(30022, 31099))
    first = _contents(folder)
    envfiles.refresh_ports(folder, _wireguard(30022, 31100))
    second = _contents(folder)
    envfiles.refresh_ports(folder, _wireguard(0, 0))
    third = _contents(folder)

    base = {"WG_PORT.txt": "30022", "REMOTE_PORT_FOR_51820.txt": "30022"}
    assert first == {
        **base,
        "WG_PORT_CLOUD.txt": "31099",
        "REMOTE_PORT_FOR_51820_CLOUD.txt": "31099",
    }
    assert second == {
        **base,
        "WG_PORT_CLOUD.txt": "31100",
        "REMOTE_PORT_FOR_51820_CLOUD.txt": "31100",
    }
    assert third == base


def test_rules_that_share_a_name_do_not_take_each_others_port_back(folder: Path) -> None:
    rules = [
        PortRule(port=5000, protocol="tcp", remote_port=30022, cloud_remote_port=31099),
        PortRule(port=5000, protocol="udp"),
    ]

    envfiles.refresh_ports(folder, rules)

    assert _contents(folder) == {
        "REMOTE_PORT_FOR_5000.txt": "30022",
        "REMOTE_PORT_FOR_5000_CLOUD.txt": "31099",
    }


def test_remote_ports_are_no_secret(folder: Path) -> None:
    envfiles.refresh_ports(folder, _wireguard(30022, 0))

    assert _mode(folder) == 0o755
    assert {_mode(each) for each in folder.iterdir()} == {0o644}


def test_rules_without_any_port_make_no_folder(folder: Path) -> None:
    envfiles.refresh_ports(folder, [PortRule(port=8080)])

    assert not folder.exists()


def test_a_rule_cannot_name_a_file_elsewhere(folder: Path, tmp_path: Path) -> None:
    rule = PortRule(port=1, protocol="tcp", remote_port=5, remote_port_environment="../../x")

    envfiles.refresh_ports(folder, [rule])

    assert [each.name for each in tmp_path.rglob("*.txt")] == ["REMOTE_PORT_FOR_1.txt"]
