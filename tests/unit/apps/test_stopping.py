from __future__ import annotations

import pytest

from reagent.model.app import State
from tests.unit.apps.rig import Rig


async def test_a_stopped_release_reports_twice_that_it_is_stopping(rig: Rig) -> None:
    await rig.begin("RUNNING")
    rig.engine.has_container("prod_1_app")

    await rig.ask("PRESENT", "RUNNING")

    assert rig.cloud.told == ["STOPPING", "STOPPING", "PRESENT"]
    assert rig.engine.names == []
    assert rig.logs.told("App has stopped")


async def test_a_stopped_working_copy_reports_once_that_it_is_stopping(rig: Rig) -> None:
    await rig.begin("RUNNING", stage="DEV")
    rig.engine.has_container("dev_1_app")

    await rig.ask("PRESENT", "RUNNING", stage="DEV")

    assert rig.cloud.told == ["STOPPING", "PRESENT"]
    assert rig.engine.names == []


async def test_an_app_without_a_container_has_stopped(rig: Rig) -> None:
    await rig.begin("RUNNING")

    await rig.ask("PRESENT", "RUNNING")

    assert rig.cloud.told == ["STOPPING", "STOPPING", "PRESENT"]


async def test_only_the_app_itself_is_stopped(rig: Rig) -> None:
    await rig.begin("RUNNING")
    rig.engine.has_container("prod_1_app2")
    rig.engine.has_container("prod_1_app_compose-web-1")

    await rig.ask("PRESENT", "RUNNING")

    assert rig.engine.names == ["prod_1_app2", "prod_1_app_compose-web-1"]


@pytest.mark.parametrize("call", ["inspect", "stop", "remove"])
async def test_a_stop_that_the_engine_refuses_fails_the_app(rig: Rig, call: str) -> None:
    await rig.begin("RUNNING")
    rig.engine.has_container("prod_1_app")
    rig.engine.refuse(call, "the engine has a bad day")

    await rig.ask("PRESENT", "RUNNING")

    assert rig.cloud.told[-1] == "FAILED"
    assert set(rig.cloud.told) == {"STOPPING", "FAILED"}
    assert rig.logs.told("the engine has a bad day")


async def test_a_container_that_does_not_go_away_fails_the_app(rig: Rig) -> None:
    await rig.begin("RUNNING")
    rig.engine.has_container("prod_1_app", status="removing")
    rig.engine.hold("remove")

    await rig.apps.request(rig.wanted("PRESENT", "RUNNING"))
    await rig.engine.until_asked("remove prod_1_app")
    rig.engine.release("remove")
    await rig.apps.settled()

    assert rig.app().state == State.PRESENT
