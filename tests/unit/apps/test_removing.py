from __future__ import annotations

import pytest

from reagent.model.app import State
from tests.unit.apps.rig import Rig


@pytest.mark.parametrize("stage", ["PROD", "DEV"])
@pytest.mark.parametrize("running", [True, False])
async def test_container_and_every_image_go(rig: Rig, stage: str, *, running: bool) -> None:
    await rig.begin("PRESENT", stage=stage)
    prefix = stage.lower()
    rig.engine.has_image(rig.image("1.0.0", stage=prefix), rig.image("0.9.0", stage=prefix))
    rig.engine.has_image(rig.image("1.0.0", stage=prefix, key=2))
    if running:
        rig.engine.has_container(f"{prefix}_1_app")

    await rig.ask("REMOVED", "PRESENT", stage=stage)

    assert rig.cloud.told == ["DELETING", "REMOVED"]
    assert rig.engine.names == []
    assert rig.engine.tags == [rig.image("1.0.0", stage=prefix, key=2)]


async def test_a_removed_app_leaves_no_rows_and_keeps_its_record(rig: Rig) -> None:
    await rig.begin("PRESENT")

    await rig.ask("REMOVED", "PRESENT")

    assert await rig.store.apps() == []
    assert await rig.row() is None
    assert rig.app().state == State.REMOVED


@pytest.mark.parametrize("stage", ["PROD", "DEV"])
async def test_an_image_that_stays_fails_the_removal(rig: Rig, stage: str) -> None:
    await rig.begin("PRESENT", stage=stage)
    rig.engine.refuse("remove_images", "image is being used")

    await rig.ask("REMOVED", "PRESENT", stage=stage)

    assert rig.cloud.told == ["DELETING", "FAILED"]
    assert rig.logs.told("image is being used")


async def test_a_container_that_stays_fails_the_removal(rig: Rig) -> None:
    await rig.begin("PRESENT")
    rig.engine.has_container("prod_1_app")
    rig.engine.refuse("remove", "device or resource busy")

    await rig.ask("REMOVED", "PRESENT")

    assert rig.cloud.told == ["DELETING", "FAILED"]
    assert f"remove_images {rig.image()}" not in rig.engine.asked


async def test_an_uninstalled_release_takes_its_files_with_it(rig: Rig) -> None:
    await rig.begin("PRESENT")
    data = rig.folders.data("PROD", "App")
    (data / "env").mkdir(parents=True)
    (data / "kept.db").write_text("x")

    await rig.ask("UNINSTALLED", "PRESENT")

    assert rig.cloud.told == ["DELETING", "REMOVED", "UNINSTALLED"]
    assert not data.exists()
    assert rig.folders.apps.exists()
    assert [row.state for row in await rig.store.apps()] == [State.UNINSTALLED]


async def test_files_that_cannot_be_deleted_fail_the_app_and_its_log_says_so(rig: Rig) -> None:
    await rig.begin("PRESENT")
    data = rig.folders.data("PROD", "App")
    data.parent.mkdir(parents=True, exist_ok=True)
    data.write_text("no folder")

    await rig.ask("UNINSTALLED", "PRESENT")

    assert rig.cloud.told == ["DELETING", "REMOVED", "UNINSTALLED", "FAILED"]
    assert rig.logs.told("prod_1_app: Could not uninstall App: the files of the app")


async def test_an_uninstalled_working_copy_takes_its_archive_with_it(rig: Rig) -> None:
    await rig.begin("PRESENT", stage="DEV")
    archive = rig.folders.archive("App")
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"tar")

    await rig.ask("UNINSTALLED", "PRESENT", stage="DEV")

    assert rig.cloud.told == ["DELETING", "REMOVED", "UNINSTALLED"]
    assert not archive.exists()


async def test_an_app_whose_images_stay_is_never_uninstalled(rig: Rig) -> None:
    await rig.begin("PRESENT")
    data = rig.folders.data("PROD", "App")
    data.mkdir(parents=True)
    rig.engine.refuse("remove_images", "image is being used")

    await rig.ask("UNINSTALLED", "PRESENT")

    assert rig.cloud.told == ["DELETING", "FAILED"]
    assert data.exists()


async def test_a_name_that_leads_out_of_the_folder_deletes_nothing(rig: Rig) -> None:
    await rig.begin("PRESENT", app_name="..")
    (rig.folders.apps / "dev").mkdir(parents=True)

    await rig.ask("UNINSTALLED", "PRESENT", app_name="..")

    assert (rig.folders.apps / "dev").exists()
    assert "UNINSTALLED" not in rig.cloud.told


async def test_host_ports_are_free_again_after_an_uninstall(rig: Rig) -> None:
    rig.engine.has_image(rig.image("1.0.0"))
    rig.engine.has_image(rig.image("1.0.0", key=2))
    ports = [{"port": 8080}]
    await rig.ask("RUNNING", "PRESENT", present_version="1.0.0", ports=ports)

    await rig.ask("UNINSTALLED", "RUNNING", present_version="1.0.0", ports=ports)
    await rig.ask("RUNNING", "PRESENT", app_key=2, present_version="1.0.0", ports=ports)

    assert [binding.host_port for binding in rig.engine.created[-1].bindings] == [40000]


async def test_a_removed_app_can_be_installed_again(rig: Rig) -> None:
    await rig.begin("PRESENT")
    await rig.ask("REMOVED", "PRESENT")
    rig.engine.offers(rig.image("1.0.0"))

    await rig.ask("PRESENT", "REMOVED", present_version="1.0.0", newest_version="1.0.0")

    assert rig.cloud.told == ["DELETING", "REMOVED", "DOWNLOADING", "PRESENT"]
    assert [row.state for row in await rig.store.apps()] == [State.PRESENT]
