from __future__ import annotations

from tests.unit.apps.rig import Rig


async def test_a_failed_app_is_started_over_the_remains_of_its_container(rig: Rig) -> None:
    await rig.begin("FAILED")
    rig.engine.has_image(rig.image("1.0.0"))
    rig.engine.has_container("prod_1_app", status="exited")
    rig.engine.has_container("prod_1_app2")

    await rig.ask("RUNNING", "FAILED", present_version="1.0.0")

    assert rig.cloud.told == ["STARTING", "RUNNING"]
    asked = rig.engine.asked
    assert asked.index("remove prod_1_app") < asked.index("create prod_1_app")
    assert "prod_1_app2" in rig.engine.names


async def test_remains_that_stay_do_not_keep_a_failed_app_from_starting(rig: Rig) -> None:
    await rig.begin("FAILED")
    rig.engine.has_image(rig.image("1.0.0"))
    rig.engine.refuse("remove", "device or resource busy")

    await rig.ask("RUNNING", "FAILED", present_version="1.0.0")

    assert rig.cloud.told == ["STARTING", "RUNNING"]


async def test_a_failed_app_with_any_image_is_present(rig: Rig) -> None:
    await rig.begin("FAILED")
    rig.engine.has_image(rig.image("0.1.0"))
    rig.engine.has_container("prod_1_app", status="exited")

    await rig.ask("PRESENT", "FAILED", newest_version="1.0.0")

    assert rig.cloud.told == ["PRESENT"]
    assert rig.engine.names == []


async def test_a_failed_app_without_an_image_is_fetched(rig: Rig) -> None:
    await rig.begin("FAILED")
    rig.engine.offers(rig.image("1.0.0"))

    await rig.ask("PRESENT", "FAILED", newest_version="1.0.0")

    assert rig.cloud.told == ["DOWNLOADING", "PRESENT"]


async def test_images_that_cannot_be_listed_fail_the_app_again(rig: Rig) -> None:
    await rig.begin("FAILED")
    rig.engine.refuse("list_images", "no answer")

    await rig.ask("PRESENT", "FAILED", newest_version="1.0.0")

    assert rig.cloud.told == ["FAILED"]


async def test_a_failed_working_copy_would_have_to_be_built(rig: Rig) -> None:
    await rig.begin("FAILED", stage="DEV")
    rig.engine.has_container("dev_1_app", status="exited")

    await rig.ask("PRESENT", "FAILED", stage="DEV")

    assert rig.cloud.told == []
    assert rig.app("DEV").state == "FAILED"
    assert rig.engine.names == ["dev_1_app"]
    assert rig.logs.told("not in this version")
