"""The executable needs nothing of its host: roots from empty to current (docs/reference/files.md)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.engine import OwnEngine
from sandbox.program import Program
from sandbox.roots import Surroundings
from sandbox.under_test import target
from tests.frozen.platform import SECRET
from tests.frozen.scripted_router import ScriptedRouter
from tests.frozen.surroundings import (
    Bare,
    answers,
    answers_still,
    need_root,
    on_tree,
    without_traceback,
)
from tests.frozen.test_tls_and_proxies import Certificate

pytestmark = pytest.mark.timeout(120)

TREES = ("alpine", "oldest", "current")


async def test_an_empty_root_is_enough_to_be_reachable_and_an_engine_to_be_connected(
    cloud: Cloud, program: Program, user: Caller, engine: OwnEngine
) -> None:
    need_root()
    device = Bare.of(cloud, program)

    await device.start()
    await answers_still(device, user)
    await device.logged("there is no /proc")
    await device.logged("the engine does not answer")
    device.give_engine()
    await cloud.backend.status(device.identity, "CONNECTED", within=15.0)

    assert "unix:///var/run/docker.sock: No such file or directory" in device.printed()
    without_traceback(device)
    assert await device.stop() == 0
    assert not (device.root / "tmp").exists()


async def test_without_authorities_of_the_device_the_bundled_ones_are_taken(
    cloud: Cloud, program: Program, tmp_path: Path
) -> None:
    need_root()
    certificate = Certificate(tmp_path, "router.example")
    async with ScriptedRouter(certificate.serving()) as router:
        device = Bare.of(cloud, program, endpoint=router.url, secret=SECRET)

        await device.start()
        entry = await device.logged("dial failed")
        device.put("etc/ssl/cert.pem", certificate.pem)
        await router.until(lambda: bool(router.requests), 15.0)

        # Against no authorities at all it would say that there are none.
        assert "its certificate is refused" in str(entry["error"])
        without_traceback(device)
        assert await device.stop() == 0


@pytest.mark.parametrize("name", TREES)
async def test_it_is_connected_whatever_libc_the_system_has(
    cloud: Cloud, program: Program, user: Caller, engine: OwnEngine, name: str
) -> None:
    device = cloud.new_device(program)
    device.prefix = on_tree(device, name).prefix

    await answers(cloud, device, user)

    without_traceback(device)
    assert await device.stop() == 0


@pytest.mark.parametrize("absent", ["/proc", "/dev", "/run", "/etc", "/var"])
async def test_no_folder_of_the_system_is_a_condition(
    cloud: Cloud, program: Program, user: Caller, engine: OwnEngine, absent: str
) -> None:
    device = cloud.new_device(program)
    over = (("tmpfs", "", absent, "mode=755"),)
    # The device's folder lies in /run here, and the engine's socket is looked for in /var.
    shown = {
        "/run": (("bind", str(device.folder), str(device.folder), ""),),
        "/var": (("bind", engine.address.removeprefix("unix://"), "/var/run/docker.sock", ""),),
    }
    device.prefix = on_tree(
        device,
        "current",
        unset=("REAGENT_RUN_DIR",),
        late_mounts=(*over, *shown.get(absent, ())),
    ).prefix

    await answers(cloud, device, user)

    without_traceback(device)
    assert await device.stop() == 0


ANSWERS = {
    "-version": (0, "{version}\n", ""),
    "-arch": (0, f"{target().stamp}\n", ""),
    "-help": (0, "", "-agentDir"),
    "": (0, "-config is required", ""),
    "-nonsense": (2, "", "flag provided but not defined: -nonsense"),
    "-config=/nowhere.flock": (1, "", "/nowhere.flock"),
    "service install": (1, "", "-config"),
}


@pytest.mark.parametrize("name", TREES)
def test_what_it_is_asked_it_answers_whatever_libc_the_system_has(
    program: Program, cloud: Cloud, name: str
) -> None:
    device = cloud.new_device(program)
    prefix = on_tree(device, name).prefix

    for words, (status, out, error) in ANSWERS.items():
        done = subprocess.run(
            [*prefix, str(device.flashed.executable), *words.split()],
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip

        assert done.returncode == status, words
        assert out.format(version=program.version) in done.stdout
        assert error in done.stderr


@pytest.mark.parametrize("words", ANSWERS)
def test_what_it_is_asked_and_refuses_in_an_empty_root(
    program: Program, tmp_path: Path, words: str
) -> None:
    need_root()
    status, out, error = ANSWERS[words]
    (tmp_path / "reagent").hardlink_to(program.executable)
    prefix = Surroundings(root=str(tmp_path)).prefix

    done = subprocess.run(
        [*prefix, "/reagent", *words.split()],
        capture_output=True, text=True, check=False, timeout=30, env={},
    )  # fmt: skip

    assert done.returncode == status
    assert out.format(version=program.version) in done.stdout
    assert error in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_device_bounds_the_logs_of_its_host_and_another_folder_is_no_device(
    cloud: Cloud, program: Program, user: Caller
) -> None:
    need_root()
    device, guest = Bare.of(cloud, program), Bare.of(cloud, program)
    guest.flags = (*guest.flags, "-agentDir=/srv/agent")
    for each in (device, guest):
        each.put("etc/docker/daemon.json", '{"dns": ["192.0.2.1"]}')

    await device.start()
    await device.logged("the host's logs are not bounded")  # no systemctl there, and it was last
    await answers_still(device, user)
    await guest.start()
    await answers_still(guest, user)

    written = (device.root / "etc/docker/daemon.json").read_text("utf-8")
    assert json.loads(written) == {
        "dns": ["192.0.2.1"],
        "log-driver": "json-file",
        "log-opts": {"max-size": "10m", "max-file": "3"},
    }
    assert '\n  "log-opts": {\n    "max-file": "3",\n    "max-size"' in written
    assert written.endswith("}\n")
    drop_in = device.root / "etc/systemd/journald.conf.d/10-ironflock.conf"
    assert drop_in.read_text("utf-8") == "[Journal]\nSystemMaxUse=200M\n"
    assert (guest.root / "etc/docker/daemon.json").read_text("utf-8") == '{"dns": ["192.0.2.1"]}'
    assert not (guest.root / "etc/systemd").exists()
    for each in (device, guest):
        without_traceback(each)
        assert await each.stop() == 0
