"""The engine's refusals and the libraries' exceptions, in our words. Nothing of theirs leaves."""

from __future__ import annotations

from reagent.errors import (
    ContainerNotFound,
    EngineFailed,
    EngineUnavailable,
    ImageNotFound,
    ReagentError,
)

_NOT_FOUND = 404
# What the engine says of something that is not there, whatever the status code: on `create` a
# 404 is a missing image, on `start` it may be a network (docs/contract/streams.md 1.13).
_ABSENT: tuple[tuple[str, type[ReagentError]], ...] = (
    ("no such container", ContainerNotFound),
    ("container which is dead or marked for removal", ContainerNotFound),
    ("no such image", ImageNotFound),
)


class Refusal(Exception):
    """The engine answered with an error: its status code and its own text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status

    @property
    def in_progress(self) -> bool:
        """Whether a removal is refused because one is under way."""
        return self.status == 409 and "already in progress" in str(self)


def translate(refusal: Refusal, absent: type[ReagentError] | None = None) -> ReagentError:
    """What a refusal means; `absent` is what 404 stands for in this request."""
    text = str(refusal)
    lowered = text.lower()
    for words, kind in _ABSENT:
        if words in lowered:
            return kind(text)
    if refusal.status == _NOT_FOUND and absent is not None:
        return absent(text)
    return EngineFailed(text)


def unavailable(address: str, reason: object) -> EngineUnavailable:
    """Nobody answers at the address."""
    return EngineUnavailable(f"the Docker engine does not answer at {address}: {reason}")
