from __future__ import annotations

import errno

import pytest

from reagent import log
from reagent.api.power import Power
from reagent.api.procedure import marks_of
from reagent.model.call import Answer, Call, Privilege
from tests.fakes.clock import FakeClock
from tests.fakes.processes import FakeProcesses

COMMANDS = {
    "system_reboot": ("reboot",),
    "system_shutdown": ("poweroff",),
    "system_restart_agent": ("systemctl", "restart", "reagent"),
}


class Machine:
    """What orders are given to."""

    def __init__(self) -> None:
        self.processes = FakeProcesses()
        self.clock = FakeClock()
        self.power = Power(lambda: self.processes, self.clock)

    async def order(self, name: str) -> Answer:
        answer: Answer = await getattr(self.power, name)(Call(["ignored"]))
        return answer


@pytest.fixture
def machine() -> Machine:
    return Machine()


def of(written: list[log.Entry], level: int) -> list[str]:
    return [entry.message for entry in written if entry.level == level]


@pytest.mark.parametrize(("name", "command"), COMMANDS.items())
async def test_an_order_is_answered_with_nothing_and_carried_out_two_seconds_later(
    machine: Machine, name: str, command: tuple[str, ...]
) -> None:
    answer = await machine.order(name)
    await machine.clock.advance(1.9)
    before = list(machine.processes.ran)
    await machine.clock.advance(0.2)

    assert answer == Answer()
    assert before == []
    assert machine.processes.ran == [command]


async def test_an_order_that_fails_is_logged_and_no_more(
    machine: Machine, said: list[log.Entry]
) -> None:
    machine.processes.ends(5, "Unit reagent.service not found.\n")

    answer = await machine.order("system_restart_agent")
    await machine.clock.advance(3)

    assert answer == Answer()
    assert of(said, log.ERROR) == ["an order failed"]


async def test_a_program_that_is_not_there_is_logged_and_no_more(
    machine: Machine, said: list[log.Entry]
) -> None:
    machine.processes.refuses(errno.ENOENT, of="reboot")

    answer = await machine.order("system_reboot")
    await machine.clock.advance(3)

    assert answer == Answer()
    assert of(said, log.ERROR) == ["an order failed"]


async def test_an_order_that_is_under_way_is_not_taken_twice_and_afterwards_it_is(
    machine: Machine,
) -> None:
    await machine.order("system_reboot")
    await machine.order("system_reboot")
    await machine.order("system_shutdown")
    await machine.clock.advance(3)
    once = list(machine.processes.ran)
    await machine.order("system_reboot")
    await machine.clock.advance(3)

    assert sorted(once) == [("poweroff",), ("reboot",)]
    assert machine.processes.ran.count(("reboot",)) == 2


async def test_an_agent_that_ends_takes_its_orders_with_it_and_says_so(
    machine: Machine, said: list[log.Entry]
) -> None:
    await machine.order("system_reboot")
    await machine.clock.advance(1)

    await machine.power.close()
    await machine.clock.advance(3)

    assert machine.processes.ran == []
    assert any("not carried out" in message for message in of(said, log.WARN))


def test_every_order_takes_the_privilege_to_maintain() -> None:
    assert {mark.suffix: mark.needs for mark in marks_of(Power)} == dict.fromkeys(
        COMMANDS, Privilege.MAINTAIN
    )
