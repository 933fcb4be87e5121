"""An installed release becomes its newest version (docs/contract/apps.md 2.8)."""

from __future__ import annotations

import asyncio

import pytest

from reagent.apps.actions.update import update
from reagent.apps.actions.workshop import Job
from reagent.errors import Refused
from reagent.model.app import State, UpdateStatus
from tests.unit.apps.rig import Rig

FIELDS: dict[str, object] = {
    "present_version": "1.0.0",
    "newest_version": "2.0.0",
    "request_update": True,
    "release_key": 101,
    "new_release_key": 202,
}


async def _runs_the_old_one(rig: Rig) -> None:
    """App 1 runs version 1.0.0, and the registry has 2.0.0."""
    rig.engine.has_image(rig.image("1.0.0"))
    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0", release_key=101)
    rig.engine.offers(rig.image("2.0.0"))
    rig.cloud.reports.clear()
    rig.logs.entries.clear()


async def _is_cut_while_it_fetches(rig: Rig) -> None:
    await _runs_the_old_one(rig)
    rig.engine.slow_pull()
    await rig.apps.request(rig.wanted("RUNNING", "RUNNING", **FIELDS))
    await rig.engine.until_asked(f"pull {rig.image('2.0.0')}")
    await rig.apps.close()
    rig.engine.finish_pull()


async def test_an_app_is_updated_and_runs_again(rig: Rig) -> None:
    await _runs_the_old_one(rig)
    old = rig.engine.container("prod_1_app").id

    await rig.ask("RUNNING", "RUNNING", **FIELDS)

    assert rig.cloud.told == ["UPDATING", "PRESENT", "STARTING", "RUNNING"]
    assert rig.app().version == "2.0.0"
    assert rig.engine.container("prod_1_app").id != old
    assert rig.engine.container("prod_1_app").spec.image == rig.image("2.0.0")
    assert rig.engine.tags == [rig.image("2.0.0")]


async def test_the_platform_confirms_an_update_by_taking_its_report(rig: Rig) -> None:
    await _runs_the_old_one(rig)

    await rig.ask("RUNNING", "RUNNING", **FIELDS)

    statuses = [str(report.update_status) for report in rig.cloud.reports]
    assert statuses == ["", "pending_remote_confirmation", "completed", "completed"]
    assert [report.release_key for report in rig.cloud.reports] == [101, 202, 202, 202]
    assert rig.app().update_status == UpdateStatus.COMPLETED


async def test_what_is_stored_after_an_update_asks_for_no_other(rig: Rig) -> None:
    await _runs_the_old_one(rig)

    await rig.ask("RUNNING", "RUNNING", **FIELDS)

    row = await rig.row()
    assert row is not None
    assert (row.present_version, row.newest_version) == ("2.0.0", "2.0.0")
    assert (row.release_key, row.target, row.current) == (202, "RUNNING", "RUNNING")


async def test_an_app_that_is_not_there_yet_is_installed_by_its_update(rig: Rig) -> None:
    rig.engine.offers(rig.image("2.0.0"))

    await rig.ask("RUNNING", "REMOVED", **{**FIELDS, "present_version": ""})

    assert rig.cloud.told == ["UPDATING", "PRESENT", "STARTING", "RUNNING"]
    assert rig.app().version == "2.0.0"


async def test_the_old_image_may_stay(rig: Rig) -> None:
    await _runs_the_old_one(rig)
    rig.engine.refuse("remove_image", "image is being used by a stopped container")

    await rig.ask("PRESENT", "RUNNING", **FIELDS)

    assert rig.cloud.told == ["UPDATING", "PRESENT"]
    assert rig.image("1.0.0") in rig.engine.tags


async def test_a_version_that_cannot_be_had_fails_the_app_which_tries_again(rig: Rig) -> None:
    await _runs_the_old_one(rig)
    rig.engine.spoil_pull("manifest unknown")

    await rig.ask("RUNNING", "RUNNING", **FIELDS)

    assert rig.cloud.told == ["UPDATING", "FAILED"]
    assert rig.app().version == "1.0.0"
    assert rig.logs.told("Could not update App to 2.0.0: manifest unknown")
    await rig.clock.pass_time(7)
    await rig.apps.settled()
    assert rig.cloud.told[2:] == ["UPDATING", "PRESENT", "STARTING", "RUNNING"]


async def test_the_target_that_is_asked_for_during_the_download_wins(rig: Rig) -> None:
    await _runs_the_old_one(rig)
    rig.engine.slow_pull()
    await rig.apps.request(rig.wanted("PRESENT", "RUNNING", **FIELDS))
    await rig.engine.until_asked(f"pull {rig.image('2.0.0')}")

    for target in ("RUNNING", "BUILT", "RUNNING"):
        await rig.apps.request(rig.wanted(target, "UPDATING", **FIELDS))
    rig.engine.finish_pull()
    await rig.apps.settled()

    row = await rig.row()
    assert rig.cloud.told == ["UPDATING", "PRESENT", "STARTING", "RUNNING"]
    assert row is not None
    assert (row.target, row.present_version, row.newest_version) == ("RUNNING", "2.0.0", "2.0.0")


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("PRESENT", ["PRESENT"]),
        ("REMOVED", ["DELETING", "REMOVED"]),
        ("UNINSTALLED", ["DELETING", "REMOVED", "UNINSTALLED"]),
    ],
)
@pytest.mark.parametrize("flag", [True, False])
async def test_an_update_is_canceled_by_asking_for_less(
    rig: Rig, target: str, told: list[str], *, flag: bool
) -> None:
    await _runs_the_old_one(rig)
    rig.engine.slow_pull()
    await rig.apps.request(rig.wanted("RUNNING", "RUNNING", **FIELDS))
    await rig.engine.until_asked(f"pull {rig.image('2.0.0')}")

    await rig.ask(
        target, "UPDATING", present_version="1.0.0", newest_version="2.0.0", cancel_transition=flag
    )

    assert rig.cloud.told == ["UPDATING", *told]
    assert {report.update_status for report in rig.cloud.reports[1:]} == {UpdateStatus.CANCELED}
    assert rig.app().version == "1.0.0"
    assert rig.image("2.0.0") not in rig.engine.tags
    assert rig.logs.told("Update of App was canceled")


async def test_an_update_is_canceled_before_its_download_has_begun(rig: Rig) -> None:
    await _runs_the_old_one(rig)
    rig.engine.hold("remove")
    await rig.apps.request(rig.wanted("RUNNING", "RUNNING", **FIELDS))
    await rig.engine.until_asked("remove prod_1_app")

    await rig.ask("PRESENT", "UPDATING", present_version="1.0.0", newest_version="2.0.0")
    rig.engine.release("remove")
    await rig.apps.settled()

    assert rig.cloud.told == ["UPDATING", "PRESENT"]
    assert f"pull {rig.image('2.0.0')}" not in rig.engine.asked


async def test_a_removal_that_carries_an_update_removes(rig: Rig) -> None:
    await _runs_the_old_one(rig)

    await rig.ask("REMOVED", "RUNNING", **FIELDS)

    assert rig.cloud.told == ["DELETING", "REMOVED"]
    assert f"pull {rig.image('2.0.0')}" not in rig.engine.asked


async def test_a_pending_update_is_driven_when_the_app_is_no_longer_busy(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    rig.engine.offers(rig.image("2.0.0"))
    rig.engine.hold("create")
    await rig.apps.request(rig.wanted("RUNNING", "PRESENT", present_version="1.0.0"))
    await rig.engine.until_asked("create prod_1_app")

    await rig.apps.request(rig.wanted("RUNNING", "STARTING", **FIELDS))
    row = await rig.row()
    rig.engine.release("create")
    await rig.apps.settled()

    assert row is not None
    assert (row.request_update, row.newest_version) == (True, "2.0.0")
    assert rig.cloud.told == ["STARTING", "RUNNING", "UPDATING", "PRESENT", "STARTING", "RUNNING"]
    assert rig.app().version == "2.0.0"


async def test_without_a_link_the_installed_version_runs_and_is_updated_later(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    rig.engine.offers(rig.image("2.0.0"))
    rig.cloud.go_offline()

    await rig.ask("RUNNING", "PRESENT", **FIELDS)
    before = rig.engine.container("prod_1_app").spec.image
    rig.cloud.come_online()
    rig.apps.ensure_remote()
    await rig.apps.settled()

    assert before == rig.image("1.0.0")
    assert rig.engine.container("prod_1_app").spec.image == rig.image("2.0.0")
    assert rig.cloud.told == ["UPDATING", "PRESENT", "STARTING", "RUNNING"]


async def test_a_boot_before_the_first_session_runs_what_is_installed(rig: Rig) -> None:
    await _is_cut_while_it_fetches(rig)
    # Whatever is asked then is answered with nothing.
    rig.cloud.connected = False

    await rig.restarted().boot()
    await rig.apps.settled()

    assert rig.engine.container("prod_1_app").spec.image == rig.image("1.0.0")
    assert rig.app().state == State.RUNNING


async def test_a_cut_in_the_middle_of_an_update_is_an_app_that_updates_again(rig: Rig) -> None:
    await _is_cut_while_it_fetches(rig)

    await rig.restarted().boot()
    await rig.apps.settled()

    assert rig.cloud.told[-4:] == ["UPDATING", "PRESENT", "STARTING", "RUNNING"]
    assert rig.app().version == "2.0.0"


async def test_a_working_copy_has_no_newer_version(rig: Rig) -> None:
    await rig.begin("PRESENT", stage="DEV")

    await rig.ask("RUNNING", "PRESENT", stage="DEV", request_update=True, newest_version="2.0.0")

    assert rig.cloud.told == ["FAILED"]
    with pytest.raises(Refused, match="cannot update dev app"):
        await update(rig.apps._shop, Job(rig.app("DEV"), rig.wanted("PRESENT", stage="DEV")))


async def test_the_newest_version_is_not_updated_to_itself(rig: Rig) -> None:
    await rig.begin("PRESENT")

    with pytest.raises(Refused, match="already equal to the newest version"):
        await update(rig.apps._shop, Job(rig.app(), rig.wanted("PRESENT", newest_version="1.0.0")))

    assert rig.cloud.told == []


async def test_an_update_without_a_version_is_none(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))

    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0", request_update=True)
    await asyncio.sleep(0)

    assert rig.cloud.told == ["STARTING", "RUNNING"]
    assert rig.app().state == State.RUNNING
