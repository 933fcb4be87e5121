import ipaddress
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import packages
from sandbox.network import free_subnet
from sandbox.paths import REPOSITORY, RUN_PREFIX, new_run_dir, remove_run_dir
from sandbox.processes import Child, SandboxError
from sandbox.reaper import started_at, unmount_below
from sandbox.trim_runtime import held, trim

NO_RESOURCE = "Name:\tx\nCapBnd:\t000001fffeffffff\n"
EVERYTHING = "CapBnd:\t000001ffffffffff\n"


def until(holds: Callable[[], bool], within: float = 15.0) -> None:
    end = time.monotonic() + within
    while not holds():
        if time.monotonic() > end:
            pytest.fail(f"not in {within:g} s")
        time.sleep(0.02)


def test_a_capability_that_the_host_lacks_is_taken_out() -> None:
    process: dict[str, object] = {
        "capabilities": {
            "bounding": ["CAP_CHOWN", "CAP_SYS_RESOURCE"],
            "effective": ["CAP_SYS_RESOURCE"],
            "ambient": None,
        }
    }

    changed = trim(process, held(NO_RESOURCE))

    assert changed
    assert process["capabilities"] == {"bounding": ["CAP_CHOWN"], "effective": [], "ambient": None}


def test_where_the_host_holds_everything_nothing_changes() -> None:
    process: dict[str, object] = {
        "capabilities": {"bounding": ["CAP_CHOWN", "CAP_SYS_RESOURCE", "CAP_CHECKPOINT_RESTORE"]}
    }

    assert not trim(process, held(EVERYTHING))


def test_a_process_without_capabilities_is_left_alone() -> None:
    assert not trim({"args": ["sh"]}, held(NO_RESOURCE))


def test_a_subnet_that_overlaps_a_route_is_not_taken() -> None:
    taken = ["10.201.0.0/24", "10.201.1.128/25", "192.0.2.0/24"]

    assert free_subnet(taken, 0) == ipaddress.IPv4Network("10.201.2.0/24")


def test_without_a_free_subnet_it_says_so() -> None:
    with pytest.raises(SandboxError, match="in use"):
        free_subnet(["10.0.0.0/8"], 7)


def test_a_missing_package_is_named_with_what_it_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = packages.Package("no-such-package", "no-such-program", "showing what is missing")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(packages.PackagesMissing) as refused:
        packages.ensure([absent], print)

    assert "no-such-package" in str(refused.value)
    assert "showing what is missing" in str(refused.value)
    assert "sudo apt-get install no-such-package" in str(refused.value)


def test_a_program_that_ends_early_shows_its_log(tmp_path: Path) -> None:
    child = Child("loser", ["sh", "-c", "echo no luck; exit 3"], tmp_path / "log")

    with pytest.raises(SandboxError, match=r"loser ended with status 3:\n    no luck"):
        child.wait_until(lambda: False, within=10)


def test_a_stopped_program_takes_its_children_with_it(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    child = Child("parent", ["sh", "-c", f"sleep 60 & echo $! > {file}; wait"], tmp_path / "log")
    child.wait_until(lambda: file.exists() and file.read_text() != "", within=10)

    child.stop()

    until(lambda: started_at(int(file.read_text())) is None)


def test_only_run_folders_are_removed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a run folder"):
        remove_run_dir(tmp_path)


def test_a_run_folder_leaves_room_for_socket_names() -> None:
    folder = new_run_dir()

    assert len(str(folder)) < 60
    remove_run_dir(folder)
    assert not folder.exists()


def test_mounts_are_found_whatever_links_lead_to_them(tmp_path: Path) -> None:
    cache = tmp_path / "kept elsewhere"
    (cache / "engine/overlay").mkdir(parents=True)
    (tmp_path / ".cache").symlink_to(cache)
    command = ["mount", "-t", "tmpfs", "tmpfs", str(cache / "engine/overlay")]
    if (done := subprocess.run(command, check=False, capture_output=True, text=True)).returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")

    unmount_below(f"{tmp_path}/.cache/engine")
    left = (cache / "engine/overlay").is_mount()
    subprocess.run(["umount", "-l", command[-1]], check=False, capture_output=True)

    assert not left


KILLED = """
import time
from sandbox.paths import new_run_dir
from sandbox.processes import Child
folder = new_run_dir()
child = Child("sleeper", ["sleep", "60"], folder / "log")
print(child.pid, folder, flush=True)
time.sleep(60)
"""


def test_nothing_outlives_a_sandbox_that_was_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    ) as sandbox:
        assert sandbox.stdout is not None
        pid, folder = sandbox.stdout.readline().split()
        was_there = started_at(int(pid)) is not None and Path(folder).exists()

        sandbox.send_signal(signal.SIGKILL)

    assert was_there
    assert RUN_PREFIX in folder
    until(lambda: started_at(int(pid)) is None and not Path(folder).exists())


ENGINE = """
import time
from sandbox import images
from sandbox.engine import OwnEngine
from sandbox.paths import new_run_dir
from sandbox.registry import Registry
folder = new_run_dir()
engine, registry = OwnEngine(folder), Registry(folder)
engine.start()
registry.start()
registry.admit("token", "secret")
name = registry.push_app(1, "counter", "1.0.0", images.app("counter"))
with engine.client() as client:
    client.images.pull(name, auth_config={"username": "token", "password": "secret"})
    client.containers.run(name, detach=True)
print(folder, flush=True)
time.sleep(60)
"""


@pytest.mark.docker
def test_no_engine_and_no_container_outlives_a_sandbox_that_was_killed(engine: object) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ENGINE], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    ) as sandbox:
        assert sandbox.stdout is not None
        folder = sandbox.stdout.readline().strip()
        running = _naming(folder)

        sandbox.send_signal(signal.SIGKILL)

    assert len(running) >= 3  # an engine, its containerd, and a container's shim
    until(lambda: not Path(folder).exists())
    assert _naming(folder) == []
    assert folder not in Path("/proc/self/mounts").read_text()


def _naming(folder: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = entry.read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if folder in text:
            found.append(text)
    return found
