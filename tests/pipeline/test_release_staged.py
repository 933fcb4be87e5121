"""nox -s rollout --curve, pause, resume, rollback: what is signed, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reagent.updates.trust.document import channel
from reagent.updates.trust.stages import share
from reagent_release.errors import Misused
from reagent_release.stages import curve, following
from tests.pipeline.signed_place import DAY, ROOT, SignedRepository

HOUR = DAY / 24
CURVE = "1h:1%,24h:10%,72h:100%"


class Fleet(SignedRepository):
    """1.0.0 runs everywhere, 1.1.0 is published."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.build(filler=ROOT)
        self.release("1.0.0")
        self.raise_version("1.1.0")
        self.build(filler=ROOT)
        assert self.run("publish") == 0

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.content)
        return found

    @property
    def content(self) -> bytes:
        (path,) = [each for each in self.listed if each.startswith("rollout/")]
        return self.bucket.get(path)[1]

    @property
    def stage(self) -> dict[str, Any]:
        found: dict[str, Any] = self.document["stages"]["production"]
        return found

    def reaches(self, hours: float) -> float:
        """The share of the fleet so many hours from now, as devices reckon."""
        found = channel(self.content, "production").stage
        assert found is not None
        return share(found, self.now + hours * HOUR)


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


def test_a_curve_puts_a_version_on_top_and_moves_nothing_else(fleet: Fleet) -> None:
    manifest = fleet.published()["availableVersions.json"]

    status = fleet.run("rollout", "production", "1.1.0", "--curve", CURVE)

    assert status == 0
    assert fleet.document["versions"]["production"] == "1.0.0"
    assert (fleet.stage["version"], fleet.stage["curve"]) == (
        "1.1.0",
        [[1, 1], [24, 10], [72, 100]],
    )
    assert fleet.published()["availableVersions.json"] == manifest
    assert len(fleet.stage["salt"]) == 16


def test_it_stops_at_ten_percent_until_somebody_looked(fleet: Fleet) -> None:
    fleet.run("rollout", "production", "1.1.0", "--curve", CURVE)
    unwatched = fleet.reaches(72)
    fleet.now += 30 * HOUR

    status = fleet.run("resume", "production")

    assert status == 0
    assert unwatched == pytest.approx(0.10)
    assert fleet.reaches(42) == pytest.approx(1.0)


def test_a_pause_holds_the_share_and_a_resume_goes_on_from_there(fleet: Fleet) -> None:
    fleet.run("rollout", "production", "1.1.0", "--curve", CURVE)
    fleet.now += 12.5 * HOUR

    fleet.run("pause", "production")
    held = fleet.reaches(100)
    fleet.now += 100 * HOUR
    fleet.run("resume", "production")

    assert held == pytest.approx(0.055, abs=1e-4)
    assert fleet.reaches(0) == pytest.approx(0.055, abs=1e-4)
    assert fleet.reaches(999) == pytest.approx(0.10)  # nobody let it go past that yet


def test_a_critical_fix_goes_to_everybody_at_once(fleet: Fleet) -> None:
    assert fleet.run("rollout", "production", "1.1.0", "--critical") == 0

    assert fleet.reaches(0) == 1.0
    assert fleet.run("pause", "production") == 1


def test_a_rollback_orders_those_back_who_have_it(fleet: Fleet) -> None:
    fleet.run("rollout", "production", "1.1.0", "--curve", CURVE)

    status = fleet.run("rollback", "production")

    found = channel(fleet.content, "production")
    assert status == 0
    assert (found.version, found.stage, found.back) == ("1.0.0", None, frozenset({"1.1.0"}))


def test_a_version_that_everybody_runs_is_taken_back_to_a_named_one(fleet: Fleet) -> None:
    fleet.run("rollout", "production", "1.1.0")

    status = fleet.run("rollback", "production", "1.0.0")

    found = channel(fleet.content, "production")
    assert (status, found.version, found.back) == (0, "1.0.0", frozenset({"1.1.0"}))
    assert json.loads(fleet.published()["availableVersions.json"])["production"] == "1.0.0"


def test_rolling_out_to_everybody_ends_the_stage(fleet: Fleet) -> None:
    fleet.run("rollout", "production", "1.1.0", "--curve", CURVE)

    fleet.run("rollout", "production", "1.1.0")

    found = channel(fleet.content, "production")
    assert (found.version, found.stage, found.back) == ("1.1.0", None, frozenset())


def test_a_stage_goes_on_while_other_environments_move(fleet: Fleet) -> None:
    fleet.run("rollout", "production", "1.1.0", "--curve", CURVE)
    before = fleet.stage

    fleet.run("rollout", "test", "1.1.0")

    assert fleet.stage == before
    assert fleet.document["versions"]["test"] == "1.1.0"


def test_what_was_taken_back_stays_so_until_the_environment_reaches_it(fleet: Fleet) -> None:
    fleet.run("rollout", "production", "1.1.0", "--curve", CURVE)
    fleet.run("rollback", "production")
    document = json.loads(fleet.content)

    below = following(document, {"production": "1.0.1", "test": "1.0.1"}, {})
    there = following(below, {"production": "1.1.0", "test": "1.0.1"}, {})

    assert below["back"] == {"production": ["1.1.0"]}
    assert "back" not in there


def test_a_version_that_was_taken_back_may_be_begun_again(fleet: Fleet) -> None:
    fleet.run("rollout", "production", "1.1.0", "--curve", CURVE)
    fleet.run("rollback", "production")

    fleet.run("rollout", "production", "1.1.0", "--curve", CURVE)

    found = channel(fleet.content, "production")
    assert (found.back, found.stage is not None) == (frozenset(), True)


def test_a_dry_run_signs_nothing(fleet: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    before = fleet.content

    status = fleet.run("rollout", "production", "1.1.0", "--curve", CURVE, "--dry-run")

    assert (status, fleet.content) == (0, before)
    assert "1 % after 1 h, 10 % after 24 h, 100 % after 72 h" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "status", "why"),
    [
        (("rollout", "production", "1.0.0", "--curve", CURVE), 1, "1.0.0 is not above 1.0.0"),
        (("rollout", "production", "1.2.0", "--curve", CURVE), 1, "1.2.0 is not signed for"),
        (("rollout", "--curve", CURVE), 2, "one environment and one version"),
        (("rollout", "production", "1.1.0", "--curve", "1h"), 2, "'1h' is no point of a curve"),
        (("rollout", "production", "1.1.0", "--critical", "--curve", CURVE), 2, "has no curve"),
        (("pause", "production"), 1, "nothing is on its way in production"),
        (("resume", "production"), 1, "nothing is on its way in production"),
        (("rollback", "production"), 1, "nothing is on its way in production"),
        (("pause",), 2, "pause goes with one environment"),
    ],
)
def test_what_cannot_be_steered_is_said(
    fleet: Fleet,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    status: int,
    why: str,
) -> None:
    before = fleet.content

    ended = fleet.run(*words)

    assert (ended, fleet.content) == (status, before)
    assert why in capsys.readouterr().err


def test_without_a_keyring_nothing_is_staged(
    fleet: Fleet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plain").mkdir()
    plain = SignedRepository(tmp_path / "plain")
    plain.without_keyring()
    plain.build()

    ended = plain.run("rollout", "production", "1.0.0", "--curve", CURVE)

    assert ended == 1
    assert "only signed roll-outs can be staged" in capsys.readouterr().err
    assert fleet.content


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no point of a curve"),
        ("1h:1%", "ends at 1%"),
        ("2h:50%,1h:100%", "goes back"),
        ("1h:50%,2h:40%", "goes back"),
        ("1h:101%", "a fleet has 100%"),
        ("1:100", "no point of a curve"),
    ],
)
def test_a_curve_that_is_none_is_refused(text: str, why: str) -> None:
    with pytest.raises(Misused, match=why):
        curve(text)
