from __future__ import annotations

import pytest

from reagent.device.milestones import Milestones, Moment, duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1.2345, "1.2345s"),
        (0.8501, "850.1ms"),
        (62.5, "1m2.5s"),
        (3723.0, "1h2m3s"),
        (0.0001, "100µs"),
        (0.0, "0s"),
        (-1.0, "0s"),
    ],
)
def test_durations_read_as_go_prints_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_report_is_due_once_when_the_last_moment_came() -> None:
    milestones = Milestones(launched=10.0)

    due = [
        milestones.reach(moment, at)
        for moment, at in [
            (Moment.DIALLING, 10.1),
            (Moment.JOINED, 10.25),
            (Moment.JOINED, 99.0),
            (Moment.SEQUENCE_DONE, 10.5),
            (Moment.GREEN, 10.5),
            (Moment.GREEN, 11.0),
        ]
    ]

    assert due == [False, False, False, False, True, False]
    assert dict(milestones.figures()) == {
        "pre-connection initialisation": "100ms",
        "socket connection, from launch": "250ms",
        "socket connection, from connection start": "150ms",
        "on-connect sequence, from launch": "500ms",
        "on-connect sequence, from connection start": "400ms",
        "green, from launch": "500ms",
    }
