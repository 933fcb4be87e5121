"""Doing, once more and on purpose, what a version has to be able to do here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from reagent import log
from reagent.contracts.clock import Clock
from reagent.contracts.files import Files
from reagent.errors import ReagentError
from reagent.updates import moves
from reagent.updates.proof import Proof
from reagent.updates.vocabulary import DOWNLOADS, REGISTERED

Step = Callable[[], Awaitable[None]]

_log = log.get(__name__)

STEP_WITHIN_S: Final = 15.0
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 15.0
_PROBE: Final = ".probe"


class Prover:
    """Tries until everything was reached; each step is bounded, and its failure is no failure.

    Args:
        steps: by word, what has to be done. A step raises when it was not.
    """

    def __init__(self, proof: Proof, steps: Mapping[str, Step], clock: Clock) -> None:
        self._proof = proof
        self._steps = steps
        self._clock = clock

    async def run(self, words: frozenset[str], *, rounds: int = 0) -> None:
        """Reach these, after the procedures are registered.

        Args:
            words: those without a step are somebody else's to reach.
            rounds: give up after so many; 0 tries for ever.
        """
        await self._proof.wait_for(frozenset({REGISTERED}))
        pause, done = _FIRST_PAUSE_S, 0
        while missing := sorted((words & self._steps.keys()) - self._proof.words):
            for word in missing:
                await self._try(word)
            done += 1
            if done == rounds:
                return
            if not words & self._steps.keys() <= self._proof.words:
                await self._clock.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def _try(self, word: str) -> None:
        try:
            async with asyncio.timeout(STEP_WITHIN_S):
                await self._steps[word]()
        except (ReagentError, OSError, TimeoutError) as error:
            _log.debug("not proven yet", word=word, error=repr(error))
        else:
            self._proof.reached(word)


def write_and_take_away(files: Files, folder: str) -> None:
    """Prove that an update could be staged.

    Raises:
        OSError: it could not.
    """
    path = f"{folder}/{DOWNLOADS}/{_PROBE}"
    moves.drop(files, path)
    probe = files.create(path, 0o600)
    try:
        probe.write(b"\0" * 4096)
        probe.fsync()
    finally:
        probe.close()
        files.unlink(path)
