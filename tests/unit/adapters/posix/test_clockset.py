from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from reagent.adapters.posix import clockset


class Kernel:
    """Answers `adjtimex` as a test wants."""

    def __init__(self, answer: int, status: int = 0) -> None:
        self._answer = answer
        self._status = status

    def adjtimex(self, reference: object) -> int:
        buffer = reference._obj  # type: ignore[attr-defined]
        ctypes.c_int.from_buffer(buffer, 5 * ctypes.sizeof(ctypes.c_long)).value = self._status
        return self._answer


@pytest.mark.parametrize(
    ("kernel", "said"),
    [
        (Kernel(0), True),
        (Kernel(5, 0x40), False),
        (Kernel(5, 0x2000), True),  # nanoseconds, and no word of being out of step
        (Kernel(-1), None),
        (object(), None),  # no such function in this libc
    ],
)
def test_the_kernel_says_whether_it_was_told_the_time(
    monkeypatch: pytest.MonkeyPatch, kernel: object, *, said: bool | None
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: kernel)

    assert clockset._through_libc() is said


def test_the_real_kernel_gives_one_of_the_answers() -> None:
    assert clockset._through_libc() in {True, False, None}


def test_the_file_of_timesyncd_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Kernel(5, 0x40))
    said = tmp_path / "synchronized"
    assert not clockset.clock_is_set(str(said))

    said.touch()

    assert clockset.clock_is_set(str(said))
