"""reagent_release.rollout: who is pointed at what, from facts alone."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from reagent_build.targets import Target
from reagent_release import layout
from reagent_release.errors import Misused, Refused
from reagent_release.publish import Remote
from reagent_release.rollout import Decision, Facts, Plan, Presence, decide, plan
from reagent_release.steps import Copy, Edit, There, Write, sha256
from reagent_release.store import Stat

AMD64 = Target("linux", "amd64")
ARMV7 = Target("linux", "arm", "7")
PATH = Path("availableVersions.json")


def text(**changes: str) -> str:
    known = {"production": "1.0.0", "test": "1.0.0", "local": "1.0.0", "all": "1.0.0"}
    return json.dumps(known | changes, indent=2) + "\n"


def stat(name: str, generation: int = 1, fingerprint: str = "") -> Stat:
    return Stat(name, 9, generation, fingerprint or name, layout.CACHE_CONTROL, "")


def whole(version: str, target: Target) -> Presence:
    name = layout.executable(target, version)
    return Presence(stat(name), stat(layout.sidecar(name)))


def rolled_out(
    decision: Decision,
    *,
    missing: Mapping[tuple[str, Target], str] | None = None,
    aliases: Mapping[str, Stat] | None = None,
    remote: Mapping[str, Remote] | None = None,
    published_first: frozenset[tuple[str, Target]] = frozenset(),
) -> Plan:
    presence = {
        (version, target): whole(version, target)
        for version in decision.versions
        for target in (AMD64, ARMV7)
    }
    presence |= {key: Presence(flaw=flaw) for key, flaw in (missing or {}).items()}
    return plan(
        Facts(
            decision=decision,
            targets=(AMD64, ARMV7),
            presence=presence,
            aliases=aliases or {},
            remote=remote or {},
            version_file=b"1.1.0\n",
            published_first=published_first,
        )
    )


# --- what is decided


def test_without_arguments_the_committed_file_is_published_as_it_is() -> None:
    odd = '{"all":"1.1.0"}'

    made = rolled_out(decide(PATH, odd, [], None))

    assert made.steps[-1] == Write(layout.MANIFEST, odd.encode())
    assert not any(isinstance(each, Edit) for each in made.steps)


def test_a_named_environment_is_edited_first_and_the_difference_shown() -> None:
    made = rolled_out(decide(PATH, text(), [("production", "1.1.0")], text().encode()))

    assert made.steps[0] == Edit(PATH, text(production="1.1.0"))
    assert made.steps[-1] == Write(layout.MANIFEST, text(production="1.1.0").encode())
    shown = str(made)
    assert '-  "production": "1.0.0",' in shown
    assert '+  "production": "1.1.0",' in shown
    assert "production  1.0.0 -> 1.1.0" in shown
    assert "test        1.0.0 (stays)" in shown


def test_a_file_that_says_so_already_is_not_edited() -> None:
    made = rolled_out(decide(PATH, text(test="1.1.0"), [("test", "1.1.0")], text().encode()))

    assert not any(isinstance(each, Edit) for each in made.steps)
    assert "test        1.0.0 -> 1.1.0" in str(made)


def test_an_environment_that_moves_unasked_is_pointed_out() -> None:
    decision = decide(PATH, text(test="1.1.0"), [("production", "1.1.0")], text().encode())

    assert decision.notes == (
        "test moves too, because availableVersions.json in this repository says so",
    )


def test_a_lower_version_is_rolled_out_and_what_it_cannot_do_is_said() -> None:
    published = text(production="1.1.0").encode()
    decision = decide(PATH, text(production="1.1.0"), [("production", "1.0.0")], published)

    made = rolled_out(decision)

    assert made.steps[-1] == Write(layout.MANIFEST, text().encode())
    assert "note: devices only go up: those of production that run 1.1.0 stay on it" in str(made)


def test_a_prerelease_for_devices_on_a_release_is_pointed_out() -> None:
    decision = decide(PATH, text(), [("test", "1.1.0-rc1")], text().encode())

    assert "1.1.0-rc1 is a pre-release" in decision.notes[0]


def test_an_environment_that_is_taken_away_is_pointed_out() -> None:
    published = json.dumps({"all": "1.0.0", "staging": "1.0.0"}).encode()

    decision = decide(PATH, '{"all": "1.0.0"}', [], published)

    assert decision.notes == ("staging is gone: its devices follow `all` from now on",)
    assert "staging  1.0.0 -> nothing" in str(rolled_out(decision))


@pytest.mark.parametrize("broken", [b"", b"\xff", b"[]", b"<html>", b'{"all": 1}'])
def test_a_broken_manifest_in_the_bucket_is_replaced_and_said(broken: bytes) -> None:
    remote = {layout.MANIFEST: Remote(5, sha256(broken))}

    made = rolled_out(decide(PATH, text(), [], broken), remote=remote)

    assert made.steps[-1] == Write(layout.MANIFEST, text().encode(), 5)
    assert "in the bucket is broken and will be replaced" in str(made)


def test_a_broken_file_in_the_repository_is_never_published() -> None:
    with pytest.raises(Refused, match=r"availableVersions\.json is broken: it is no JSON"):
        decide(PATH, "{", [], None)


@pytest.mark.parametrize("version", ["latest", "1.2.3.4", "v1.2.3", ""])
def test_what_devices_cannot_compare_is_never_published(version: str) -> None:
    with pytest.raises(Refused, match=r"test in availableVersions\.json: .* is no version"):
        decide(PATH, text(test=version), [], text().encode())


@pytest.mark.parametrize("edit", [("producton", "1.1.0"), ("production", "latest")])
def test_a_mistyped_edit_is_a_misuse(edit: tuple[str, str]) -> None:
    with pytest.raises(Misused):
        decide(PATH, text(), [edit], None)


# --- what has to be there


def test_a_version_of_which_a_target_is_missing_is_never_pointed_at() -> None:
    decision = decide(PATH, text(), [("production", "1.1.0"), ("test", "1.1.0")], text().encode())

    with pytest.raises(Refused) as refusal:
        rolled_out(decision, missing={("1.1.0", ARMV7): "linux/armv7/1.1.0/reagent is missing"})

    assert str(refusal.value) == (
        "production, test cannot be pointed at 1.1.0:\n"
        "  linux/arm/7: linux/armv7/1.1.0/reagent is missing\n"
        "Build and publish what is missing (nox -s build_all publish), or say what this release"
        " consists of: --targets linux/amd64"
    )


def test_every_version_that_somebody_is_pointed_at_is_looked_at() -> None:
    decision = decide(PATH, text(local="1.2.0"), [("production", "1.1.0")], text().encode())

    assert set(decision.versions) == {"1.1.0", "1.2.0"}


def test_who_stays_is_not_judged_again() -> None:
    decision = decide(PATH, text(), [("test", "1.1.0")], text().encode())

    made = rolled_out(decision, missing={("1.0.0", AMD64): "linux/amd64/1.0.0/reagent is missing"})

    assert made.steps[-1] == Write(layout.MANIFEST, text(test="1.1.0").encode())
    assert "linux/amd64/latest/reagent does not follow production" in str(made)


def test_in_an_empty_bucket_every_environment_is_being_pointed() -> None:
    decision = decide(PATH, text(), [("test", "1.1.0")], None)

    with pytest.raises(Refused, match=r"production, local, all cannot be pointed at 1\.0\.0"):
        rolled_out(decision, missing={("1.0.0", ARMV7): "x is missing"})


def test_the_dry_run_of_a_whole_release_counts_on_what_is_published_first() -> None:
    decision = decide(PATH, text(), [("production", "1.1.0")], text().encode())
    missing = {("1.1.0", ARMV7): "x is missing", ("1.1.0", AMD64): "y is missing"}

    made = rolled_out(
        decision,
        missing=missing,
        published_first=frozenset({("1.1.0", AMD64), ("1.1.0", ARMV7)}),
    )

    assert "linux/armv7/latest/reagent becomes a copy of 1.1.0 once that is published" in str(made)


# --- in which order


def test_aliases_then_version_file_and_the_manifest_last() -> None:
    decision = decide(PATH, text(), [("production", "1.1.0")], text().encode())
    remote = {layout.MANIFEST: Remote(3, sha256(text().encode())), "version.txt": Remote(4, "old")}

    made = rolled_out(decision, remote=remote)

    assert [type(each) for each in made.steps] == [Edit, Copy, Copy, Copy, Copy, Write, Write]
    assert [getattr(each, "name", "") for each in made.steps[1:]] == [
        "linux/amd64/latest/reagent", "linux/amd64/latest/reagent.sha256",
        "linux/armv7/latest/reagent", "linux/armv7/latest/reagent.sha256",
        "version.txt", "availableVersions.json",
    ]  # fmt: skip
    assert made.steps[-2] == Write("version.txt", b"1.1.0\n", 4)
    assert made.steps[-1] == Write(layout.MANIFEST, text(production="1.1.0").encode(), 3)


def test_the_alias_follows_production_and_nobody_else() -> None:
    made = rolled_out(decide(PATH, text(), [("test", "1.1.0")], text().encode()))

    sources = {each.source.name for each in made.steps if isinstance(each, Copy)}
    assert sources == {
        "linux/amd64/1.0.0/reagent", "linux/amd64/1.0.0/reagent.sha256",
        "linux/armv7/1.0.0/reagent", "linux/armv7/1.0.0/reagent.sha256",
    }  # fmt: skip


def test_an_alias_that_is_right_stays_and_one_that_is_not_is_replaced_as_it_was_seen() -> None:
    right = stat("linux/amd64/latest/reagent", 8, "linux/amd64/1.0.0/reagent")
    wrong = stat("linux/armv7/latest/reagent", 9, "something else")
    decision = decide(PATH, text(), [], text().encode())

    made = rolled_out(decision, aliases={right.name: right, wrong.name: wrong})

    assert There(right.name) in made.steps
    assert Copy(stat("linux/armv7/1.0.0/reagent"), wrong.name, 9) in made.steps
