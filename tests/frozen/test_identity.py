"""What the platform says about the device ends up in the device file (system.md 1, wamp.md 3.3)."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator

import pytest

from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.program import Program
from tests.frozen import platform
from tests.frozen.platform import connected, metadata_of, scripted
from tests.frozen.scripted_router import ERROR, SESSION, Message, ScriptedRouter

pytestmark = pytest.mark.timeout(60)

ORDER = [
    "name",
    "secret",
    "board",
    "status",
    "password",
    "wlanssid",
    "swarm_key",
    "device_key",
    "swarm_name",
    "description",
    "architecture",
    "serial_number",
    "authentication",
    "swarm_owner_name",
    "config_passphrase",
    "device_endpoint_url",
    "environment",
    "docker_registry_url",
    "insecure-registries",
    "docker_main_repository",
    "appliance_domain",
    "update_url",
]

Scripted = tuple[ScriptedRouter, Device]


@pytest.fixture
async def both(cloud: Cloud, program: Program) -> AsyncIterator[Scripted]:
    changes = {"zz_unknown": {"kept": [1, 2.5, None]}, "appliance_domain": "apps.example.org"}
    async with scripted(cloud, program, changes=changes) as pair:
        yield pair


def authids(router: ScriptedRouter) -> list[str]:
    return [session[0][2]["authid"] for session in router.sessions if session]


async def test_new_names_are_written_in_the_platforms_format(both: Scripted) -> None:
    router, device = both
    names = {"device_name": "press <8> & co", "swarm_name": "hall-ü", "ownername": "acme2"}
    router.answers[platform.METADATA] = [[metadata_of(device.identity, **names)]]

    await device.start()
    await connected(router)

    file = device.flashed.device_file
    text = file.read_text("utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert '"name": "press \\u003c8\\u003e \\u0026 co"' in text
    assert "hall-ü" in text
    assert text.startswith('{\n "name"')
    assert text.endswith("\n}")
    assert '\n  "cpu": ""' in text
    document = json.loads(text)
    known = [key for key in ORDER if key in document]
    assert list(document) == [*known, "zz_unknown"]
    assert document["zz_unknown"] == {"kept": [1, 2.5, None]}
    assert document["appliance_domain"] == "apps.example.org"
    assert document["swarm_owner_name"] == "acme2"
    assert "reswarmBaseURL" not in text
    assert "update_url" not in document
    assert len(router.sessions) == 1


async def test_a_link_to_the_file_stays_a_link(both: Scripted, cloud: Cloud) -> None:
    router, device = both
    link = device.flashed.device_file
    boot = device.folder / "boot"
    boot.mkdir()
    target = boot / "the-device.flock"
    link.rename(target)
    link.symlink_to("../boot/the-device.flock")
    router.answers[platform.METADATA] = [[metadata_of(device.identity, device_name="renamed")]]

    await device.start()
    await connected(router)

    assert link.is_symlink()
    assert json.loads(target.read_bytes())["name"] == "renamed"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in boot.iterdir()] == [target.name]


async def test_the_same_names_again_write_nothing(both: Scripted) -> None:
    router, device = both
    await device.start()
    await connected(router)
    before = device.flashed.device_file.stat()

    router.hang_up()
    await router.until(lambda: len(router.sessions) == 2)
    await connected(router)

    after = device.flashed.device_file.stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


@pytest.mark.parametrize("number", [42, 42.0, "42"])
async def test_a_changed_project_is_a_new_session_under_the_new_name(
    both: Scripted, number: object
) -> None:
    router, device = both
    who = device.identity
    router.answers[platform.METADATA] = [[metadata_of(who, swarm_key=number)]]

    await device.start()
    await router.until(lambda: len(router.sessions) == 2)
    await connected(router)

    assert authids(router) == [who.authid, f"42-{who.device_key}"]
    assert device.document["swarm_key"] == 42
    assert type(device.document["swarm_key"]) is int
    (testament,) = router.calls(platform.TESTAMENT)
    assert testament[4][1][0]["swarm_key"] == 42
    assert testament[4][1][0]["wamp_session_id"] == SESSION + 1


UNUSABLE: list[Message] = [
    [[{"swarm_key": "not-a-number-at-all", "device_name": "x"}]],
    [[{"swarm_key": None, "device_name": "x"}]],
    [[{"swarm_key": 4.5, "device_name": "x"}]],
    [[{"swarm_key": -1, "device_name": "x"}]],
    [[{"swarm_key": True, "device_name": "x"}]],
    [[{"swarm_key": [42], "device_name": "x"}]],
    [[{"device_name": "x"}]],
    [["text"]],
    [[None]],
    [[]],
    [],
    [ERROR, "wamp.error.no_such_procedure"],
]


async def test_an_answer_that_cannot_be_read_changes_nothing(
    cloud: Cloud, program: Program
) -> None:
    async def changed(answer: Message) -> list[object]:
        async with scripted(cloud, program) as (router, device):
            before = device.flashed.device_file.read_bytes()
            router.answers[platform.METADATA] = answer
            await device.start()
            await connected(router)
            after = device.flashed.device_file.read_bytes()
            said = [authid for authid in authids(router) if authid != device.identity.authid]
            return [*([] if after == before else [after]), *said, *device.exits]

    found = await asyncio.gather(*(changed(answer) for answer in UNUSABLE))

    assert [pair for pair in zip(UNUSABLE, found, strict=True) if pair[1]] == []


async def test_missing_names_leave_what_is_known(both: Scripted) -> None:
    router, device = both
    before = device.document
    router.answers[platform.METADATA] = [[{"swarm_key": device.identity.swarm_key}]]

    await device.start()
    await connected(router)

    assert device.document == before
    assert "nil" not in device.flashed.device_file.read_text("utf-8")


async def test_no_file_that_a_boot_script_might_take_for_the_device_file_is_left(
    both: Scripted,
) -> None:
    router, device = both
    router.answers[platform.METADATA] = [[metadata_of(device.identity, device_name="renamed")]]

    await device.start()
    await connected(router)

    names = [path.name for path in device.flashed.device_file.parent.iterdir()]
    taken = [name for name in names if "flock" in name or "reswarm" in name]
    assert taken == [device.flashed.device_file.name]


async def test_the_backup_is_private_and_says_what_the_file_says(both: Scripted) -> None:
    router, device = both
    router.answers[platform.METADATA] = [[metadata_of(device.identity, device_name="renamed")]]

    await device.start()
    await connected(router)

    backups = [p for p in device.flashed.folder.iterdir() if p.name.startswith(".device-")]
    assert backups
    for backup in backups:
        assert stat.S_IMODE(backup.stat().st_mode) == 0o600
        assert json.loads(backup.read_bytes())["name"] == "renamed"
