"""reagent.settings.devicefile: docs/contract/system.md 1, 10.1 and 10.5; the file that cannot be lost."""

import contextlib
import json
import os
import resource
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reagent import log
from reagent.errors import DeviceFileBroken
from reagent.settings import atomic
from reagent.settings.devicefile import LARGEST, DeviceFile

COMPLETE: dict[str, object] = {
    "name": "press 4",
    "secret": "a-secret-of-the-device",
    "board": {"cpu": "c", "docs": None, "board": "b", "model": "appliance", "latestImages": [1]},
    "status": "DISCONNECTED",
    "password": "wifi-password",
    "wlanssid": "ssid",
    "swarm_key": 7,
    "device_key": 9,
    "swarm_name": "swarm",
    "description": None,
    "architecture": "arm64",
    "serial_number": "11111111-2222-3333-4444-555555555555",
    "authentication": {"key": "-----BEGIN\nkeyline\n-----END", "certificate": "cert"},
    "swarm_owner_name": "owner",
    "config_passphrase": "passphrase-of-the-file",
    "device_endpoint_url": "wss://cbw.example.com/ws",
    "environment": "test",
    "docker_registry_url": "registry.example.com/",
    "insecure-registries": "['host:5000']",
    "docker_main_repository": "apps/",
    "appliance_domain": "appliance.example.com",
    "update_url": "https://updates.example.com",
    "kept": {"by": "us"},
}


class Folder:
    """A device's folder: the file, and where its backup goes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.file = root / "boot" / "device-config.reswarm"
        self.file.parent.mkdir()
        self.backup = root / "agent" / ".device.json"

    def write(self, found: object) -> bytes:
        content = found if isinstance(found, bytes) else json.dumps(found).encode()
        self.file.write_bytes(content)
        self.file.chmod(0o600)
        return content

    def read(self) -> dict[str, object]:
        found = json.loads(self.file.read_bytes())
        assert isinstance(found, dict)
        return found

    def beside(self) -> list[str]:
        return [path.name for path in self.file.parent.iterdir()]

    def load(self, path: Path | None = None) -> DeviceFile:
        return DeviceFile.load(path or self.file, self.backup)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_every_field_the_agent_uses_is_read(folder: Folder) -> None:
    folder.write(COMPLETE)

    identity = folder.load().identity

    assert identity.name == "press 4"
    assert identity.secret == "a-secret-of-the-device"
    assert identity.authid == "7-9"
    assert identity.swarm_name == "swarm"
    assert identity.swarm_owner_name == "owner"
    assert identity.serial_number == "11111111-2222-3333-4444-555555555555"
    assert identity.device_endpoint_url == "wss://cbw.example.com/ws"
    assert identity.environment == "test"
    assert identity.docker_registry_url == "registry.example.com/"
    assert identity.docker_main_repository == "apps/"
    assert identity.appliance_domain == "appliance.example.com"
    assert identity.update_url == "https://updates.example.com"
    assert identity.board_model == "appliance"
    assert identity.certificate == "cert"
    assert identity.private_key == "-----BEGIN\nkeyline\n-----END"
    assert identity.trust_system


@pytest.mark.parametrize(
    ("given_word", "trusted"),
    [(True, True), (None, True), (False, False), ("false", False), (0, False)],
)
def test_the_system_caller_is_trusted_unless_the_file_says_otherwise(
    folder: Folder, *, given_word: object, trusted: bool
) -> None:
    folder.write(COMPLETE | {"trust_system": given_word})

    assert folder.load().identity.trust_system is trusted


def test_a_file_that_means_the_same_is_not_written_again(folder: Folder) -> None:
    content = folder.write(COMPLETE)
    before = folder.file.stat()

    file = folder.load()
    file.update(name="press 4", swarm_name="swarm", owner="owner", swarm_key=7)

    assert folder.file.read_bytes() == content
    assert folder.file.stat().st_mtime_ns == before.st_mtime_ns
    assert folder.file.stat().st_ino == before.st_ino


@pytest.mark.parametrize("loose", [0o777, 0o644, 0o640])
def test_a_file_that_others_can_read_is_closed_without_being_written(
    folder: Folder, loose: int
) -> None:
    content = folder.write(COMPLETE)
    folder.file.chmod(loose)

    folder.load()

    assert mode(folder.file) == 0o600
    assert folder.file.read_bytes() == content


def test_old_addresses_are_moved_once_and_stay_moved(folder: Folder) -> None:
    old = {
        "docker_registry_url": "registry.reswarm.io/",
        "device_endpoint_url": "wss://cbw.record-evolution.com/ws-re-dev",
    }
    folder.write(COMPLETE | old)

    first = folder.load().identity
    again = folder.load().identity

    assert first.docker_registry_url == again.docker_registry_url == "registry.ironflock.com/"
    assert first.device_endpoint_url == "wss://cbw.ironflock.com/ws-re-dev"
    assert folder.read()["docker_registry_url"] == "registry.ironflock.com/"
    assert folder.read()["kept"] == {"by": "us"}
    assert mode(folder.file) == 0o600


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("docker_registry_url", "registry.reswarm.io"),
        ("docker_registry_url", "https://registry.reswarm.io/"),
        ("device_endpoint_url", "wss://cbw.record-evolution.com/ws-re-dev/"),
    ],
)
def test_only_exactly_the_old_addresses_are_moved(folder: Folder, key: str, value: str) -> None:
    content = folder.write(COMPLETE | {key: value})

    folder.load()

    assert folder.file.read_bytes() == content


def test_what_the_platform_says_is_written_in_its_format(folder: Folder) -> None:
    folder.write(COMPLETE)

    changed = folder.load().update(name="press <5>", swarm_name="", owner="", swarm_key=42)

    assert changed
    text = folder.file.read_text("utf-8")
    assert text.startswith('{\n "name": "press \\u003c5\\u003e",\n "secret": ')
    assert not text.endswith("\n")
    written = folder.read()
    assert written["swarm_key"] == 42
    assert written["swarm_name"] == "swarm"
    assert list(written)[-1] == "kept"
    assert folder.load().identity.authid == "42-9"
    assert folder.beside() == [folder.file.name]


def test_a_new_name_alone_is_no_other_project(folder: Folder) -> None:
    folder.write(COMPLETE)
    file = folder.load()

    changed = file.update(name="other", swarm_key=7)

    assert not changed
    assert file.identity.name == "other"


def test_what_the_platform_does_not_say_stays(folder: Folder) -> None:
    folder.write(COMPLETE)
    file = folder.load()

    changed = file.update()

    assert not changed
    assert file.identity.swarm_key == 7


def absolute(link: Path, target: Path) -> str:
    return str(target)


def relative(link: Path, target: Path) -> str:
    return os.path.relpath(target, link.parent)


@pytest.mark.parametrize("pointing", [absolute, relative])
def test_links_are_followed_and_stay_links(
    folder: Folder, pointing: Callable[[Path, Path], str]
) -> None:
    folder.write(COMPLETE)
    first = folder.root / "opt" / "device.reswarm"
    second = folder.root / "etc" / "link.flock"
    for link, target in ((first, folder.file), (second, first)):
        link.parent.mkdir()
        link.symlink_to(pointing(link, target))

    folder.load(second).update(name="through links")

    assert second.is_symlink()
    assert first.is_symlink()
    assert not folder.file.is_symlink()
    assert folder.read()["name"] == "through links"
    assert [path.name for path in first.parent.iterdir()] == [first.name]
    assert folder.beside() == [folder.file.name]


BROKEN: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n\n",
    "nulls": b"\0" * 512,
    "list": b"[]",
    "null": b"null",
    "object": b"{}",
    "no identity": b'{"name": "", "serial_number": ""}',
    "text": b"not json",
    "half": json.dumps(COMPLETE).encode()[:200],
    "trailing nulls": json.dumps(COMPLETE).encode() + b"\0\0",
    "bom alone": b"\xef\xbb\xbf",
    "huge": b" " * (LARGEST + 1),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_without_a_backup_is_refused_and_never_touched(
    folder: Folder, content: bytes
) -> None:
    folder.write(content)
    folder.file.chmod(0o644)
    before = folder.file.stat()

    with pytest.raises(
        DeviceFileBroken, match=r"device-config\.reswarm cannot be used: it .*backup"
    ):
        folder.load()

    after = folder.file.stat()
    assert folder.file.read_bytes() == content
    assert (after.st_mtime_ns, after.st_mode, after.st_ino) == (
        before.st_mtime_ns,
        before.st_mode,
        before.st_ino,
    )
    assert not folder.backup.exists()


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_replaced_by_its_backup_and_never_touched(
    folder: Folder, said: list[log.Entry], content: bytes
) -> None:
    folder.write(COMPLETE)
    folder.load()
    folder.write(content)

    file = folder.load()
    file.update(name="renamed", swarm_key=42)

    assert file.identity.authid == "42-9"
    assert folder.file.read_bytes() == content
    assert [entry.message for entry in said] == [
        "the device file cannot be used and was not changed; its backup is used"
    ]
    assert folder.load().identity.name == "renamed"


def test_a_missing_file_is_replaced_by_its_backup_and_not_made(folder: Folder) -> None:
    folder.write(COMPLETE)
    folder.load()
    folder.file.unlink()

    file = folder.load()
    file.update(name="renamed")

    assert file.identity.name == "renamed"
    assert not folder.file.exists()


def test_a_missing_file_without_a_backup_is_refused(folder: Folder) -> None:
    with pytest.raises(DeviceFileBroken, match="it does not exist"):
        folder.load()

    assert folder.beside() == []


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_something_else_in_its_place_is_refused_without_waiting(
    folder: Folder, make: Callable[[Path], None]
) -> None:
    make(folder.file)

    with pytest.raises(DeviceFileBroken, match="it is no regular file"):
        folder.load()


def test_a_link_to_itself_is_refused(folder: Folder) -> None:
    folder.file.symlink_to(folder.file)

    with pytest.raises(DeviceFileBroken):
        folder.load()


def test_a_broken_backup_is_as_good_as_none(folder: Folder) -> None:
    folder.write(b"")
    folder.backup.parent.mkdir()
    folder.backup.write_bytes(b"{}")

    with pytest.raises(DeviceFileBroken, match="no usable backup"):
        folder.load()

    assert folder.backup.read_bytes() == b"{}"


def test_the_backup_is_private_and_follows_the_file(folder: Folder) -> None:
    folder.write(COMPLETE)

    folder.load().update(name="newer")

    assert mode(folder.backup) == 0o600
    assert folder.backup.read_bytes() == folder.file.read_bytes()
    assert [path.name for path in folder.backup.parent.iterdir()] == [folder.backup.name]


def test_a_backup_that_is_current_is_not_written_again(folder: Folder) -> None:
    folder.write(COMPLETE)
    folder.load()
    before = folder.backup.stat()

    folder.load()

    assert folder.backup.stat().st_ino == before.st_ino


def test_what_a_cut_left_beside_the_file_is_dropped(folder: Folder) -> None:
    folder.write(COMPLETE)
    left = folder.file.parent / atomic.TEMPORARY_NAME
    left.write_text("half")

    folder.load()

    assert not left.exists()
    assert "flock" not in left.name
    assert "reswarm" not in left.name
    assert left.name.startswith(".")


@contextlib.contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """A disk that is full after so many bytes, as the kernel plays it for this process."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room", [0, 100])
def test_a_disk_that_refuses_is_said_once_and_stops_nothing(
    folder: Folder, said: list[log.Entry], room: int
) -> None:
    content = folder.write(COMPLETE)

    with no_file_larger_than(room):
        file = folder.load()
        file.update(name="first", swarm_key=42)
        file.update(name="second")

    assert file.identity.name == "second"
    assert file.identity.swarm_key == 42
    assert folder.file.read_bytes() == content
    assert folder.beside() == [folder.file.name]
    assert [entry.message for entry in said] == [
        "the device file has no backup; the agent goes on",
        "the device file cannot be written; the agent goes on",
    ]


def test_what_could_not_be_written_is_written_when_the_platform_says_it_again(
    folder: Folder,
) -> None:
    folder.write(COMPLETE)
    file = folder.load()
    with no_file_larger_than(0):
        file.update(name="first")

    file.update(name="first")

    assert folder.read()["name"] == "first"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_is_kept(folder: Folder) -> None:
    folder.write(COMPLETE)
    os.chown(folder.file, 12345, 23456)

    folder.load().update(name="renamed")

    assert (folder.file.stat().st_uid, folder.file.stat().st_gid) == (12345, 23456)
    assert mode(folder.file) == 0o600


def test_a_value_of_the_wrong_type_is_said_and_nothing_secret_ever_is(
    folder: Folder, said: list[log.Entry]
) -> None:
    folder.write(COMPLETE | {"swarm_key": "42"})

    file = folder.load()
    log.get("x").info(
        "a-secret-of-the-device", a="keyline", b="wifi-password", c="passphrase-of-the-file"
    )

    assert file.identity.swarm_key == 0
    assert said[0].fields["keys"] == ["swarm_key"]
    assert said[1].json().count(b"[redacted]") == 4
    assert "a-secret-of-the-device" not in repr(file.identity)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    end=st.integers(0, len(json.dumps(COMPLETE)) - 1),
    rubbish=st.sampled_from([b"", b"\0", b"\0" * 4096, b"\xff"]),
)
def test_no_piece_of_a_file_is_ever_modified(tmp_path: Path, end: int, rubbish: bytes) -> None:
    file, backup = tmp_path / "d.flock", tmp_path / ".backup.json"
    backup.unlink(missing_ok=True)
    content = json.dumps(COMPLETE).encode()[:end] + rubbish
    file.write_bytes(content)

    with contextlib.suppress(DeviceFileBroken):
        DeviceFile.load(file, backup).update(name="renamed", swarm_key=42)

    assert file.read_bytes() == content
    assert not backup.exists()
