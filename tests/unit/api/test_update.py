from __future__ import annotations

from itertools import pairwise
from typing import cast

import pytest

from reagent.api.procedure import marks_of
from reagent.api.update import Progress, Update
from reagent.errors import DownloadFailed
from reagent.model.call import Call, Privilege
from reagent.model.device import Identity
from tests.fakes.messenger import FakeMessenger

TOPIC = "re.mgmt.SN-1.agent_update_progress"
NOTHING = {
    "CurrentVersion": "",
    "LatestVersion": "",
    "Message": "",
    "DidAgentUpdate": False,
    "DidTunnelUpdate": False,
    "DidUpdate": False,
    "InProgress": False,
    "TotalFileSize": 0,
}


class Orders:
    """Does as it is told when a look is ordered."""

    def __init__(self, *blocks: int, outcome: bool | Exception) -> None:
        self._blocks = blocks
        self._outcome = outcome

    async def __call__(self, progress: Progress) -> bool:
        current, total = 0, sum(self._blocks)
        for block in self._blocks:
            current += block
            await progress(block, current, total)
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


@pytest.fixture
def messenger() -> FakeMessenger:
    return FakeMessenger()


async def asked(messenger: FakeMessenger, orders: Orders) -> object:
    update = Update(messenger, lambda: Identity(serial_number="SN-1"), orders)
    answer = await update.update_agent(Call())
    assert len(answer.args) == 1
    assert not answer.kwargs
    return answer.args[0]


async def test_a_staged_version_is_an_update(messenger: FakeMessenger) -> None:
    answer = await asked(messenger, Orders(outcome=True))

    assert answer == {**NOTHING, "DidAgentUpdate": True, "DidUpdate": True}


async def test_nothing_newer_is_a_success_with_all_flags_false(messenger: FakeMessenger) -> None:
    assert await asked(messenger, Orders(outcome=False)) == NOTHING


@pytest.mark.parametrize("failure", [DownloadFailed("404"), ValueError("nobody thought of it")])
async def test_a_failure_inside_is_a_success_with_all_flags_false(
    messenger: FakeMessenger, failure: Exception
) -> None:
    assert await asked(messenger, Orders(outcome=failure)) == NOTHING


async def test_progress_is_published_block_by_block(messenger: FakeMessenger) -> None:
    await asked(messenger, Orders(40, 60, outcome=True))

    assert messenger.published(TOPIC) == [
        ({"increment": 40, "currentBytes": 40, "fileSize": 100},),
        ({"increment": 60, "currentBytes": 100, "fileSize": 100},),
    ]


@pytest.mark.parametrize(
    ("blocks", "events"),
    [((100_000,), 4), ((600_000, 5), 20), ((32 * 1024, 32 * 1024), 2), ((4_194_304,) * 8, 128)],
)
async def test_large_blocks_are_told_of_in_steps(
    messenger: FakeMessenger, blocks: tuple[int, ...], events: int
) -> None:
    await asked(messenger, Orders(*blocks, outcome=True))

    told = [cast(dict[str, int], event[0]) for event in messenger.published(TOPIC)]
    assert len(told) == events
    assert sum(each["increment"] for each in told) == told[-1]["currentBytes"] == sum(blocks)
    assert all(
        later["currentBytes"] - earlier["currentBytes"] == later["increment"]
        for earlier, later in pairwise(told)
    )


async def test_a_download_goes_on_while_nobody_can_be_told(messenger: FakeMessenger) -> None:
    messenger.go_down()

    answer = cast(dict[str, object], await asked(messenger, Orders(40, 60, outcome=True)))

    assert answer["DidUpdate"] is True


def test_it_takes_the_privilege_to_maintain() -> None:
    (mark,) = marks_of(Update)

    assert (mark.suffix, mark.needs) == ("update_agent", Privilege.MAINTAIN)
