"""reagent_build.plan: how each executable would be made, from facts alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from reagent_build.plan import Facts, UnsupportedTargetError, plan
from reagent_build.targets import Target

AMD64 = Target("linux", "amd64")
ARM64 = Target("linux", "arm64")
WITH_ENGINE = Facts(
    version="1.2.3",
    commit="0123456789abcdef",
    machine=AMD64,
    engine="20.10.24",
    engine_refusal="",
    output=Path("out"),
)
WITHOUT_ENGINE = replace(
    WITH_ENGINE, engine=None, engine_refusal="no Docker engine at unix:///nowhere"
)


def test_with_an_engine_every_linux_target_is_made_statically() -> None:
    plans = plan([AMD64, ARM64], WITH_ENGINE, None)

    assert [(one.freezer, one.output) for one in plans] == [
        ("static", Path("out/reagent-linux-amd64")),
        ("static", Path("out/reagent-linux-arm64")),
    ]


def test_without_an_engine_the_machine_freezes_for_itself_and_says_why() -> None:
    (one,) = plan([AMD64], WITHOUT_ENGINE, None)

    assert one.freezer == "pyinstaller"
    assert "no Docker engine at unix:///nowhere" in str(one)


def test_without_an_engine_another_machine_is_out_of_reach_and_the_way_out_is_named() -> None:
    with pytest.raises(UnsupportedTargetError, match="--engine ADDRESS"):
        plan([ARM64], WITHOUT_ENGINE, None)


def test_static_on_demand_is_not_silently_something_else() -> None:
    with pytest.raises(UnsupportedTargetError, match="needs a Docker engine"):
        plan([AMD64], WITHOUT_ENGINE, "static")


def test_pyinstaller_on_demand_is_taken_although_an_engine_is_there() -> None:
    (one,) = plan([AMD64], WITH_ENGINE, "pyinstaller")

    assert one.freezer == "pyinstaller"


def test_pyinstaller_never_freezes_for_another_machine() -> None:
    with pytest.raises(UnsupportedTargetError, match="linux/amd64"):
        plan([ARM64], WITH_ENGINE, "pyinstaller")


@pytest.mark.parametrize("name", ["windows/amd64", "darwin/amd64"])
def test_a_target_without_a_recipe_is_refused_by_name(name: str) -> None:
    with pytest.raises(UnsupportedTargetError, match=name):
        plan([Target.parse(name)], WITH_ENGINE, None)


def test_one_target_that_cannot_be_made_stops_the_plan_before_anything_is_done() -> None:
    with pytest.raises(UnsupportedTargetError):
        plan([AMD64, Target("darwin", "amd64")], WITH_ENGINE, None)


def test_a_plan_shows_what_is_made_of_what_and_where() -> None:
    (one,) = plan([AMD64], WITH_ENGINE, None)

    assert str(one) == (
        "linux/amd64: reagent 1.2.3 (0123456789ab) -> out/reagent-linux-amd64"
        " by static, in a container of Docker 20.10.24"
    )
