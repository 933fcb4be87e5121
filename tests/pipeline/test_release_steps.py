"""reagent_release.steps: put, read back, compare; what breaks off says what was done."""

from pathlib import Path

import pytest

from reagent_build.progress import PlainProgress
from reagent_release.errors import Changed, StoreError, Unfinished
from reagent_release.steps import Copy, Edit, There, Upload, Write, carry_out, sha256
from reagent_release.store import ABSENT
from tests.pipeline.release_place import Unlucky

NAME = "linux/amd64/1.0.0/reagent"


@pytest.fixture
def bucket(tmp_path: Path) -> Unlucky:
    return Unlucky(tmp_path / "bucket")


def upload(folder: Path, content: bytes = b"executable") -> Upload:
    path = folder / "reagent-linux-amd64"
    path.write_bytes(content)
    return Upload(NAME, path, len(content), sha256(content))


def test_steps_are_done_in_their_order(bucket: Unlucky, tmp_path: Path) -> None:
    steps = (upload(tmp_path), Write(f"{NAME}.sha256", b"x\n"), Write("version.txt", b"1.0.0\n"))

    carry_out(steps, bucket, PlainProgress())

    assert bucket.written == [NAME, f"{NAME}.sha256", "version.txt"]
    assert bucket.get(NAME)[1] == b"executable"


def test_what_breaks_off_names_what_was_done_and_that_it_goes_on(
    bucket: Unlucky, tmp_path: Path
) -> None:
    bucket.fails_at = "version.txt"
    steps = (There("a"), upload(tmp_path), Write("version.txt", b"1.0.0\n"), Write("b", b""))

    with pytest.raises(Unfinished) as broke_off:
        carry_out(steps, bucket, PlainProgress())

    said = str(broke_off.value)
    assert said.startswith("version.txt was not written: the line is down\ndone before that:\n")
    assert f"upload         {NAME}" in said
    assert said.endswith("The same command goes on from here.")
    assert bucket.stat("b") is None


def test_nothing_done_is_said_too(bucket: Unlucky) -> None:
    bucket.fails_at = "version.txt"

    with pytest.raises(Unfinished, match="done before that: nothing"):
        carry_out([Write("version.txt", b"1.0.0\n")], bucket, PlainProgress())


@pytest.mark.parametrize("name", [NAME, "version.txt"])
def test_other_bytes_than_were_put_are_noticed(bucket: Unlucky, tmp_path: Path, name: str) -> None:
    bucket.spoils = name

    with pytest.raises(Unfinished, match=f"{name} in .* is not what was put there"):
        carry_out([upload(tmp_path), Write("version.txt", b"1\n")], bucket, PlainProgress())


def test_an_answer_that_was_lost_is_not_taken_for_another_publisher(
    bucket: Unlucky, tmp_path: Path
) -> None:
    bucket.loses_answer_at = NAME

    carry_out([upload(tmp_path)], bucket, PlainProgress())

    assert bucket.get(NAME)[1] == b"executable"


def test_another_publisher_with_other_bytes_is_never_overwritten(
    bucket: Unlucky, tmp_path: Path
) -> None:
    step = upload(tmp_path)
    bucket.put(NAME, b"theirs", replacing=ABSENT)

    with pytest.raises(Unfinished, match="exists already"):
        carry_out([step], bucket, PlainProgress())

    assert bucket.get(NAME)[1] == b"theirs"


def test_a_manifest_that_somebody_else_changed_meanwhile_is_left_alone(bucket: Unlucky) -> None:
    seen = bucket.put("availableVersions.json", b"seen", replacing=ABSENT)
    bucket.put("availableVersions.json", b"theirs", replacing=seen.generation)

    with pytest.raises(Unfinished, match="was changed in the meantime"):
        carry_out(
            [Write("availableVersions.json", b"ours", seen.generation)], bucket, PlainProgress()
        )

    assert bucket.get("availableVersions.json")[1] == b"theirs"


def test_a_file_that_was_built_again_meanwhile_is_not_uploaded(
    bucket: Unlucky, tmp_path: Path
) -> None:
    step = upload(tmp_path)
    step.path.write_bytes(b"built again")

    with pytest.raises(Unfinished, match="was changed since the plan was made"):
        carry_out([step], bucket, PlainProgress())

    assert bucket.stat(NAME) is None


def test_a_copy_that_was_made_already_passes(bucket: Unlucky) -> None:
    source = bucket.put(NAME, b"executable", replacing=ABSENT)
    bucket.put("latest", b"executable", replacing=ABSENT)

    carry_out([Copy(source, "latest", ABSENT)], bucket, PlainProgress())

    assert bucket.get("latest")[1] == b"executable"


def test_a_copy_over_something_unseen_is_refused(bucket: Unlucky) -> None:
    source = bucket.put(NAME, b"executable", replacing=ABSENT)
    bucket.put("latest", b"theirs", replacing=ABSENT)

    with pytest.raises(Unfinished) as broke_off:
        carry_out([Copy(source, "latest", ABSENT)], bucket, PlainProgress())

    assert isinstance(broke_off.value.__cause__, Changed)


def test_an_edit_replaces_the_file_at_one_stroke(bucket: Unlucky, tmp_path: Path) -> None:
    path = tmp_path / "availableVersions.json"
    path.write_text("old")

    carry_out([Edit(path, "new\n")], bucket, PlainProgress())

    assert path.read_text() == "new\n"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_an_edit_that_cannot_be_written_is_an_error_of_the_release(
    bucket: Unlucky, tmp_path: Path
) -> None:
    with pytest.raises(Unfinished, match="cannot be written"):
        carry_out([Edit(tmp_path / "nowhere/file", "x")], bucket, PlainProgress())


def test_progress_tells_each_step_with_its_size(
    bucket: Unlucky, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    carry_out([upload(tmp_path, b"x" * 1_200_000)], bucket, PlainProgress())

    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith(f"upload {NAME} (1.2 MB)")
    assert said[1].endswith(f"read back {NAME}")


def test_errors_of_the_store_are_errors_of_the_release() -> None:
    assert issubclass(Changed, StoreError)
