"""The built executable with device files that are broken, old, or in odd places (system.md 1)."""

import json
import os
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.program import Program
from sandbox.under_test import patient

ENDS_WITHIN_S = patient(10.0)
GOOD: dict[str, object] = {
    "name": "d",
    "secret": "secret-of-the-test",
    "swarm_key": 1,
    "device_key": 2,
    "serial_number": "11111111-2222-3333-4444-555555555555",
    "device_endpoint_url": "ws://127.0.0.1:9/ws",
    "docker_registry_url": "registry.example.com/",
    "unknown": {"kept": True},
}
OLD = GOOD | {"docker_registry_url": "registry.reswarm.io/"}


class Place:
    """A folder with a device file, and the agent started on it."""

    def __init__(self, program: Program, root: Path) -> None:
        self.program = program
        self.root = root
        self.file = root / "boot" / "device-config.reswarm"
        self.file.parent.mkdir()
        self.running: list[subprocess.Popen[bytes]] = []

    def command(self, config: Path | None = None) -> list[str]:
        return [
            str(self.program.executable),
            f"-config={config or self.file}",
            f"-agentDir={self.root}/agent",
            f"-appsDir={self.root}/apps",
            f"-dbFileName={self.root}/agent/reagent.db",
            f"-logFile={self.root}/reagent.log",
            "-update=false",
            "-offline",
        ]

    @property
    def environment(self) -> dict[str, str]:
        return {"REAGENT_RUN_DIR": str(self.root / "run")}

    def refused(self, config: Path | None = None) -> str:
        """Start it, expect exit status 1 and one line on stderr; the line."""
        done = subprocess.run(
            self.command(config),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=ENDS_WITHIN_S,
            check=False,
        )
        assert done.returncode == 1, done
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr

    def runs(self, config: Path | None = None) -> str:
        """Start it, let it come up, stop it; its log."""
        process = subprocess.Popen(
            self.command(config),
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.running.append(process)
        database = self.root / "agent" / "reagent.db"
        database.unlink(missing_ok=True)
        deadline = time.monotonic() + ENDS_WITHIN_S
        while not database.exists() and time.monotonic() < deadline:
            assert process.poll() is None, (self.root / "reagent.log").read_text("utf-8")
            time.sleep(0.02)  # another process: there is nothing to await
        assert database.exists()
        process.send_signal(signal.SIGTERM)
        assert process.wait(ENDS_WITHIN_S) == 0
        return (self.root / "reagent.log").read_text("utf-8")

    def end(self) -> None:
        for process in self.running:
            process.kill()
            process.wait()


@pytest.fixture
def place(program: Program, tmp_path: Path) -> Iterator[Place]:
    there = Place(program, tmp_path)
    yield there
    there.end()


WHOLE = json.dumps(GOOD).encode()
BROKEN: dict[str, bytes] = {
    "empty": b"",
    "nulls": b"\0" * 512,
    "list": b"[]",
    "null": b"null",
    "object": b"{}",
    "text": b"not json",
    "half": WHOLE[: len(WHOLE) // 2],
    "all but the last byte": WHOLE[:-1],
    "trailing nulls": WHOLE + b"\0\0",
    "huge": b" " * 100_000_000,
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_ends_the_start_and_is_never_touched(place: Place, content: bytes) -> None:
    place.file.write_bytes(content)
    place.file.chmod(0o644)
    before = place.file.stat()

    line = place.refused()

    after = place.file.stat()
    assert str(place.file) in line
    assert place.file.read_bytes() == content
    assert (after.st_mtime_ns, after.st_mode) == (before.st_mtime_ns, before.st_mode)
    assert [path.name for path in place.file.parent.iterdir()] == [place.file.name]


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_replaced_by_the_backup_of_an_earlier_start(
    place: Place, content: bytes
) -> None:
    place.file.write_bytes(WHOLE)
    place.runs()
    place.file.write_bytes(content)

    log = place.runs()

    assert "its backup is used" in log
    assert "secret-of-the-test" not in log
    assert place.file.read_bytes() == content


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_something_else_in_its_place_ends_the_start_at_once(
    place: Place, make: Callable[[Path], None]
) -> None:
    make(place.file)

    assert "no regular file" in place.refused()


def test_a_missing_file_ends_the_start(place: Place) -> None:
    assert "does not exist" in place.refused()
    assert list(place.file.parent.iterdir()) == []


def test_a_file_that_means_the_same_keeps_its_bytes_and_loses_its_readers(place: Place) -> None:
    place.file.write_bytes(WHOLE)
    place.file.chmod(0o777)

    place.runs()

    assert place.file.read_bytes() == WHOLE
    assert stat.S_IMODE(place.file.stat().st_mode) == 0o600


def test_old_addresses_are_moved_through_links_in_the_platforms_format(place: Place) -> None:
    place.file.write_text(json.dumps(OLD))
    link = place.root / "device-config.reswarm"
    link.symlink_to("boot/device-config.reswarm")

    place.runs(link)

    assert link.is_symlink()
    text = place.file.read_text("utf-8")
    assert text.startswith(
        '{\n "name": "d",\n "secret": "secret-of-the-test",\n "board": {\n  "cpu"'
    )
    assert text.endswith("\n}")
    written = json.loads(text)
    assert written["docker_registry_url"] == "registry.ironflock.com/"
    assert written["unknown"] == {"kept": True}
    assert list(written)[-1] == "unknown"
    assert "environment" not in written
    assert stat.S_IMODE(place.file.stat().st_mode) == 0o600
    assert [path.name for path in place.file.parent.iterdir()] == [place.file.name]


def test_the_folders_and_private_files_have_their_modes(place: Place) -> None:
    place.file.write_bytes(WHOLE)

    place.runs()

    modes = {
        str(path.relative_to(place.root)): stat.S_IMODE(path.stat().st_mode)
        for path in place.root.rglob("*")
    }
    assert modes["apps"] == modes["apps/shared"] == 0o755
    assert modes["apps/build"] == modes["apps/compose"] == modes["agent/downloads"] == 0o700
    assert modes["agent/reagent.db"] == modes["reagent.log"] == 0o600
    assert all(modes[name] == 0o600 for name in modes if name.startswith("agent/.device-"))


def in_namespace(place: Place, prepare: str) -> subprocess.Popen[bytes]:
    """Start the agent where these mounts are, which end with it."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("mounting needs root and namespaces")
    script = f'set -e; {prepare}; exec "$@"'
    process = subprocess.Popen(
        ["unshare", "-m", "sh", "-c", script, "sh", *place.command()],
        env=place.environment | {"PATH": os.environ["PATH"]},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    place.running.append(process)
    return process


def wait_for_log(place: Place, process: subprocess.Popen[bytes], text: str) -> None:
    deadline = time.monotonic() + ENDS_WITHIN_S
    log = place.root / "reagent.log"
    while not (log.exists() and text in log.read_text("utf-8")):
        assert process.poll() is None
        assert time.monotonic() < deadline, f"{text} never came"
        time.sleep(0.02)  # another process: there is nothing to await


def test_a_read_only_boot_partition_is_said_and_the_agent_goes_on(place: Place) -> None:
    place.file.write_text(json.dumps(OLD))
    boot = place.file.parent

    process = in_namespace(place, f"mount --bind {boot} {boot}; mount -o remount,ro,bind {boot}")
    wait_for_log(place, process, "the device file cannot be written; the agent goes on")

    process.send_signal(signal.SIGTERM)
    assert process.wait(ENDS_WITHIN_S) == 0
    assert json.loads(place.file.read_bytes()) == OLD


def test_a_file_that_is_a_mount_point_is_written_all_the_same(place: Place) -> None:
    outside = place.root / "outside"
    outside.write_text(json.dumps(OLD))
    place.file.touch()

    process = in_namespace(place, f"mount --bind {outside} {place.file}")
    deadline = time.monotonic() + ENDS_WITHIN_S
    while "registry.ironflock.com/" not in outside.read_text("utf-8"):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)  # another process: there is nothing to await

    process.send_signal(signal.SIGTERM)
    assert process.wait(ENDS_WITHIN_S) == 0
    assert json.loads(outside.read_bytes())["unknown"] == {"kept": True}


@pytest.mark.parametrize("mount", ["-o ro", "-o size=4k"], ids=["read-only", "full"])
def test_an_agent_directory_that_takes_nothing_stops_no_start(place: Place, mount: str) -> None:
    place.file.write_bytes(WHOLE)
    agent = place.root / "agent"
    agent.mkdir()

    process = in_namespace(
        place, f"mount -t tmpfs {mount} none {agent}; dd if=/dev/zero of={agent}/f || true"
    )
    wait_for_log(place, process, "the device file has no backup; the agent goes on")
    time.sleep(patient(1.0))  # long enough to have given up

    assert process.poll() is None
