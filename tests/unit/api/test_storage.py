from __future__ import annotations

from typing import cast

import pytest

from reagent.api.procedure import marks_of
from reagent.api.storage import Storage, human, report
from reagent.contracts.engine import Pruned
from reagent.errors import BadRequest, EngineFailed, Unavailable
from reagent.model.call import Answer, Call, Privilege
from tests.fakes.engine import FakeEngine


@pytest.fixture
def engine() -> FakeEngine:
    engine = FakeEngine()
    engine.has_image("r/running:1")
    engine.has_image("r/unused:1")
    engine.has_dangling_image()
    engine.has_container("prod_1_a", image="r/running:1")
    engine.has_container("prod_2_b", image="r/unused:1", status="exited")
    engine.has_volume("v1")
    return engine


async def asked(engine: FakeEngine, *args: object) -> Answer:
    return await Storage(engine).prune_images(Call(list(args)))


async def test_all_takes_what_no_running_container_uses_and_reports_it(engine: FakeEngine) -> None:
    stopped = engine.container("prod_2_b").id

    (text,) = (await asked(engine, {"all": True})).args

    assert engine.names == ["prod_1_a"]
    assert engine.tags == ["r/running:1"]
    assert cast(str, text).startswith(f"Deleted Containers:\n{stopped}\n\nDeleted Volumes:\nv1\n\n")
    assert "untagged: r/unused:1\n" in cast(str, text)
    assert cast(str, text).endswith("\n\nTotal reclaimed space: 104.9MB\n")


@pytest.mark.parametrize("argument", [{}, {"all": False}, {"all": None}, {"other": True}])
async def test_without_all_only_images_without_a_name_go_and_nothing_is_said(
    engine: FakeEngine, argument: dict[str, object]
) -> None:
    answer = await asked(engine, argument, "ignored")

    assert answer == Answer()
    assert engine.asked == ["prune_dangling"]
    assert engine.tags == ["r/running:1", "r/unused:1"]
    assert engine.names == ["prod_1_a", "prod_2_b"]


@pytest.mark.parametrize(
    "args",
    [(), (None,), ("not-a-dict",), ([],), ({"all": "yes"},), ({"all": 1},), ({"all": []},)],
)
async def test_what_cannot_be_read_is_an_error_and_the_engine_is_not_touched(
    engine: FakeEngine, args: tuple[object, ...]
) -> None:
    with pytest.raises(BadRequest, match="failed to parse"):
        await asked(engine, *args)

    assert engine.asked == []


@pytest.mark.parametrize(
    ("argument", "call"), [({"all": True}, "prune_unused"), ({}, "prune_dangling")]
)
async def test_an_engine_that_refuses_is_an_error(
    engine: FakeEngine, argument: dict[str, object], call: str
) -> None:
    engine.refuse(call, "a prune operation is already running")

    with pytest.raises(EngineFailed, match="already running"):
        await asked(engine, argument)


def test_nothing_thrown_away_is_one_line() -> None:
    assert report(Pruned()) == "Total reclaimed space: 0B\n"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0B"),
        (999, "999B"),
        (1000, "1kB"),
        (1_100_000_000, "1.1GB"),
        (52_428_800, "52.43MB"),
        (123_456_789, "123.5MB"),
        (10**30, "1e+06YB"),
    ],
)
def test_sizes_have_four_digits_and_decimal_units(size: int, text: str) -> None:
    assert human(size) == text


def test_it_takes_the_privilege_to_maintain() -> None:
    (mark,) = marks_of(Storage)

    assert (mark.suffix, mark.needs) == ("prune_images", Privilege.MAINTAIN)


@pytest.mark.parametrize("argument", [{}, {"all": True}])
async def test_a_version_on_trial_throws_nothing_away(
    engine: FakeEngine, argument: dict[str, object]
) -> None:
    with pytest.raises(Unavailable, match="on trial"):
        await Storage(engine, on_trial=True).prune_images(Call([argument]))

    assert engine.tags == ["r/running:1", "r/unused:1"]
