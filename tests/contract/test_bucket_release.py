"""A whole release into Google's bucket: the same words, the same objects, nothing overwritten."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from reagent_release import layout
from reagent_release.__main__ import Place
from sandbox.gcs import GoogleEmulator
from tests.contract.test_bucket import emulator  # noqa: F401  # pytest finds it by its name
from tests.pipeline.release_place import Repository

pytestmark = pytest.mark.timeout(300)  # the first run builds fake-gcs-server


def test_a_release_at_googles_is_the_release_of_a_folder(
    emulator: GoogleEmulator,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from reagent_release.gcs import GoogleBucket  # noqa: PLC0415 - not installed everywhere

    monkeypatch.setenv("STORAGE_EMULATOR_HOST", emulator.address)
    name = f"bucket-{uuid4().hex}"
    emulator.make(name)
    embedded, google = Repository(tmp_path / "embedded"), Repository(tmp_path / "google")
    google.place = Place(google.folder, {"REAGENT_BUCKET": f"gs://{name}"}, None)
    for repository in (embedded, google):
        repository.build()
        assert repository.run("publish") == 0
        assert repository.run("rollout") == 0
    bucket = GoogleBucket(name)

    there = {each.name: bucket.get(each.name)[1] for each in bucket.names("")}

    assert there == embedded.published()
    assert {each.cache_control for each in bucket.names("")} == {layout.CACHE_CONTROL}

    before = bucket.names("")
    google.build(filler=b"another build")
    assert google.run("publish") == 1
    assert "never overwritten" in capsys.readouterr().err
    assert google.run("rollout") == 0
    assert bucket.names("") == before


def test_a_bucket_that_is_not_there_is_named(
    emulator: GoogleEmulator,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", emulator.address)
    repository = Repository(tmp_path)
    repository.build()
    repository.place = Place(tmp_path, {"REAGENT_BUCKET": "gs://nobody-made-this"}, None)

    assert repository.run("publish") == 1

    assert "no way into gs://nobody-made-this: there is no such" in capsys.readouterr().err
