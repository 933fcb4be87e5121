"""commands.words: a report as a person reads it."""

from __future__ import annotations

import pytest

from reagent.commands.words import duration, status, update_status

TRIAL = {
    "version": "1.5.0", "kind": "update", "strikes": 0, "given_back": 0, "open": False,
    "due_in_s": 0, "proven_s": 0, "soak_s": 1800,
}  # fmt: skip


def row(title: str, lines: list[str]) -> str:
    return next(line for line in lines if line.startswith(title)).removeprefix(title).strip()


@pytest.mark.parametrize(
    ("trial", "words"),
    [
        (None, "none"),
        (TRIAL, "version 1.5.0, a newer version, waiting for an idle moment"),
        (TRIAL | {"open": True}, "version 1.5.0, a newer version, running now"),
        (
            TRIAL | {"due_in_s": 7200, "strikes": 2, "given_back": 1},
            (
                "version 1.5.0, a newer version, next attempt in 2 h, failed 2 of 3 times,"
                " 1 attempts in a broken world"
            ),
        ),
        (
            TRIAL | {"kind": "rollback", "open": True, "proven_s": 600},
            "version 1.5.0, the version before, running now, 10 min of 30 min proven",
        ),
        (
            TRIAL | {"kind": "arrival"},
            "version 1.5.0, this version itself, new on this device, waiting for an idle moment",
        ),
    ],
)
def test_a_trial_in_words(trial: object, words: str) -> None:
    assert row("trial", list(update_status({"trial": trial}))) == words


def test_every_block_and_every_refusal_has_a_line_of_its_own() -> None:
    lines = list(
        update_status(
            {
                "blocked": [
                    {"version": "1.5.0", "sha256": "5" * 64, "reason": "failed 3 times"},
                    {"version": "", "sha256": "6" * 64, "reason": "it is no executable"},
                ],
                "troubles": ["the bucket is gone"],
            }
        )
    )

    assert lines[-3:] == [
        "blocked     version 1.5.0: failed 3 times",
        "            version 666666666666: it is no executable",
        "refused     the bucket is gone",
    ]


def test_links_that_name_nothing_are_told_with_the_remedy() -> None:
    lines = list(update_status({"active": "", "previous": "reagent-v1.4.0"}))

    assert row("active", lines) == "nothing (reagent update repair mends it)"
    assert row("fall back", lines) == "reagent-v1.4.0"


def test_an_agent_that_is_not_connected_says_so() -> None:
    lines = list(status({"running": True, "version": "1.4.0", "router": "ws://r", "serial": "SN"}))

    assert lines[0] == "agent       running, version 1.4.0, not connected to ws://r"


def test_an_outcome_that_a_later_version_wrote_is_shown_as_it_is() -> None:
    lines = list(update_status({"last": {"version": "2.0.0", "outcome": "moved", "reason": "why"}}))

    assert row("last", lines) == "version 2.0.0 moved: why"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h")]
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("updates", "line"),
    [
        ("signed", "trust       signed: what nobody signed for is not taken"),
        ("unsigned", "trust       unsigned: whoever holds the bucket is believed"),
    ],
)
def test_it_says_whom_updates_are_taken_from(updates: str, line: str) -> None:
    assert line in list(update_status({"updates": updates}))


def test_the_last_refusal_is_shown_where_no_agent_runs() -> None:
    report = {"distrust": {"rule": "freeze", "reason": "timestamp.json is expired"}}

    assert "refused     by the rule freeze: timestamp.json is expired" in list(
        update_status(report)
    )
    assert not any(
        "freeze" in line for line in update_status({**report, "troubles": ["the line is down"]})
    )
