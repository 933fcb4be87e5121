from __future__ import annotations

from reagent.model.device import Identity
from reagent.tunnels.nudge import Nudge
from tests.fakes.messenger import FakeMessenger

ME = Identity(serial_number="SN-TEST-0001")
TOPIC = "re.mgmt.SN-TEST-0001.tunnel_state_update/onreload"


async def test_no_tunnels_are_an_event_without_arguments() -> None:
    messenger = FakeMessenger()

    await Nudge(messenger, lambda: ME).publish()

    [said] = messenger.publications
    assert (said.topic, said.args, said.acknowledge) == (TOPIC, (), False)


async def test_what_nobody_can_be_told_is_no_trouble() -> None:
    messenger = FakeMessenger()
    messenger.router.forbid(TOPIC)

    await Nudge(messenger, lambda: ME).publish()

    assert messenger.connected
