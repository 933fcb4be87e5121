from __future__ import annotations

from dataclasses import replace

import pytest

from reagent.apps.observed import Found
from reagent.apps.sweep import is_project_of_agent, normalised_project, orphans
from reagent.model.app import AppKey, State
from tests.unit.apps.rig import Rig


@pytest.mark.parametrize(
    ("name", "project"),
    [
        ("MyApp", "myapp"),
        ("Wire.Guard!", "wireguard"),
        ("_leading", "leading"),
        ("ok-name_2", "ok-name_2"),
        ("--strip", "strip"),
    ],
)
def test_a_project_is_named_as_compose_names_it(name: str, project: str) -> None:
    assert normalised_project(name) == project


@pytest.mark.parametrize(
    ("project", "agents"),
    [
        ("prod_6_myapp_compose", True),
        ("dev_6_my_app_compose", True),
        ("prod_6_myapp_other", False),
        ("weird_6_app_compose", False),
        ("prod_abc_app_compose", False),
        ("ironflock", False),
        ("x", False),
        ("", False),
    ],
)
def test_projects_of_agents_are_told_from_both_ends(project: str, *, agents: bool) -> None:
    assert is_project_of_agent(project) is agents


def _found(name: str, project: str = "") -> Found:
    return Found(name, "running", None, project)


def test_only_what_an_agent_made_for_an_unknown_app_is_an_orphan() -> None:
    containers = [
        _found("prod_1_app"),
        _found("prod_99_ghost"),
        _found("dev_3_my_ghost"),
        _found("some-random-thing"),
        _found("word_5_thing"),
        _found("pub_5_thing"),
        _found("prod_1_app_compose-web-1", "prod_1_app_compose"),
        _found("prod_1_app_compose-db-1", "prod_1_app_compose"),
        _found("prod_99_ghost_compose-web-1", "prod_99_ghost_compose"),
        _found("prod_98_unlabelled_compose-web-1"),
        _found("ironflock-db-1", "ironflock"),
        _found("x-y-1", "x"),
    ]

    gone = orphans(containers, {"prod_1_app"}, {"prod_1_app_compose"})

    assert gone == ["prod_99_ghost", "dev_3_my_ghost", "prod_99_ghost_compose-web-1"]


async def test_a_container_that_stays_does_not_end_the_sweep(rig: Rig) -> None:
    rig.engine.has_container("prod_98_ghost")
    rig.engine.has_container("prod_99_ghost")
    rig.engine.refuse("remove", "device or resource busy")

    await rig.apps._sweep.containers()

    assert len(rig.engine.names) == 1


async def test_a_boot_sweeps_what_nobody_knows(rig: Rig) -> None:
    await rig.begin("PRESENT")
    rig.engine.has_container("prod_1_app", status="created")
    rig.engine.has_container("prod_99_ghost")
    rig.engine.has_container("somebody-elses")

    await rig.apps.boot()

    assert rig.engine.names == ["prod_1_app", "somebody-elses"]


async def test_an_app_that_the_platform_lists_is_left_alone(rig: Rig) -> None:
    await rig.begin("PRESENT")
    rig.engine.has_container("prod_1_app", status="created")

    await rig.apps._sweep.apps(lambda app: app == AppKey(1, "PROD"))

    assert rig.engine.asked == []
    assert len(await rig.store.apps()) == 1


async def test_a_release_that_the_platform_does_not_list_keeps_its_images_alone(
    rig: Rig,
) -> None:
    await rig.begin("RUNNING")
    rig.engine.has_image(rig.image("1.0.0"))
    rig.engine.has_container("prod_1_app")
    rig.engine.has_container("prod_1_app2")

    await rig.apps._sweep.apps(lambda _: False)

    assert rig.engine.names == ["prod_1_app2"]
    assert rig.engine.tags == [rig.image("1.0.0")]
    assert await rig.store.apps() == []
    assert await rig.row() is None


async def test_a_working_copy_that_the_platform_does_not_list_loses_its_images(rig: Rig) -> None:
    await rig.begin("RUNNING", stage="DEV")
    rig.engine.has_image(rig.image("latest", stage="dev"))
    rig.engine.has_image("dev_amd64_1_app:latest")
    rig.engine.has_container("dev_1_app")

    await rig.apps._sweep.apps(lambda _: False)

    assert rig.engine.names == rig.engine.tags == []
    assert rig.apps.get(AppKey(1, "DEV")) is not None
    assert rig.app("DEV").state == State.REMOVED


async def test_an_engine_that_is_down_does_not_keep_rows(rig: Rig) -> None:
    await rig.begin("RUNNING")
    rig.engine.go_down()

    await rig.apps.sync([])

    assert await rig.store.apps() == []


async def test_an_empty_answer_removes_every_app(rig: Rig) -> None:
    await rig.begin("RUNNING")
    await rig.begin("PRESENT", app_key=2)
    rig.engine.has_container("prod_1_app")

    await rig.apps.sync([])

    assert await rig.store.apps() == []
    assert rig.engine.names == []
    assert rig.cloud.told == []


async def test_a_row_that_names_no_app_keeps_every_app(rig: Rig) -> None:
    await rig.begin("RUNNING")
    await rig.begin("PRESENT", app_key=2)
    wanted = rig.wanted("RUNNING", "RUNNING")

    for odd in (
        replace(wanted, app_key=0),
        replace(wanted, app_name=""),
        replace(wanted, stage=""),
    ):
        await rig.apps.sync([wanted, odd])

    assert [row.app_key for row in await rig.store.apps()] == [1, 2]
