from __future__ import annotations

import pytest

from reagent.model.app import Login, State, UpdateStatus
from tests.unit.apps.rig import Rig


async def test_a_release_is_fetched_with_the_token_of_its_owner(rig: Rig) -> None:
    login = Login("token", "test-secret")
    rig.engine.offers(rig.image("1.0.0"), login)

    await rig.ask("PRESENT", newest_version="1.0.0", device_owner_account_key=9)

    assert rig.cloud.told == ["DOWNLOADING", "PRESENT"]
    assert rig.cloud.tokens_for == [9]
    assert rig.engine.logins == [login]


async def test_without_an_owner_the_requestors_token_is_asked_for(rig: Rig) -> None:
    rig.engine.offers(rig.image("1.0.0"))

    await rig.ask("PRESENT", newest_version="1.0.0")

    assert rig.cloud.tokens_for == [5]


async def test_an_installed_version_is_known_after_the_first_download(rig: Rig) -> None:
    rig.engine.offers(rig.image("1.0.0"))

    await rig.ask("PRESENT", newest_version="1.0.0")

    assert rig.app().version == "1.0.0"
    row = await rig.row()
    assert row is not None
    assert row.present_version == "1.0.0"


async def test_notices_frame_a_download(rig: Rig) -> None:
    rig.engine.offers(rig.image("1.0.0"))

    await rig.ask("PRESENT", newest_version="1.0.0")

    assert rig.logs.entries == [
        "clear remote prod_1_app",
        "prod_1_app: Downloading App 1.0.0...",
        "clear history prod_1_app",
        "prod_1_app: Downloaded App 1.0.0",
    ]


async def test_an_image_that_the_registry_does_not_have_fails_the_app(rig: Rig) -> None:
    await rig.ask("PRESENT", newest_version="1.0.0")

    assert rig.cloud.told == ["FAILED"]
    assert rig.logs.told("manifest unknown")


async def test_a_registry_that_denies_access_fails_the_app(rig: Rig) -> None:
    rig.engine.offers(rig.image("1.0.0"), Login("somebody", "else"))

    await rig.ask("PRESENT", newest_version="1.0.0")

    assert rig.cloud.told == ["FAILED"]
    assert rig.logs.told("pull access denied")


async def test_a_download_that_breaks_fails_the_app(rig: Rig) -> None:
    rig.engine.offers(rig.image("1.0.0"))
    rig.engine.spoil_pull("unexpected EOF")

    await rig.ask("PRESENT", newest_version="1.0.0")

    assert rig.cloud.told == ["DOWNLOADING", "FAILED"]
    assert rig.logs.told("unexpected EOF")


async def test_a_working_copy_is_never_fetched(rig: Rig) -> None:
    await rig.ask("PRESENT", "UNINSTALLED", stage="DEV", newest_version="1.0.0")

    assert rig.cloud.told == ["FAILED"]
    assert rig.engine.logins == []


async def test_a_removed_working_copy_stays_and_says_so(rig: Rig) -> None:
    await rig.ask("PRESENT", "REMOVED", stage="DEV")

    assert rig.cloud.told == ["REMOVED"]


@pytest.mark.parametrize("target", ["REMOVED", "UNINSTALLED"])
async def test_a_canceled_download_leaves_the_app_removed(rig: Rig, target: str) -> None:
    rig.engine.offers(rig.image("1.0.0"))
    rig.engine.slow_pull()
    await rig.apps.request(rig.wanted("PRESENT", newest_version="1.0.0"))
    await rig.cloud.until_told("DOWNLOADING")

    await rig.ask(target, "DOWNLOADING", newest_version="1.0.0", cancel_transition=True)

    assert rig.cloud.told == ["DOWNLOADING", "REMOVED"]
    assert rig.logs.told("Download of App was canceled")
    assert await rig.store.apps() == []
    assert not rig.app().lock.locked()


async def test_a_canceled_download_of_a_start_ends_the_start(rig: Rig) -> None:
    rig.engine.offers(rig.image("1.0.0"))
    rig.engine.slow_pull()
    await rig.apps.request(rig.wanted("RUNNING", newest_version="1.0.0"))
    await rig.cloud.until_told("DOWNLOADING")

    await rig.ask("REMOVED", "DOWNLOADING", newest_version="1.0.0", cancel_transition=True)

    assert rig.cloud.told == ["STARTING", "DOWNLOADING", "REMOVED"]
    assert rig.engine.names == []


async def test_a_download_that_was_canceled_a_moment_too_late_is_removed_again(rig: Rig) -> None:
    rig.engine.offers(rig.image("1.0.0"))
    rig.engine.hold("create")
    await rig.apps.request(rig.wanted("RUNNING", newest_version="1.0.0"))
    await rig.engine.until_asked("create prod_1_app")
    rig.app().state = State.DOWNLOADING
    await rig.apps.request(
        rig.wanted("REMOVED", "DOWNLOADING", newest_version="1.0.0", cancel_transition=True)
    )
    await rig.cloud.until_told("REMOVED")

    rig.engine.release("create")
    await rig.apps.settled()

    assert rig.cloud.told[-4:] == ["REMOVED", "RUNNING", "DELETING", "REMOVED"]
    assert rig.engine.names == []


@pytest.mark.parametrize(
    ("state", "target", "stage", "told"),
    [
        ("DOWNLOADING", "REMOVED", "PROD", ["REMOVED"]),
        ("DOWNLOADING", "REMOVED", "DEV", []),
        ("PUBLISHING", "REMOVED", "DEV", ["REMOVED"]),
        ("BUILDING", "REMOVED", "DEV", ["REMOVED"]),
        ("BUILDING", "REMOVED", "PROD", []),
        ("TRANSFERING", "PRESENT", "DEV", ["REMOVED"]),
        ("TRANSFERING", "PRESENT", "PROD", []),
        ("UPDATING", "PRESENT", "PROD", ["PRESENT"]),
        ("UPDATING", "REMOVED", "PROD", ["DELETING", "REMOVED"]),
        ("UPDATING", "UNINSTALLED", "PROD", ["DELETING", "REMOVED", "UNINSTALLED"]),
    ],
)
async def test_work_that_no_longer_runs_can_be_canceled(
    rig: Rig, state: str, target: str, stage: str, told: list[str]
) -> None:
    await rig.begin("PRESENT", stage=stage)
    rig.app(stage).state = State(state)

    await rig.ask(target, state, stage=stage, cancel_transition=True)

    assert rig.cloud.told == told
    assert rig.cloud.tokens_for == []


async def test_a_canceled_update_is_reported_as_one(rig: Rig) -> None:
    await rig.begin("PRESENT")
    rig.app().state = State.UPDATING

    await rig.ask("PRESENT", "UPDATING")

    assert [(r.state, r.update_status) for r in rig.cloud.reports] == [
        ("PRESENT", UpdateStatus.CANCELED)
    ]
