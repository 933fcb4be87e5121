from __future__ import annotations

import pytest

from reagent.contracts.engine import ContainerSpec, Mount, PortBinding
from reagent.model.app import State
from tests.unit.apps.rig import Rig


async def test_a_release_whose_image_is_missing_is_fetched_on_the_way(rig: Rig) -> None:
    rig.engine.offers(rig.image("1.0.0"))

    await rig.ask("RUNNING", present_version="1.0.0", newest_version="1.0.0")

    assert rig.cloud.told == ["STARTING", "DOWNLOADING", "PRESENT", "RUNNING"]
    assert rig.engine.container("prod_1_app").status == "running"


async def test_a_release_whose_image_is_here_starts_at_once_and_is_stored(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))

    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0", newest_version="1.0.0")

    assert rig.cloud.told == ["STARTING", "RUNNING"]
    row = await rig.row()
    assert row is not None
    assert (row.current, row.target, row.present_version) == ("RUNNING", "RUNNING", "1.0.0")


async def test_a_container_is_made_as_the_platform_knows_it(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    ports = [{"port": 8080, "protocol": "http", "active": True}]

    await rig.ask(
        "RUNNING",
        "PRESENT",
        present_version="1.0.0",
        environment={"MODE": {"value": "fast"}},
        ports=ports,
    )

    spec = rig.engine.created[0]
    data = rig.folders.apps / "prod" / "app"
    assert spec.name == "prod_1_app"
    assert spec.image == "registry/main/prod_amd64_1_app:1.0.0"
    assert spec.labels == {"real": "True"}
    assert spec.mounts == [Mount(str(rig.folders.shared), "/shared"), Mount(str(data), "/data")]
    assert spec.bindings == (PortBinding(8080, "tcp", 40000),)
    assert {"APP_NAME=App", "MODE=fast", "DEVICE_PORT_FOR_8080=40000"} <= set(spec.environment)
    assert {"DEVICE_LAN_IP=192.0.2.7", "RESWARM_URL=https://studio.example"} <= set(
        spec.environment
    )
    assert (data / "env" / "MODE.txt").read_text() == "fast"
    assert (data / "env").stat().st_mode & 0o777 == 0o700


async def test_a_container_that_fits_is_reused(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    rig.engine.has_container(
        "prod_1_app",
        status="created",
        spec=ContainerSpec(name="prod_1_app", image=rig.image("1.0.0")),
    )

    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0")

    assert rig.cloud.told == ["STARTING", "RUNNING"]
    assert rig.engine.created == []


async def test_a_container_with_other_ports_is_made_anew(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    old = ContainerSpec(
        name="prod_1_app",
        image=rig.image("1.0.0"),
        bindings=(PortBinding(9000, "tcp", 41000),),
    )
    rig.engine.has_container("prod_1_app", status="created", spec=old)

    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0", ports=[{"port": 8080}])

    assert [spec.bindings for spec in rig.engine.created] == [(PortBinding(8080, "tcp", 40000),)]


async def test_a_container_that_cannot_be_made_fails_the_app(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    rig.engine.refuse_create("no space left on device")

    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0")

    assert rig.cloud.told == ["STARTING", "FAILED"]
    assert rig.logs.told("no space left on device")


@pytest.mark.parametrize("failing", ["create", "start"])
async def test_without_its_gpu_an_app_is_tried_without_a_gpu(rig: Rig, failing: str) -> None:
    rig.machine.gpu = True
    rig.engine.has_image(rig.image("1.0.0"))
    rig.engine.refuse(failing, "could not select device driver nvidia")

    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0")

    assert rig.cloud.told == ["STARTING", "RUNNING"]
    assert [spec.runtime for spec in rig.engine.created] == ["nvidia", ""]
    assert rig.engine.container("prod_1_app").spec.runtime == ""


async def test_a_gpu_that_fails_twice_fails_the_app(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    rig.engine.refuse_start("nvidia: no device", times=2)

    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0")

    assert rig.cloud.told == ["STARTING", "FAILED"]
    assert rig.engine.asked.count("create prod_1_app") == 2
    assert rig.engine.asked.count("start prod_1_app") == 2


async def test_an_app_that_ends_at_once_leaves_its_log_and_fails(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    rig.engine.program(rig.image(), exits_with=3)

    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0")

    assert rig.cloud.told == ["STARTING", "FAILED"]
    entries = rig.logs.entries
    notice = "prod_1_app: Could not start App: prod_1_app ended with exit code 3"
    assert entries.index(notice) < entries.index("drain prod_1_app")


async def test_what_the_engine_has_against_starting_is_found_by_waiting(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    rig.engine.refuse_start("exec format error")

    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0")

    assert rig.cloud.told == ["STARTING", "FAILED"]
    assert rig.logs.told("exec format error")


async def test_an_app_that_does_not_come_up_within_half_a_minute_fails(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    rig.engine.has_container(
        "prod_1_app",
        status="paused",
        spec=ContainerSpec(name="prod_1_app", image=rig.image("1.0.0")),
    )
    rig.engine.refuse_start("")
    before = rig.clock.monotonic()

    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0")

    assert rig.cloud.told == ["STARTING", "FAILED"]
    assert rig.clock.monotonic() - before == pytest.approx(30, abs=1)


async def test_a_host_port_that_is_taken_is_exchanged(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    rig.engine.refuse_start("Bind for 0.0.0.0:40000 failed: port is already allocated")

    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0", ports=[{"port": 8080}])

    assert rig.cloud.told == ["STARTING", "RUNNING"]
    bindings = rig.engine.container("prod_1_app").spec.bindings
    assert bindings == (PortBinding(8080, "tcp", 40001),)


async def test_host_ports_are_exchanged_twice_and_no_more(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    for port in (40000, 40001, 40000):
        rig.engine.refuse_start(f"0.0.0.0:{port}: port is already allocated")

    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0", ports=[{"port": 8080}])

    assert rig.cloud.told == ["STARTING", "FAILED"]
    assert rig.engine.asked.count("start prod_1_app") == 3


async def test_somebody_elses_port_conflict_is_not_ours_to_solve(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    rig.engine.refuse_start("0.0.0.0:777: port is already allocated")

    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0", ports=[{"port": 8080}])

    assert rig.cloud.told == ["STARTING", "FAILED"]
    assert rig.engine.asked.count("start prod_1_app") == 1


async def test_a_working_copy_replaces_its_container(rig: Rig) -> None:
    rig.engine.has_image(rig.image(stage="dev"))
    rig.engine.has_container("dev_1_app", status="exited", image=rig.image(stage="dev"))
    old = rig.engine.container("dev_1_app").id

    await rig.ask("RUNNING", "PRESENT", stage="DEV")

    assert rig.cloud.told == ["STARTING", "RUNNING"]
    assert rig.engine.container("dev_1_app").id != old
    assert rig.engine.created[0].interactive


async def test_a_working_copy_without_an_image_says_so(rig: Rig) -> None:
    await rig.ask("RUNNING", "PRESENT", stage="DEV")

    assert rig.cloud.told == ["STARTING", "FAILED"]
    assert rig.logs.told("There is no image registry/main/dev_amd64_1_app")


async def test_a_fresh_app_runs_the_newest_version_when_no_other_is_named(rig: Rig) -> None:
    rig.engine.offers(rig.image("2.0.0"))

    await rig.ask("RUNNING", newest_version="2.0.0")

    assert rig.cloud.told == ["STARTING", "DOWNLOADING", "PRESENT", "RUNNING"]
    assert rig.app().version == "2.0.0"
    assert rig.engine.created[0].image == rig.image("2.0.0")


async def test_the_version_that_is_run_is_the_one_that_is_fetched(rig: Rig) -> None:
    rig.engine.offers(rig.image("1.0.0"))
    rig.engine.offers(rig.image("2.0.0"))

    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0", newest_version="2.0.0")

    assert rig.app().state == State.RUNNING
    assert rig.engine.created[0].image == rig.image("1.0.0")
    assert f"pull {rig.image('2.0.0')}" not in rig.engine.asked


async def test_without_any_version_there_is_nothing_to_run(rig: Rig) -> None:
    await rig.ask("RUNNING", "PRESENT")

    assert rig.cloud.told == ["STARTING", "FAILED"]
    assert rig.logs.told("the platform named no version")


async def test_ports_that_cannot_be_read_end_the_request(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))

    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0", ports=[{"port": "x"}])

    assert rig.cloud.told == []
    assert rig.app().state == State.PRESENT


async def test_host_ports_of_a_running_app_are_told_to_the_platform(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))

    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0", ports=[{"port": 8080}])

    saved = [[rule.host_port for rule in rules] for _, rules in rig.cloud.saved_ports]
    assert saved == [[0], [40000]]


async def test_a_full_disk_fails_what_would_fill_it(rig: Rig) -> None:
    rig.full = True

    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0")

    assert rig.cloud.told == ["FAILED"]
    assert "create prod_1_app" not in rig.engine.asked
