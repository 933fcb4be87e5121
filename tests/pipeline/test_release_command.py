"""`nox -s build_all publish rollout`, from the words that are typed to the bytes in the bucket."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reagent_build.targets import Target
from reagent_release.__main__ import Place, main
from reagent_release.configured import choose
from tests.pipeline.release_place import Repository, Unlucky

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def released(repository: Repository, version: str = "1.0.0") -> None:
    """Build and publish all targets of a version."""
    repository.raise_version(version)
    repository.build()
    assert repository.run("publish") == 0


# --- publish


def test_everything_that_was_built_lies_where_devices_look(repository: Repository) -> None:
    repository.build()

    assert repository.run("publish") == 0

    published = repository.published()
    papers = (".cdx.json", ".notices.txt")
    assert set(published) == {
        "version.txt",
        *(
            f"linux/amd64/1.0.0/reagent{each}"
            for each in ("", ".sha256", ".objects.tar.gz", *papers)
        ),
        *(
            f"linux/armv7/1.0.0/reagent{each}"
            for each in ("", ".sha256", ".objects.tar.gz", *papers)
        ),
        *(f"windows/amd64/1.0.0/reagent.exe{each}" for each in ("", ".sha256", *papers)),
    }
    content = published["linux/armv7/1.0.0/reagent"]
    assert content == (repository.out / "reagent-linux-armv7").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    assert published["linux/armv7/1.0.0/reagent.sha256"] == f"{digest}\n".encode()
    assert published["version.txt"] == b"1.0.0\n"


def test_publishing_moves_no_device(repository: Repository) -> None:
    released(repository)
    assert repository.run("rollout") == 0

    released(repository, "1.1.0")

    assert repository.devices_run() == json.loads(repository.manifest.read_text())
    assert repository.devices_run()["production"] == "1.0.0"


def test_publishing_again_changes_nothing_and_says_so(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    released(repository)
    before = repository.bucket.names("")
    capsys.readouterr()

    assert repository.run("publish") == 0

    assert repository.bucket.names("") == before
    assert "already there  linux/amd64/1.0.0/reagent\n" in capsys.readouterr().out


def test_a_published_version_is_never_overwritten(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    released(repository)
    before = repository.published()
    repository.build(filler=b"another build")

    assert repository.run("publish") == 1

    assert repository.published() == before
    said = capsys.readouterr().err
    assert "never overwritten" in said
    assert all(name in said for name in ("linux/amd64/1.0.0/reagent", "Raise the version"))


def test_a_target_that_was_built_later_joins_its_version(repository: Repository) -> None:
    repository.build("linux/amd64")
    assert repository.run("publish") == 0

    repository.build("linux/arm/7")
    assert repository.run("publish", "linux/arm/7") == 0

    assert "linux/armv7/1.0.0/reagent" in repository.published()
    assert "windows/amd64/1.0.0/reagent.exe" not in repository.published()


def test_a_build_of_an_earlier_version_is_not_published_as_this_one(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.build()
    repository.raise_version("1.1.0")
    repository.build("linux/amd64")

    assert repository.run("publish") == 1

    assert repository.published() == {}
    assert "reagent-linux-armv7 is not of version 1.1.0" in capsys.readouterr().err


def test_this_machines_own_executable_is_asked_for_its_version(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.build("linux/amd64")
    place = Place(repository.folder, {}, Target("linux", "amd64"))

    assert main(["publish", "linux/amd64"], place) == 1

    assert "to -version, not '1.0.0'" in capsys.readouterr().err


@pytest.mark.parametrize("version", ["", "latest", "1.0", "v1.0.0"])
def test_a_version_file_without_a_version_is_a_misuse(
    repository: Repository, version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.build()
    repository.raise_version(version)

    assert repository.run("publish") == 2

    assert f"publish: {version!r} is no version" in capsys.readouterr().err


# --- rollout


def test_without_arguments_every_environment_follows_the_committed_file(
    repository: Repository,
) -> None:
    released(repository)

    assert repository.run("rollout") == 0

    published = repository.published()
    assert published["availableVersions.json"] == repository.manifest.read_bytes()
    assert published["linux/amd64/latest/reagent"] == published["linux/amd64/1.0.0/reagent"]
    assert (
        published["windows/amd64/latest/reagent.exe.sha256"]
        == published["windows/amd64/1.0.0/reagent.exe.sha256"]
    )


def test_one_environment_is_edited_and_pointed(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    released(repository)
    assert repository.run("rollout") == 0
    released(repository, "1.1.0")
    capsys.readouterr()

    assert repository.run("rollout", "test", "1.1.0") == 0

    assert repository.devices_run() == {
        "production": "1.0.0",
        "test": "1.1.0",
        "local": "1.0.0",
        "all": "1.0.0",
    }
    assert json.loads(repository.manifest.read_text()) == repository.devices_run()
    said = capsys.readouterr().out
    assert '+  "test": "1.1.0",' in said
    assert "test        1.0.0 -> 1.1.0" in said
    assert (
        repository.published()["linux/amd64/latest/reagent"]
        == (repository.published()["linux/amd64/1.0.0/reagent"])
    )


def test_a_missing_target_keeps_every_environment_where_it_is(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    released(repository)
    assert repository.run("rollout") == 0
    repository.raise_version("1.1.0")
    repository.build("linux/amd64")
    assert repository.run("publish", "linux/amd64") == 0
    before = repository.published()
    manifest = repository.manifest.read_text()

    assert repository.run("rollout", "production", "1.1.0") == 1

    assert repository.published() == before
    assert repository.manifest.read_text() == manifest
    said = capsys.readouterr().err
    assert "production cannot be pointed at 1.1.0" in said
    assert "linux/arm/7: linux/armv7/1.1.0/reagent is missing" in said
    assert "linux/amd64:" not in said


def test_a_release_of_fewer_targets_is_said_to_be_one(repository: Repository) -> None:
    repository.build("linux/amd64")
    assert repository.run("publish", "linux/amd64") == 0

    assert repository.run("rollout", "--targets", "linux/amd64") == 0

    assert repository.devices_run()["production"] == "1.0.0"
    assert "linux/amd64/latest/reagent" in repository.published()


def test_bare_targets_are_the_builds_and_narrow_no_rollout(repository: Repository) -> None:
    repository.build("linux/amd64")
    assert repository.run("publish", "linux/amd64") == 0

    assert repository.run("rollout", "linux/amd64") == 1


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.unlink(), "reagent.sha256 is missing"),
        (lambda path: path.write_text(""), "reagent.sha256 is no checksum"),
        (lambda path: path.write_text("<html>"), "reagent.sha256 is no checksum"),
        (lambda path: path.with_name("reagent").write_bytes(b""), "reagent is empty"),
    ],
)
def test_a_version_that_devices_would_refuse_counts_as_missing(
    repository: Repository, capsys: pytest.CaptureFixture[str], damage: object, reason: str
) -> None:
    released(repository)
    assert callable(damage)
    damage(Path(repository.bucket.address, "linux/armv7/1.0.0/reagent.sha256"))

    assert repository.run("rollout") == 1

    assert f"linux/arm/7: linux/armv7/1.0.0/{reason}" in capsys.readouterr().err


def test_rolling_back_is_the_same_command_and_warns(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    released(repository)
    released(repository, "1.1.0")
    everywhere = [
        word for name in ("production", "test", "local", "all") for word in (name, "1.1.0")
    ]
    assert repository.run("rollout", *everywhere) == 0
    capsys.readouterr()

    assert repository.run("rollout", "production", "1.0.0") == 0

    assert repository.devices_run()["production"] == "1.0.0"
    assert "devices only go up" in capsys.readouterr().out
    assert (
        repository.published()["linux/amd64/latest/reagent"]
        == (repository.published()["linux/amd64/1.0.0/reagent"])
    )


# --- all of it


def test_a_dry_run_shows_the_plan_and_touches_nothing(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.build()
    before = sorted(repository.folder.rglob("*"))

    assert repository.run("publish", "--dry-run") == 0
    assert repository.run("rollout", "production", "1.0.0", "--dry-run", "--after=publish") == 0

    assert sorted(repository.folder.rglob("*")) == before
    said = capsys.readouterr().out
    assert "upload         linux/amd64/1.0.0/reagent" in said
    assert "production  nothing -> 1.0.0" in said


def test_a_dry_run_on_its_own_says_what_would_be_refused(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.build()

    assert repository.run("rollout", "--dry-run") == 1

    assert "linux/amd64/1.0.0/reagent is missing" in capsys.readouterr().err


def test_the_plan_that_was_executed_is_kept(repository: Repository) -> None:
    released(repository)
    assert repository.run("rollout") == 0

    publication, roll_out = repository.records()

    assert (publication["command"], publication["outcome"]) == ("publish", "done")
    assert (publication["version"], publication["bucket"]) == ("1.0.0", repository.bucket.address)
    assert isinstance(publication["steps"], list)
    assert {
        "do": "upload",
        "name": "linux/amd64/1.0.0/reagent",
        "path": str(repository.out / "reagent-linux-amd64"),
        "size": (repository.out / "reagent-linux-amd64").stat().st_size,
        "sha256": (repository.out / "reagent-linux-amd64.sha256").read_text().strip(),
    } in publication["steps"]
    assert roll_out["environments"] == {
        name: [None, "1.0.0"] for name in ("production", "test", "local", "all")
    }
    assert isinstance(roll_out["steps"], list)
    assert roll_out["steps"][-1]["name"] == "availableVersions.json"


@pytest.mark.parametrize(
    "breaks_at",
    ["linux/armv7/1.0.0/reagent", "linux/armv7/1.0.0/reagent.sha256", "version.txt"],
)
def test_a_publication_that_broke_off_goes_on(
    repository: Repository,
    capsys: pytest.CaptureFixture[str],
    breaks_at: str,
) -> None:
    repository.build()
    unlucky = Unlucky(repository.bucket.root)
    unlucky.fails_at = breaks_at
    repository.release_to(unlucky)
    assert repository.run("publish") == 1
    said = capsys.readouterr().err
    unlucky.fails_at = ""

    assert repository.run("publish") == 0

    assert "done before that:\n  upload         linux/amd64/1.0.0/reagent" in said
    assert len(repository.published()) == 5 + 5 + 4 + 1
    assert [each["outcome"] for each in repository.records()] == [
        f"broke off: Unfinished: {said.removeprefix('publish: ').strip()}",
        "done",
    ]


@pytest.mark.parametrize("breaks_at", ["linux/armv7/latest/reagent", "availableVersions.json"])
def test_a_rollout_that_broke_off_moved_nobody_and_goes_on(
    repository: Repository, breaks_at: str
) -> None:
    released(repository)
    unlucky = Unlucky(repository.bucket.root)
    unlucky.fails_at = breaks_at
    repository.release_to(unlucky)
    assert repository.run("rollout") == 1
    assert "availableVersions.json" not in repository.published()
    unlucky.fails_at = ""

    assert repository.run("rollout") == 0

    assert repository.devices_run()["production"] == "1.0.0"


def test_another_publisher_of_the_embedded_bucket_is_named(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    released(repository)
    bucket = Unlucky(repository.bucket.root, lock_s=0.1)
    repository.release_to(bucket)
    lock = os.open(repository.bucket.root / ".lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)

    status = repository.run("rollout")
    os.close(lock)

    assert status == 1
    assert "another publisher" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ((), 2, "'' is none of build_all, publish, rollout"),
        (("deploy",), 2, "'deploy' is none of build_all, publish, rollout"),
        (("publish", "--dryrun"), 2, "publish: unrecognized arguments: --dryrun"),
        (("rollout", "production"), 2, "in pairs"),
        (("rollout", "producton", "1.0.0"), 2, "is no environment"),
        (("rollout", "production", "1.0"), 2, "is no version"),
        (("rollout", "--targets", "linux/riscv64"), 2, "linux/riscv64 is no line of `targets`"),
        (("publish", "--targets", "linux/riscv64"), 2, "linux/riscv64 is no line of `targets`"),
        (("build_all", "--targets", "linux/riscv64"), 2, "linux/riscv64 is no line of `targets`"),
        (("publish",), 1, "nothing in build/out"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    repository: Repository,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    status: int,
    said: str,
) -> None:
    assert repository.run(*arguments) == status

    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


# --- which bucket


def test_the_embedded_bucket_is_named_with_the_reason(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.build()

    assert repository.run("publish", "--dry-run") == 0

    assert "(embedded, because neither REAGENT_BUCKET nor pyproject.toml names one)" in (
        capsys.readouterr().out
    )


def test_the_variable_names_another_folder(repository: Repository, tmp_path: Path) -> None:
    repository.build()
    place = Place(repository.folder, {"REAGENT_BUCKET": str(tmp_path / "elsewhere")}, None)

    assert main(["publish"], place) == 0

    assert (tmp_path / "elsewhere/re-agent/linux/amd64/1.0.0/reagent").exists()
    assert repository.published() == {}


def test_pyproject_names_a_bucket_and_the_variable_is_stronger(repository: Repository) -> None:
    pyproject = repository.folder / "pyproject.toml"
    pyproject.write_text('[tool.reagent.release]\nbucket = "gs://re-agent"\n')

    assert choose(repository.folder, {}).bucket == "gs://re-agent"
    assert choose(repository.folder, {"REAGENT_BUCKET": "gs://x"}).bucket == "gs://x"


@pytest.mark.parametrize("named", ["gs://", "gs://re-agent/linux", "s3://re-agent", "http://x"])
def test_what_is_no_bucket_is_a_misuse(
    repository: Repository, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.build()

    assert main(["publish"], Place(repository.folder, {"REAGENT_BUCKET": named}, None)) == 2

    assert named in capsys.readouterr().err


# --- through nox


def nox(*words: str, bucket: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nox", "-s", *words],
        cwd=REPOSITORY,
        env=os.environ | {"REAGENT_BUCKET": str(bucket)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.timeout(90)
def test_one_line_shows_the_plans_of_all_three(tmp_path: Path) -> None:
    done = nox(
        "build_all", "publish", "rollout", "--", "production", "1.0.0", "--targets", "linux/amd64",
        "--freezer", "pyinstaller", "--dry-run",
        bucket=tmp_path,
    )  # fmt: skip

    said = done.stdout + done.stderr
    version = (REPOSITORY / "src/reagent/version.txt").read_text().strip()
    assert done.returncode == 0, said
    assert f"linux/amd64: reagent {version} (" in said
    assert f"publish reagent {version} to {tmp_path}/re-agent" in said
    assert f"roll out availableVersions.json to {tmp_path}/re-agent" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timeout(90)
def test_behind_a_step_that_failed_nothing_is_done(tmp_path: Path) -> None:
    done = nox(
        "build_all", "publish", "rollout", "--", "--engine", "unix:///nowhere", "--freezer",
        "static", "--targets", "linux/amd64",
        bucket=tmp_path,
    )  # fmt: skip

    assert done.returncode != 0
    assert "build_all did not end well: nothing is done" in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []
