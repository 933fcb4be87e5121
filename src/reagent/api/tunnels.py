"""Which tunnels there are (docs/contract/wamp.md 4.27)."""

from __future__ import annotations

from reagent.api.procedure import procedure
from reagent.model.call import Answer, Call


class Tunnels:
    """Where there is no tunnel client, the contract's answer is an empty list."""

    @procedure("get_tunnel_state")
    async def get_tunnel_state(self, _call: Call) -> Answer:
        """None: this version opens none."""
        return Answer(([],))
