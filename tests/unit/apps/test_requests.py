from __future__ import annotations

import asyncio

import pytest

from reagent.errors import BadRequest, CallFailed
from reagent.model.app import AppKey, State
from tests.unit.apps.rig import Rig


async def test_a_new_app_is_stored_before_anything_is_done(rig: Rig) -> None:
    rig.engine.hold("image_exists")

    await rig.apps.request(rig.wanted("RUNNING", present_version="1.0.0", release_key=7))

    row = await rig.row()
    assert row is not None
    assert (row.target, row.current, row.release_key) == ("RUNNING", "REMOVED", 7)
    assert rig.app().target == State.RUNNING
    assert [each.app_name for each in await rig.store.apps()] == ["App"]


async def test_a_passing_target_is_stored_normalised_and_leads_nowhere(rig: Rig) -> None:
    await rig.ask("DOWNLOADING")

    row = await rig.row()
    assert row is not None
    assert row.target == "PRESENT"
    assert rig.cloud.told == []


@pytest.mark.parametrize(
    ("token", "fields"),
    [
        ("requestedState", {"target": "STOPPED"}),
        ("requestedState", {"target": ""}),
        ("requestedState", {"target": "NONSENSE"}),
        ("currentState", {"current": ""}),
        ("currentState", {"current": "STOPPED"}),
        ("stage", {"stage": "TEST"}),
    ],
)
async def test_a_word_that_cannot_be_stored_goes_back_to_the_caller(
    rig: Rig, token: str, fields: dict[str, str]
) -> None:
    asked = {"target": "RUNNING", "current": "PRESENT", **fields}

    with pytest.raises(BadRequest, match=token):
        await rig.apps.request(rig.wanted(**asked))

    assert rig.apps.all() == []


async def test_a_built_app_waits_to_become_present(rig: Rig) -> None:
    await rig.begin("PRESENT", stage="DEV")
    rig.app("DEV").state = State.BUILT

    await rig.apps._requests.store(rig.wanted("RUNNING", "BUILT", stage="DEV"))
    waiting = rig.app("DEV").target
    await rig.apps._requests.store(rig.wanted("UNINSTALLED", "BUILT", stage="DEV"))

    assert waiting == State.PRESENT
    assert rig.app("DEV").target == State.UNINSTALLED
    row = await rig.row("DEV")
    assert row is not None
    assert row.target == "UNINSTALLED"


async def test_the_platforms_version_is_taken_over_and_an_unsaid_one_is_not(rig: Rig) -> None:
    await rig.begin("RUNNING", present_version="9.9.9")

    await rig.ask("RUNNING", "PRESENT", present_version="")
    kept = rig.app().version
    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0")

    assert kept == "9.9.9"
    assert rig.app().version == "1.0.0"
    assert rig.app().state == State.RUNNING


async def test_a_published_app_is_where_the_platform_says(rig: Rig) -> None:
    await rig.begin("PRESENT")
    rig.app().state = State.PUBLISHED

    await rig.ask("RUNNING", "RUNNING", present_version="9.9.9")

    assert rig.cloud.told == ["RUNNING"]
    assert rig.app().version == "9.9.9"


async def test_what_is_so_already_is_reported_again(rig: Rig) -> None:
    await rig.begin("RUNNING")

    await rig.ask("RUNNING", "RUNNING")

    assert rig.cloud.told == ["RUNNING"]
    assert rig.engine.asked == []


async def test_a_running_app_stays_so_when_the_platform_does_not_want_to_hear_it(
    rig: Rig,
) -> None:
    await rig.begin("RUNNING")
    rig.cloud.fail("report_app")

    await rig.ask("RUNNING", "RUNNING")

    assert rig.app().state == State.RUNNING


async def test_what_cannot_be_is_not_reported(rig: Rig) -> None:
    await rig.begin("UNINSTALLED")

    await rig.ask("REMOVED", "UNINSTALLED")

    assert rig.cloud.told == []


@pytest.mark.parametrize(
    ("target", "fields"),
    [
        ("BUILT", {"stage": "DEV"}),
        ("PUBLISHED", {"stage": "DEV"}),
        ("RUNNING", {"docker_compose": {"services": {}}}),
        ("REMOVED", {"docker_compose": {}}),
    ],
)
async def test_what_this_version_cannot_do_is_refused_by_name_and_changes_nothing(
    rig: Rig, target: str, fields: dict[str, object]
) -> None:
    stage = str(fields.get("stage", "PROD"))
    await rig.begin("PRESENT", **fields)

    await rig.ask(target, "PRESENT", present_version="1.0.0", **fields)

    assert rig.cloud.told == []
    assert rig.app(stage).state == State.PRESENT
    assert rig.logs.told("App stays as it is")
    assert rig.logs.told("not in this version")
    assert not rig.app(stage).lock.locked()


async def test_an_app_that_runs_is_not_stopped_for_a_build_that_is_not_done(rig: Rig) -> None:
    await rig.begin("RUNNING", stage="DEV")
    rig.engine.has_container("dev_1_app")

    await rig.ask("BUILT", "RUNNING", stage="DEV")

    assert rig.cloud.told == []
    assert rig.engine.container("dev_1_app").status == "running"
    assert rig.app("DEV").state == State.RUNNING
    assert rig.logs.told("build: not in this version")


@pytest.mark.parametrize(
    "fields",
    [
        {"newest_version": "2.0.0"},
        {"request_update": True, "newest_version": "1.0.0", "present_version": "1.0.0"},
        {"request_update": True, "newest_version": "1.0.0", "present_version": ""},
    ],
)
async def test_nothing_is_fetched_without_an_update_that_is_due(
    rig: Rig, fields: dict[str, object]
) -> None:
    await rig.begin("PRESENT")

    await rig.ask("PRESENT", "PRESENT", **fields)

    assert rig.cloud.told == ["PRESENT"]
    assert rig.engine.logins == []


async def test_an_uninstall_never_updates(rig: Rig) -> None:
    await rig.begin("UNINSTALLED")

    await rig.ask("UNINSTALLED", "UNINSTALLED", request_update=True, newest_version="2.0.0")

    assert rig.cloud.told == ["UNINSTALLED"]


@pytest.mark.parametrize("target", ["RUNNING", "BUILT"])
async def test_an_updating_app_ignores_what_does_not_end_the_update(rig: Rig, target: str) -> None:
    await rig.begin("PRESENT")
    rig.app().state = State.UPDATING

    await rig.ask(target, "UPDATING")

    assert rig.app().state == State.UPDATING
    assert rig.cloud.told == []


async def test_a_request_that_finds_the_app_busy_is_picked_up_afterwards(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    rig.engine.hold("create")
    await rig.apps.request(rig.wanted("RUNNING", "PRESENT", present_version="1.0.0"))
    await rig.engine.until_asked("create prod_1_app")

    await rig.apps.request(rig.wanted("PRESENT", "STARTING", present_version="1.0.0"))
    busy = rig.apps.busy
    rig.engine.release("create")
    await rig.apps.settled()

    assert busy
    assert rig.cloud.told == ["STARTING", "RUNNING", "STOPPING", "STOPPING", "PRESENT"]
    assert rig.cloud.tokens_for == [5, 5]


async def test_a_request_at_the_very_end_of_another_is_seen_whole_or_not_at_all(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    stories = set()

    # Whichever step of the first one's end the second one meets.
    for step in range(8):
        await rig.begin("RUNNING")
        told = len(rig.cloud.told)
        await rig.apps.request(rig.wanted("PRESENT", present_version="1.0.0"))
        await rig.cloud.until_told_again("PRESENT", told)
        for _ in range(step):
            await asyncio.sleep(0)
        await rig.ask("RUNNING", present_version="1.0.0")
        stories.add(tuple(rig.cloud.told[told:]))

    assert stories == {("STOPPING", "STOPPING", "PRESENT", "STARTING", "RUNNING")}


async def test_a_request_that_finds_a_failing_app_busy_is_not_forgotten(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    rig.engine.refuse_create("no space left on device")
    rig.engine.hold("create")
    await rig.apps.request(rig.wanted("RUNNING", "PRESENT", present_version="1.0.0"))
    await rig.engine.until_asked("create prod_1_app")

    await rig.apps.request(rig.wanted("PRESENT", "STARTING", present_version="1.0.0"))
    await rig.clock.pass_time(0.1)
    rig.engine.release("create")
    await rig.apps.settled()

    assert rig.cloud.told == ["STARTING", "FAILED", "PRESENT"]


async def test_a_bug_in_a_verb_is_a_failed_app_and_never_a_locked_one(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    rig.engine._refusals["create"].append(ZeroDivisionError("a bug"))  # type: ignore[arg-type]

    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0")
    failed = rig.app().state
    await rig.ask("RUNNING", "FAILED", present_version="1.0.0")

    assert failed == State.FAILED
    assert rig.app().state == State.RUNNING


async def test_without_a_token_nothing_is_begun_and_it_is_tried_again(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    rig.cloud.fail("registry_token")

    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0")
    told_before = list(rig.cloud.told)
    rig.cloud.mend("registry_token")
    await rig.clock.pass_time(10)
    await rig.apps.settled()

    assert told_before == []
    assert rig.cloud.told == ["STARTING", "RUNNING"]


async def test_an_app_that_is_here_runs_without_a_link(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    rig.cloud.go_offline()

    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0", ports=[{"port": 80}])

    assert rig.app().state == State.RUNNING
    assert rig.cloud.told == []


async def test_a_link_that_breaks_during_a_transition_does_not_fail_the_app(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    rig.engine.hold("create")
    await rig.apps.request(rig.wanted("RUNNING", "PRESENT", present_version="1.0.0"))
    await rig.engine.until_asked("create prod_1_app")
    rig.cloud.go_offline()
    rig.engine.release("create")
    await rig.apps.settled()
    rig.cloud.come_online()

    await rig.apps.resume()

    assert rig.cloud.told == ["STARTING", "RUNNING"]


async def test_a_report_that_the_platform_refuses_fails_the_app(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    rig.cloud.refuses_state = "RUNNING"

    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0")

    assert rig.cloud.told == ["STARTING", "FAILED"]
    assert rig.app().state == State.FAILED


async def test_a_state_that_is_not_reported_is_stored_all_the_same(rig: Rig) -> None:
    app = await rig.begin("PRESENT")
    rig.cloud.fail("report_app")

    with pytest.raises(CallFailed):
        await rig.apps._reports.set(app, State.RUNNING)

    row = await rig.store.app(AppKey(1, "PROD"))
    assert row is not None
    assert row.state == app.state == State.RUNNING


@pytest.mark.parametrize(("target", "rows"), [("REMOVED", 0), ("UNINSTALLED", 0), ("RUNNING", 1)])
async def test_rows_go_with_an_app_that_is_meant_to_be_removed(
    rig: Rig, target: str, rows: int
) -> None:
    app = await rig.begin("PRESENT")
    await rig.apps._requests.store(rig.wanted(target, "PRESENT"))

    await rig.apps._reports.set(app, State.REMOVED)

    assert len(await rig.store.apps()) == rows
    assert rig.app().state == State.REMOVED


async def test_different_apps_do_not_wait_for_each_other(rig: Rig) -> None:
    rig.engine.offers(rig.image("1.0.0"))
    rig.engine.has_image(rig.image("1.0.0", key=2))
    rig.engine.slow_pull()
    await rig.apps.request(rig.wanted("PRESENT", newest_version="1.0.0"))
    await rig.cloud.until_told("DOWNLOADING")

    await rig.apps.request(rig.wanted("RUNNING", "PRESENT", app_key=2, present_version="1.0.0"))
    await rig.cloud.until_told("RUNNING")

    assert rig.cloud.states(1) == ["DOWNLOADING"]


async def test_what_a_push_alone_brings_survives_until_the_next_start(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    rig.learnt.credential_key = "key"
    await rig.ask("PRESENT", "PRESENT", present_version="1.0.0", app_cred_epoch=3, instance_key=8)
    row = await rig.row()
    assert row is not None

    rig.apps.fetching()
    await rig.apps.sync([rig.wanted("RUNNING", "PRESENT", present_version="1.0.0")])
    rig.apps.ensure_remote()
    await rig.apps.settled()

    environment = rig.engine.created[0].environment
    assert "INSTANCE_KEY=8" in environment
    assert "APP_AUTH_ID=app-1-prod-e3@test-serial-001" in environment


async def test_what_a_later_request_does_not_say_of_its_login_is_what_was_said_before(
    rig: Rig,
) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    rig.learnt.credential_key = "key"
    await rig.ask("PRESENT", "PRESENT", present_version="1.0.0", app_cred_epoch=3, instance_key=8)

    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0")

    environment = rig.engine.created[0].environment
    assert "INSTANCE_KEY=8" in environment
    assert "APP_AUTH_ID=app-1-prod-e3@test-serial-001" in environment


async def test_after_everything_that_did_not_fail_tunnels_are_looked_at(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0")
    after_a_start = rig.nudges
    await rig.ask("RUNNING", "RUNNING", present_version="1.0.0")
    after_nothing_to_do = rig.nudges
    rig.engine.refuse("stop", "out of order")
    await rig.ask("PRESENT", "RUNNING", present_version="1.0.0")

    assert rig.app().state == State.FAILED
    assert (after_a_start, after_nothing_to_do, rig.nudges) == (1, 2, 2)


async def test_a_caller_who_leaves_does_not_take_a_request_back(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    asking = asyncio.create_task(
        rig.apps.request(rig.wanted("RUNNING", "PRESENT", present_version="1.0.0"))
    )
    await asyncio.sleep(0)

    asking.cancel()
    await asyncio.wait([asking])
    await rig.apps.settled()

    assert rig.cloud.told == ["STARTING", "RUNNING"]
    row = await rig.row()
    assert row is not None
    assert row.target == "RUNNING"


async def test_an_upload_that_broke_leaves_the_app_removed(rig: Rig) -> None:
    await rig.begin("TRANSFERING", stage="DEV")
    await rig.begin("RUNNING")

    await rig.apps.upload_failed("DEV_1_App")
    await rig.apps.upload_failed("prod_1_app")
    await rig.apps.upload_failed("dev_9_nobody")

    assert rig.cloud.told == ["REMOVED"]
    assert rig.app().state == State.RUNNING


async def test_closing_ends_a_download_within_its_bound(rig: Rig) -> None:
    rig.engine.offers(rig.image("1.0.0"))
    rig.engine.slow_pull()
    await rig.apps.request(rig.wanted("PRESENT", newest_version="1.0.0"))
    await rig.cloud.until_told("DOWNLOADING")

    await rig.apps.close()

    assert not rig.apps.busy
    assert rig.app().state == State.DOWNLOADING
