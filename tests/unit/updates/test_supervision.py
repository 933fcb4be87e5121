"""updates.supervision: proven, hanging, too late."""

from __future__ import annotations

from reagent.updates.supervision import Supervision, Verdict
from reagent.updates.times import HANGS_AFTER_S, Times

TIMES = Times(proof=900, soak=1800)


def watch(*required: str, soaked: float = 0) -> Supervision:
    return Supervision(
        required=frozenset(required or ("joined",)), soaked=soaked, times=TIMES, now=0
    )


def alive(child: Supervision, until: float, since: float = 0) -> None:
    for second in range(int(since), int(until) + 1, 5):
        child.hear("alive", second)


def test_proven_when_all_was_reached_and_held_for_the_soak() -> None:
    child = watch("joined", "engine")

    child.hear("reached joined", 1)
    child.hear("up", 1)
    child.hear("reached engine", 10)
    alive(child, 1809, since=10)

    assert child.verdict(1809) is Verdict.WAIT
    assert child.verdict(1810) is Verdict.PROVEN


def test_a_lost_link_pauses_the_soak() -> None:
    child = watch()
    child.hear("reached joined", 0)
    child.hear("up", 0)
    child.hear("down", 1000)
    assert child.soaked(1500) == 1000

    child.hear("up", 1500)
    alive(child, 2300, since=1500)

    assert child.verdict(2299) is Verdict.WAIT
    assert child.verdict(2300) is Verdict.PROVEN


def test_seconds_of_earlier_boots_count() -> None:
    child = watch(soaked=1799)
    child.hear("reached joined", 1)
    child.hear("up", 1)

    assert child.verdict(1.5) is Verdict.WAIT
    assert child.verdict(2.0) is Verdict.PROVEN


def test_a_soak_of_earlier_boots_proves_nothing_alone() -> None:
    assert watch(soaked=1800).verdict(1) is Verdict.WAIT


def test_silence_is_a_hang() -> None:
    child = watch()
    child.hear("alive", 5)

    assert child.verdict(5 + HANGS_AFTER_S - 0.1) is Verdict.WAIT
    assert child.verdict(5 + HANGS_AFTER_S) is Verdict.HANGS


def test_a_proof_that_does_not_come_is_too_late() -> None:
    child = watch("joined", "engine")
    child.hear("reached joined", 1)
    child.hear("up", 1)
    alive(child, 900)

    assert child.verdict(899) is Verdict.WAIT
    assert child.verdict(900) is Verdict.DEADLINE
    assert child.missing == {"engine"}


def test_a_proof_that_was_lost_has_the_same_time_to_come_back() -> None:
    child = watch()
    child.hear("reached joined", 0)
    child.hear("up", 0)
    alive(child, 500)
    child.hear("down", 500)
    alive(child, 1400, since=500)

    assert child.verdict(1399) is Verdict.WAIT
    assert child.verdict(1400) is Verdict.DEADLINE


def test_words_of_later_versions_and_noise_say_nothing() -> None:
    child = watch()
    for line in ("", "reached", "reached the moon", "up up", "\0", "reached joined extra"):
        child.hear(line, 1)

    assert child.missing == {"joined"}


def test_it_is_looked_at_when_the_verdict_may_change() -> None:
    child = watch()
    assert child.look_in(10) == HANGS_AFTER_S - 10

    child.hear("reached joined", 10)
    child.hear("up", 10)

    assert child.look_in(20) == HANGS_AFTER_S - 10
    quick = Supervision(
        required=frozenset({"joined"}), soaked=0, times=Times(proof=7, soak=3), now=0
    )
    assert quick.look_in(1) == 6
    quick.hear("reached joined", 2)
    quick.hear("up", 2)
    assert quick.look_in(2.5) == 2.5


def test_a_refusal_is_remembered() -> None:
    child = watch()
    child.hear("refused", 1)

    assert child.refused
