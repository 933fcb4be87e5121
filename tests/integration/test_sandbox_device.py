import signal
import stat
from pathlib import Path

import pytest

from sandbox.cloud import Cloud
from sandbox.program import Program

# Stands in for the agent: says how it was started, logs a line, and obeys SIGTERM slowly or not at all.
POLITE = r"""#!/bin/sh
for word; do echo "argument $word"; done
echo "engine $DOCKER_HOST"
echo "names $(env | cut -d= -f1 | sort | tr '\n' ' ')"
for word; do
    case $word in -logFile=*) echo '{"level":"info","message":"started"}' >> "${word#*=}" ;; esac
done
trap 'echo bye; exit 0' TERM
while :; do sleep 0.05; done
"""
STUBBORN = r"""#!/bin/sh
trap '' TERM
sleep 3600 &
for word; do
    case $word in -logFile=*) echo '{"level":"info","message":"started"}' >> "${word#*=}" ;; esac
done
while :; do sleep 0.05; done
"""
SHORT = "#!/bin/sh\nexit 3\n"


def program(folder: Path, text: str) -> Program:
    file = folder / "program"
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)
    return Program(file, "9.9.9")


async def test_a_device_is_started_with_its_paths_and_nothing_of_our_environment(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    device = cloud.new_device(program(tmp_path, POLITE), engine="unix:///nowhere.sock")

    await device.start("-offline")
    await device.logged("started")

    printed = device.printed().splitlines()
    assert f"argument -agentDir={device.flashed.folder}" in printed
    assert "argument -offline" in printed
    assert "engine unix:///nowhere.sock" in printed
    assert "HTTPS_PROXY" not in device.printed()


async def test_a_device_file_is_private_and_holds_every_field(cloud: Cloud, tmp_path: Path) -> None:
    device = cloud.new_device(program(tmp_path, POLITE), changes={"environment": "production"})

    mode = stat.S_IMODE(device.flashed.device_file.stat().st_mode)

    assert mode == 0o600
    assert device.document["environment"] == "production"
    assert device.document["docker_registry_url"] == f"{cloud.registry.address}/"
    assert device.document["device_endpoint_url"] == cloud.router.url


async def test_stopping_returns_the_status_the_agent_ended_with(
    cloud: Cloud, tmp_path: Path
) -> None:
    device = cloud.new_device(program(tmp_path, POLITE))
    await device.start()
    await device.logged("started")

    status = await device.stop()

    assert status == 0
    assert device.printed().endswith("bye\n")
    assert device.exits == [0]


async def test_an_agent_that_does_not_listen_is_killed_and_its_children_with_it(
    cloud: Cloud, tmp_path: Path
) -> None:
    device = cloud.new_device(program(tmp_path, STUBBORN))
    await device.start()
    await device.logged("started")

    status = await device.stop(within=0.3)
    left = device.leftovers()
    await device.close()

    assert status == -signal.SIGKILL
    assert left
    assert not device.leftovers()


async def test_a_service_that_ends_is_started_again(cloud: Cloud, tmp_path: Path) -> None:
    device = cloud.new_device(program(tmp_path, SHORT))

    await device.serve(restart_after=0.02)
    await device.started(times=3)
    await device.stop()

    assert device.exits[:2] == [3, 3]


async def test_waiting_for_what_is_never_logged_shows_what_was_printed(
    cloud: Cloud, tmp_path: Path
) -> None:
    device = cloud.new_device(program(tmp_path, POLITE))
    await device.start()
    await device.logged("started")

    with pytest.raises(TimeoutError, match="argument -config"):
        await device.logged("never", within=0.1)
