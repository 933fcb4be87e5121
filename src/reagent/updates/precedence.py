"""Which of two versions is the higher one: semantic versions, build parts ignored."""

from __future__ import annotations

_Key = tuple[tuple[int, ...], int, tuple[tuple[int, int, str], ...]]


def higher(one: str, other: str) -> str:
    """The higher of two; a text that is no version loses against every version."""
    return other if _key(other) > _key(one) else one


def _key(version: str) -> _Key:
    core, _, pre = version.partition("+")[0].removeprefix("v").partition("-")
    parts = core.split(".")
    if not all(part.isascii() and part.isdigit() for part in parts):
        return ((), 0, ())
    numbers = tuple(int(part[:18]) for part in parts)
    return ((*numbers, 0, 0)[:3], 0 if pre else 1, tuple(_part(part) for part in pre.split(".")))


def _part(part: str) -> tuple[int, int, str]:
    """Numbers before words, as semantic versioning says."""
    if part.isascii() and part.isdigit():
        return (0, int(part[:18]), "")
    return (1, 0, part)
