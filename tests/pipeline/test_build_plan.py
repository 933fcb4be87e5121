"""reagent_build.plan: how each executable would be made, from facts alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from reagent_build.plan import Facts, UnsupportedTargetError, plan
from reagent_build.targets import PLATFORMS, Target, UnknownTargetError

AMD64 = Target("linux", "amd64")
ARM64 = Target("linux", "arm64")
WITH_ENGINE = Facts(
    version="1.2.3",
    commit="0123456789abcdef",
    machine=AMD64,
    engine="20.10.24",
    engine_refusal="",
    freezers=frozenset(("static", "wine", "zig", "pyinstaller", "nuitka")),
    emulators=frozenset(each.emulator[0] for each in PLATFORMS.values() if each.emulator),
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


@pytest.mark.parametrize(
    ("name", "freezer", "run"),
    [
        ("linux/amd64", "static", "native"),
        ("linux/arm/5", "static", "qemu arm926"),
        ("windows/amd64", "wine", "wine, in its container"),
        ("darwin/amd64", "zig", "built, not run"),
    ],
)
def test_each_platform_has_its_freezer_and_says_how_it_is_run(
    name: str, freezer: str, run: str
) -> None:
    (one,) = plan([Target.parse(name)], WITH_ENGINE, None)

    assert (one.freezer, one.run) == (freezer, run)


def test_a_freezer_that_does_not_exist_is_named_before_anything_is_done() -> None:
    without = replace(WITH_ENGINE, freezers=frozenset(("static",)))

    with pytest.raises(UnsupportedTargetError, match="windows/amd64: is made by wine"):
        plan([AMD64, Target("windows", "amd64")], without, None)


def test_a_freezer_for_another_platform_is_refused() -> None:
    with pytest.raises(UnsupportedTargetError, match="linux/amd64: is made by static, not by zig"):
        plan([AMD64], WITH_ENGINE, "zig")


def test_what_cannot_be_run_for_want_of_an_emulator_names_its_package() -> None:
    bare = replace(WITH_ENGINE, emulators=frozenset())

    with pytest.raises(UnsupportedTargetError, match="apt-get install qemu-user-static"):
        plan([ARM64], bare, None)


def test_what_is_not_to_be_run_needs_no_emulator_and_says_so() -> None:
    unchecked = replace(WITH_ENGINE, emulators=frozenset(), checked=False)

    amd64, arm64 = plan([AMD64, ARM64], unchecked, None)

    assert (amd64.run, arm64.run) == ("native", "built, not run")


def test_a_target_that_is_named_twice_is_made_once() -> None:
    assert len(plan([AMD64, AMD64], WITH_ENGINE, None)) == 1


def test_one_target_that_cannot_be_made_stops_the_plan_before_anything_is_done() -> None:
    with pytest.raises(UnknownTargetError, match="plan9/amd64 cannot be built; these can: linux/"):
        plan([AMD64, Target("plan9", "amd64")], WITH_ENGINE, None)


def test_a_plan_shows_what_is_made_of_what_and_where() -> None:
    (one,) = plan([AMD64], WITH_ENGINE, None)

    assert str(one) == (
        "linux/amd64: reagent 1.2.3 (0123456789ab) -> out/reagent-linux-amd64"
        " by static, in a container of Docker 20.10.24; native; unsigned"
    )
