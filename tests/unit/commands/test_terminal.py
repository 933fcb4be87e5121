"""commands.terminal: progress for whoever watches."""

from __future__ import annotations

import io

from reagent.commands.terminal import Bar


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_one_line_moves() -> None:
    screen = Screen()
    bar = Bar("copying", screen)

    bar.show(5_000_000, 10_000_000)
    bar.show(10_000_000, 10_000_000)
    bar.end()

    half, whole = screen.getvalue().split("\r")[1:]
    assert half == "copying [###############...............] 5.0 of 10.0 MB"
    assert whole == "copying [##############################] 10.0 of 10.0 MB\n"


def test_elsewhere_ten_lines_are_the_most() -> None:
    stream = io.StringIO()
    bar = Bar("copying", stream)

    for done in range(0, 1001, 10):
        bar.show(done * 1000, 1_000_000)
    bar.end()

    lines = stream.getvalue().splitlines()
    assert len(lines) == 11
    assert lines[-1] == "copying 1.0 of 1.0 MB"


def test_nothing_is_left_where_nothing_was_shown() -> None:
    screen = Screen()

    Bar("copying", screen).end()

    assert screen.getvalue() == ""


def test_a_closed_screen_stops_nothing() -> None:
    class Gone(Screen):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    bar = Bar("copying", Gone())

    bar.show(1, 1)
    bar.end()

    assert bar._shown == 30
