"""A bare autobahn client: joins with WAMP-CRA, registers one echo, serves until it is ended.

python client.py URL AUTHID SECRET PROCEDURE
"""

# mypy: allow-untyped-calls

import asyncio
import sys

from autobahn.asyncio.wamp import ApplicationRunner, ApplicationSession
from autobahn.wamp import auth
from autobahn.wamp.types import CallResult, Challenge, SessionDetails

URL, AUTHID, SECRET, PROCEDURE = sys.argv[1:]


class Client(ApplicationSession):
    """As in the manual."""

    def onConnect(self) -> None:  # noqa: N802 - autobahn's name
        """Ask to be let in."""
        self.join(self.config.realm, ["wampcra"], AUTHID)

    def onChallenge(self, challenge: Challenge) -> str:  # noqa: N802
        """Sign."""
        key = SECRET.encode()
        extra = challenge.extra
        if "salt" in extra:
            key = auth.derive_key(key, extra["salt"], extra["iterations"], extra["keylen"])
        signature: bytes = auth.compute_wcs(key, extra["challenge"].encode())
        return signature.decode("ascii")

    async def onJoin(self, details: SessionDetails) -> None:  # noqa: ARG002, N802
        """Offer the echo."""
        await self.register(self.echo, PROCEDURE)
        print("registered", flush=True)

    async def echo(self, *args: object, **kwargs: object) -> CallResult:
        """Give back what came."""
        return CallResult(*args, **kwargs)


if __name__ == "__main__":
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    ApplicationRunner(URL, "realm1").run(Client)
