"""From a host name to a connected socket.

asyncio would look names up in its shared pool of threads and wait for them at the end of the
process: a name server that does not answer would fill the pool, and hold up a stop.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import Final

Address = tuple[int, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]
"""Family and socket address."""

LookUp = Callable[[str, int], Sequence[Address]]

# Longer than the longest pause between two dials.
LATE_S: Final = 120.0
NAME_SERVERS: Final = "/etc/resolv.conf"
# RFC 8305: how long one address has for itself before the next is tried beside it.
HEAD_START_S = 0.25


def look_up(host: str, port: int) -> list[Address]:
    """Ask the system; blocks.

    Raises:
        OSError: there is no such name.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


class Names:
    """Looks names up, each in a thread that nobody has to wait for; the same name only once.

    Whoever asks may be less patient than a resolver whose first server is dead. So an answer for
    which nobody waits any more is kept for the next who asks: else every dial would begin anew and
    give up before the second server is asked.

    Args:
        look_up: asks the system; tests ask something else.
    """

    def __init__(self, look_up: LookUp = look_up) -> None:
        self._look_up = look_up
        self._asked: dict[tuple[str, int], asyncio.Future[Sequence[Address]]] = {}
        self._waiting: Counter[tuple[str, int]] = Counter()
        self._late: dict[tuple[str, int], tuple[float, Sequence[Address]]] = {}

    async def addresses(self, host: str, port: int) -> Sequence[Address]:
        """Where a host can be reached. Cancelling it leaves the look-up to whoever asks next.

        Raises:
            OSError: there is no such name.
        """
        key = (host, port)
        loop = asyncio.get_running_loop()
        came, addresses = self._late.pop(key, (0.0, ()))
        if addresses and loop.time() - came < LATE_S:
            return addresses
        answer = self._asked.get(key)
        if answer is None:
            answer = loop.create_future()
            answer.add_done_callback(lambda done: self._answered(key, done))
            self._asked[key] = answer
            threading.Thread(
                target=self._ask, args=(loop, answer, host, port), name="look up", daemon=True
            ).start()
        self._waiting[key] += 1
        try:
            return await asyncio.shield(answer)
        finally:
            self._waiting[key] -= 1

    def _answered(self, key: tuple[str, int], answer: asyncio.Future[Sequence[Address]]) -> None:
        self._asked.pop(key, None)
        # Whoever asked may have given up; a failure is no unhandled one then.
        if answer.cancelled() or answer.exception() is not None:
            return
        if not self._waiting[key]:
            self._late[key] = asyncio.get_running_loop().time(), answer.result()

    def _ask(
        self,
        loop: asyncio.AbstractEventLoop,
        answer: asyncio.Future[Sequence[Address]],
        host: str,
        port: int,
    ) -> None:
        try:
            found = self._look_up(host, port)
        except (OSError, UnicodeError) as error:
            failure = _refusal(host, error)
            _tell(loop, answer, lambda: answer.set_exception(failure))
        else:
            _tell(loop, answer, lambda: answer.set_result(found))


def _refusal(host: str, error: OSError | UnicodeError) -> OSError:
    """What the system said, about whom, and the likeliest reason where one can be seen."""
    if isinstance(error, UnicodeError):  # a label that is too long, or empty
        return OSError(f"no host name: {host!r}")
    known = os.path.exists(NAME_SERVERS)  # noqa: PTH110 - it never raises
    hint = "" if known else f" (there is no {NAME_SERVERS})"
    return OSError(f"no address of {host}: {error.strerror or error}{hint}")


def _tell(
    loop: asyncio.AbstractEventLoop,
    answer: asyncio.Future[Sequence[Address]],
    settle: Callable[[], None],
) -> None:
    try:
        loop.call_soon_threadsafe(lambda: None if answer.done() else settle())
    except RuntimeError:
        # The loop is closed: the process is ending.
        return


async def connect(addresses: Iterable[Address], head_start: float = HEAD_START_S) -> socket.socket:
    """Connect to whichever address answers first, each with a head start before the next.

    Raises:
        OSError: none answered; the text says what each said.
    """
    waiting = alternating(addresses)
    trying: set[asyncio.Task[socket.socket]] = set()
    failures: list[str] = []
    try:
        while waiting or trying:
            if waiting:
                trying.add(asyncio.ensure_future(_connect(waiting.pop(0))))
            done, _ = await asyncio.wait(
                trying,
                timeout=head_start if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                trying.discard(task)
                error = task.exception()
                if error is None:
                    return task.result()
                failures.append(str(error))
    finally:
        for task in trying:
            task.cancel()
            task.add_done_callback(_hang_up)
    raise OSError("; ".join(failures) or "no address")


def alternating(addresses: Iterable[Address]) -> list[Address]:
    """The addresses, their families in turns: a broken family costs one head start."""
    families: dict[int, list[Address]] = {}
    for address in addresses:
        families.setdefault(address[0], []).append(address)
    rounds = zip_longest(*families.values())
    return [address for each in rounds for address in each if address is not None]


async def _connect(address: Address) -> socket.socket:
    family, where = address
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(0)
        await asyncio.get_running_loop().sock_connect(sock, where)
    except BaseException:
        sock.close()
        raise
    return sock


def _hang_up(late: asyncio.Task[socket.socket]) -> None:
    if not late.cancelled() and late.exception() is None:
        late.result().close()
