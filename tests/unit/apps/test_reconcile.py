from __future__ import annotations

import pytest

from reagent.errors import EngineFailed, EngineUnavailable
from reagent.model.app import AppKey, State
from tests.unit.apps.rig import Rig


async def _stored(rig: Rig, current: str, target: str, **fields: object) -> None:
    """What the last process left in the database; this process knows nothing yet."""
    await rig.begin(current, **fields)
    app = rig.app(str(fields.get("stage", "PROD")), int(str(fields.get("app_key", 1))))
    await rig.apps._requests.store(
        rig.wanted(target, current, **{"present_version": "1.0.0", **fields})
    )
    app.state = State(current)
    await rig.store.save_app(app)
    await rig.apps.close()
    rig.restarted()


async def test_a_boot_starts_what_ran_and_tells_nobody_while_there_is_no_link(rig: Rig) -> None:
    await _stored(rig, "RUNNING", "RUNNING")
    rig.engine.has_image(rig.image("1.0.0"))
    rig.cloud.go_offline()

    await rig.apps.boot()
    await rig.apps.settled()

    assert rig.app().state == State.RUNNING
    assert rig.engine.container("prod_1_app").status == "running"
    assert rig.cloud.told == []


async def test_a_boot_finds_a_container_that_died_and_starts_it_again(rig: Rig) -> None:
    await _stored(rig, "RUNNING", "RUNNING")
    rig.engine.has_image(rig.image("1.0.0"))
    rig.engine.has_container("prod_1_app", status="exited", image=rig.image("1.0.0"))

    await rig.apps.boot()
    await rig.apps.settled()

    assert rig.cloud.told == ["STARTING", "RUNNING"]


async def test_a_boot_starts_working_copies_too(rig: Rig) -> None:
    await _stored(rig, "RUNNING", "RUNNING", stage="DEV")
    rig.engine.has_image(rig.image(stage="dev"))

    await rig.apps.boot()
    await rig.apps.settled()

    assert rig.app("DEV").state == State.RUNNING


async def test_a_boot_does_not_try_what_needs_the_platform(rig: Rig) -> None:
    await _stored(rig, "REMOVED", "RUNNING")

    await rig.apps.boot()
    await rig.apps.settled()

    assert rig.app().state == State.REMOVED
    assert rig.engine.logins == []


@pytest.mark.parametrize("current", ["DOWNLOADING", "STARTING", "STOPPING", "DELETING"])
async def test_a_boot_after_a_cut_begins_from_what_is_there(rig: Rig, current: str) -> None:
    await _stored(rig, current, "PRESENT")
    rig.engine.has_image(rig.image("1.0.0"))

    await rig.apps.boot()
    await rig.apps.settled()

    assert rig.app().state == State.PRESENT
    row = await rig.store.app(AppKey(1, "PROD"))
    assert row is not None
    assert row.state == State.PRESENT


async def test_a_paused_container_does_not_stop_a_boot(rig: Rig) -> None:
    await _stored(rig, "RUNNING", "RUNNING")
    await _stored(rig, "RUNNING", "RUNNING", app_key=2)
    rig.engine.has_container("prod_1_app", status="paused")
    rig.engine.has_image(rig.image("1.0.0", key=2))

    await rig.apps.boot()
    await rig.apps.settled()

    assert rig.app().state == State.RUNNING
    assert rig.engine.container("prod_2_app").status == "running"


async def test_a_boot_without_an_engine_can_be_repeated(rig: Rig) -> None:
    await _stored(rig, "RUNNING", "RUNNING")
    rig.engine.has_image(rig.image("1.0.0"))
    rig.engine.go_down()
    with pytest.raises(EngineUnavailable):
        await rig.apps.boot()

    rig.engine.come_up()
    await rig.apps.boot()
    await rig.apps.settled()

    assert rig.app().state == State.RUNNING


async def test_images_that_cannot_be_listed_change_nothing(rig: Rig) -> None:
    await _stored(rig, "RUNNING", "RUNNING")
    rig.engine.refuse("list_images", "no answer")

    with pytest.raises(EngineFailed):
        await rig.apps.boot()

    row = await rig.store.app(AppKey(1, "PROD"))
    assert row is not None
    assert row.state == State.RUNNING


async def test_a_connect_reports_every_app_a_moment_apart(rig: Rig) -> None:
    await _stored(rig, "RUNNING", "RUNNING")
    await _stored(rig, "PRESENT", "PRESENT", app_key=2)
    rig.engine.has_container("prod_1_app")
    rig.engine.has_image(rig.image("1.0.0", key=2))
    before = rig.clock.monotonic()

    await rig.apps.resume()

    assert [(r.app_key, r.state) for r in rig.cloud.reports] == [(1, "RUNNING"), (2, "PRESENT")]
    assert rig.clock.monotonic() - before == pytest.approx(0.1)


async def test_a_report_that_fails_does_not_keep_others_from_being_reported(rig: Rig) -> None:
    await _stored(rig, "RUNNING", "RUNNING")
    await _stored(rig, "PRESENT", "PRESENT", app_key=2)
    rig.engine.has_container("prod_1_app")
    rig.engine.has_image(rig.image("1.0.0", key=2))
    rig.cloud.refuses_state = "RUNNING"

    await rig.apps.resume()

    assert rig.cloud.states(2) == ["PRESENT"]


async def test_an_app_in_transition_is_reported_as_it_is(rig: Rig) -> None:
    rig.engine.offers(rig.image("1.0.0"))
    rig.engine.slow_pull()
    await rig.apps.request(rig.wanted("PRESENT", newest_version="1.0.0"))
    await rig.cloud.until_told("DOWNLOADING")

    await rig.apps.resume()
    rig.engine.finish_pull()
    await rig.apps.settled()

    assert rig.cloud.told == ["DOWNLOADING", "DOWNLOADING", "PRESENT"]


async def test_an_app_that_was_started_since_the_engine_was_looked_at_runs(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0", key=2))
    await _stored(rig, "RUNNING", "RUNNING")
    await _stored(rig, "PRESENT", "PRESENT", app_key=2)
    rig.engine.has_container("prod_1_app")

    async def somebody_is_quick() -> None:
        await rig.ask("RUNNING", "PRESENT", app_key=2, present_version="1.0.0")

    rig.cloud.meanwhile = somebody_is_quick
    await rig.apps.resume()

    assert rig.cloud.states(2) == ["STARTING", "RUNNING", "RUNNING"]


@pytest.mark.parametrize(
    ("services", "state"),
    [
        ([], State.REMOVED),
        (["exited"], State.PRESENT),
        (["exited", "running"], State.RUNNING),
    ],
)
async def test_a_compose_app_is_reported_as_its_services_are(
    rig: Rig, services: list[str], state: State
) -> None:
    await _stored(rig, "RUNNING", "RUNNING", docker_compose={"services": {}})
    for number, status in enumerate(services):
        rig.engine.has_container(
            f"prod_1_app_compose-web-{number}",
            status=status,
            labels={"com.docker.compose.project": "prod_1_app_compose"},
        )

    await rig.apps.resume()

    assert rig.cloud.told == [state]


async def test_a_connect_takes_over_releases_and_no_working_copies(rig: Rig) -> None:
    rows = [
        rig.wanted("PRESENT", "REMOVED", present_version="1.0.0"),
        rig.wanted("RUNNING", "REMOVED", stage="DEV", app_key=2),
    ]

    await rig.apps.sync(rows)

    assert [(app.app_key, app.target) for app in rig.apps.all()] == [(1, State.PRESENT)]
    assert rig.cloud.told == ["REMOVED"]


async def test_a_row_that_cannot_be_stored_does_not_keep_the_others_from_it(rig: Rig) -> None:
    rows = [
        rig.wanted("PRESENT", ""),
        rig.wanted("RUNNING", "STOPPED", app_key=2),
        rig.wanted("RUNNING", "REMOVED", app_key=3),
    ]

    await rig.apps.sync(rows)

    assert [(app.app_key, app.target) for app in rig.apps.all()] == [(3, State.RUNNING)]


async def test_what_is_requested_while_the_list_is_on_its_way_is_newer_than_the_list(
    rig: Rig,
) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    rig.engine.offers(rig.image("1.0.0", key=2))
    await _stored(rig, "PRESENT", "PRESENT")
    rig.apps.fetching()

    await rig.apps.request(rig.wanted("RUNNING", "PRESENT", present_version="1.0.0"))
    await rig.ask("RUNNING", app_key=2, newest_version="1.0.0")
    await rig.apps.sync([rig.wanted("PRESENT", "PRESENT", present_version="1.0.0")])
    rig.apps.ensure_remote()
    await rig.apps.settled()

    assert {app.app_key: app.state for app in rig.apps.all()} == {1: "RUNNING", 2: "RUNNING"}
    assert len(await rig.store.apps()) == 2


async def test_the_next_list_counts_for_what_was_requested_before_it(rig: Rig) -> None:
    rig.engine.offers(rig.image("1.0.0"))
    await rig.ask("RUNNING", newest_version="1.0.0")

    rig.apps.fetching()
    await rig.apps.sync([])

    assert rig.engine.names == []
    assert await rig.store.apps() == []


async def test_a_connect_drives_releases_and_reports_again_what_is_there(rig: Rig) -> None:
    await _stored(rig, "PRESENT", "RUNNING")
    await _stored(rig, "PRESENT", "PRESENT", app_key=2)
    await _stored(rig, "PRESENT", "RUNNING", app_key=3, stage="DEV")
    rig.engine.has_image(rig.image("1.0.0"))

    rig.apps.ensure_remote()
    await rig.apps.settled()

    assert rig.cloud.states(1) == ["STARTING", "RUNNING"]
    assert rig.cloud.states(2) == ["PRESENT"]
    assert rig.cloud.states(3, "DEV") == []


async def test_names_of_containers_are_known_after_a_boot(rig: Rig) -> None:
    await _stored(rig, "PRESENT", "PRESENT")

    await rig.apps.boot()

    assert rig.apps.containers() == ["prod_1_app"]


async def test_a_disk_with_room_again_starts_what_should_run(rig: Rig) -> None:
    await _stored(rig, "PRESENT", "RUNNING")
    rig.engine.has_image(rig.image("1.0.0"))

    await rig.apps.ensure_local()
    await rig.apps.settled()

    assert rig.cloud.told == ["STARTING", "RUNNING"]


async def test_a_device_without_apps_asks_the_engine_for_no_more_than_the_sweep(rig: Rig) -> None:
    await rig.apps.boot()
    await rig.apps.sync([])

    assert rig.engine.asked == ["list_containers", "list_containers"]
    assert len(rig.apps._background) == 0
