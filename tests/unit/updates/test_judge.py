"""updates.judge: what becomes of a trial."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reagent.updates import judge
from reagent.updates.control import Control
from reagent.updates.state import (
    MOST_BLOCKED,
    Attempt,
    Ending,
    State,
    Trial,
    decode,
    encode,
)
from reagent.updates.times import DAY_S, LONGEST_PAUSE_S, Times

NOW = 1_000_000.0
TIMES = Times(proof=900, soak=1800)
TRIAL = Trial(file="reagent-v1.5.0", version="1.5.0", sha256="5" * 64, size=50)
CONTROL = Control(required=frozenset({"joined"}), window=900, strikes=True, why="hangs")


def tried(**other: object) -> State:
    trial = replace(TRIAL, attempt=Attempt(boot="b", end="hangs", took=30))
    return State(trial=replace(trial, **other))  # type: ignore[arg-type]


def trial_in(state: State) -> Trial:
    assert state.trial is not None
    return state.trial


def test_a_strike_only_when_active_could_do_it() -> None:
    well = judge.settled(tried(), CONTROL, NOW, TIMES, well=True)
    broken = judge.settled(tried(), CONTROL, NOW, TIMES, well=False)

    assert (trial_in(well).strikes, trial_in(well).given_back) == (1, 0)
    assert (trial_in(broken).strikes, trial_in(broken).given_back) == (0, 1)
    assert trial_in(well).attempt is trial_in(broken).attempt is None


def test_a_version_that_was_scheduled_meanwhile_answers_for_no_attempt_before_it() -> None:
    newer = judge.scheduled(tried(), replace(TRIAL, sha256="6" * 64))

    assert judge.settled(newer, CONTROL, NOW, TIMES, well=True) == newer
    assert judge.settled(newer, CONTROL, NOW, TIMES, well=False) == newer


def test_the_pause_after_a_strike_is_as_long_as_the_attempt() -> None:
    assert trial_in(judge.struck(tried(), NOW)).due_in(NOW) == 30


def test_the_third_strike_blocks_and_says_why() -> None:
    state = judge.settled(tried(strikes=2), CONTROL, NOW, TIMES, well=True)

    assert state.trial is None
    block = state.block_of("5" * 64)
    assert block is not None
    assert (block.version, block.why) == ("1.5.0", "failed 3 times: hangs")


def test_a_broken_world_makes_the_pauses_longer_and_never_blocks() -> None:
    state, pauses = tried(), []
    for _ in range(40):
        state = judge.given_back(state, NOW, TIMES)
        pauses.append(trial_in(state).due_in(NOW))

    assert pauses[:4] == [900, 1800, 3600, 7200]
    assert max(pauses) == pauses[-1] == LONGEST_PAUSE_S
    assert state.blocked == ()


def test_a_reboot_makes_the_next_attempt_due_at_once_when_the_world_is_well() -> None:
    state = judge.settled(tried(), replace(CONTROL, strikes=False), NOW, TIMES, well=True)

    assert trial_in(state).due_in(NOW) == 0
    assert trial_in(state).strikes == 0


def test_an_ordered_stop_is_as_if_it_had_not_begun() -> None:
    before = State(trial=TRIAL)

    assert judge.stopped(judge.opened(before, "b")) == before


def test_a_new_version_supersedes_what_was_tried() -> None:
    newer = replace(TRIAL, file="reagent-v1.6.0", version="1.6.0", sha256="6" * 64)

    state = judge.scheduled(tried(strikes=2), newer)

    assert state.trial == newer


def test_at_most_sixteen_digests_stay_blocked_the_youngest_ones() -> None:
    state = State()
    for number in range(MOST_BLOCKED + 4):
        state = judge.blocked(state, f"{number:064x}", "1.0.0", "why")

    assert len(state.blocked) == MOST_BLOCKED
    assert state.block_of(f"{3:064x}") is None
    assert state.block_of(f"{4:064x}") is not None


def test_blocking_again_keeps_one_entry() -> None:
    state = judge.blocked(judge.blocked(State(), "5" * 64, "1", "a"), "5" * 64, "1", "b")

    assert [each.why for each in state.blocked] == ["b"]


def test_an_order_unblocks() -> None:
    assert judge.unblocked(judge.blocked(State(), "5" * 64, "1", "a"), "5" * 64).blocked == ()


def test_what_active_could_do_within_a_week_is_required() -> None:
    state = judge.could(State(), frozenset({"joined", "engine"}), NOW)

    assert judge.required(state, NOW + 6 * DAY_S) == {"joined", "engine"}
    assert judge.required(state, NOW + 7 * DAY_S) == {"joined"}


def test_joining_is_always_required() -> None:
    assert judge.required(State(), NOW) == {"joined"}


def test_the_best_counts_not_the_last() -> None:
    state = judge.could(State(), frozenset({"joined", "engine"}), NOW)

    state = judge.could(state, frozenset({"joined"}), NOW + DAY_S)

    assert judge.required(state, NOW + DAY_S) == {"joined", "engine"}


def test_a_baseline_of_today_is_not_written_again() -> None:
    state = judge.could(State(), frozenset({"joined"}), NOW)

    assert judge.could(state, frozenset({"joined"}), NOW + 3600) is state
    assert judge.could(state, frozenset({"joined"}), NOW + DAY_S) != state


def test_words_of_nobody_are_not_remembered() -> None:
    assert judge.could(State(), frozenset({"flew"}), NOW).baseline == {}


def test_a_clock_that_was_set_back_forgets_no_baseline() -> None:
    state = judge.could(State(), frozenset({"joined", "engine"}), NOW)

    assert judge.required(state, 0.0) == {"joined", "engine"}
    assert judge.could(state, frozenset({"engine"}), 0.0).baseline["engine"] == 0.0


def test_what_a_clock_that_ran_ahead_wrote_does_not_count_for_ever() -> None:
    in_2026, in_2099 = 1_790_000_000.0, 4_070_000_000.0
    state = judge.could(State(), frozenset({"joined", "engine"}), in_2099)

    state = judge.could(state, frozenset({"joined"}), in_2026)

    assert judge.required(state, in_2026) == {"joined", "engine"}
    assert judge.required(state, in_2026 + 8 * DAY_S) == {"joined"}


def test_what_is_put_is_neither_absent_nor_spoiled() -> None:
    state = judge.could(State(absent=True, spoiled="x"), frozenset({"joined"}), NOW)

    assert (state.absent, state.spoiled) == (False, "")


def test_a_commit_raises_the_floor_and_forgets_the_ends() -> None:
    state = replace(tried(), ends={"4" * 64: 3})

    after = judge.committed(state, TRIAL, NOW, "1.5.0")

    assert (after.trial, after.floor, dict(after.ends)) == (None, "1.5.0", {"5" * 64: 0})
    assert judge.is_fresh(after, "reagent-v1.5.0", NOW + DAY_S - 1)
    assert not judge.is_fresh(after, "reagent-v1.5.0", NOW + DAY_S)
    assert not judge.is_fresh(after, "reagent-v1.4.0", NOW)


def test_a_clock_that_was_set_back_ends_the_first_day_all_the_same() -> None:
    state = judge.committed(tried(), TRIAL, NOW, "1.5.0")

    state = judge.run_opened(state, "b", 1000.0)

    assert not judge.is_fresh(state, "reagent-v1.5.0", 1000.0 + DAY_S)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: judge.opened(state, "b"),
        judge.stopped,
        judge.due,
        lambda state: judge.struck(state, NOW),
        lambda state: judge.given_back(state, NOW, TIMES),
        lambda state: judge.ended(state, "x", 1),
        lambda state: judge.rebooted(state, NOW),
        lambda state: judge.soaked(state, 5),
        judge.run_closed,
        lambda state: judge.run_opened(state, "b", NOW),
    ],
)
def test_without_a_trial_nothing_becomes_of_it(change: object) -> None:
    assert callable(change)
    assert change(State()) == State()


def test_how_a_turn_ended_last_is_remembered_with_its_reason() -> None:
    postponed = judge.settled(tried(), CONTROL, NOW, TIMES, well=False)
    blocked = judge.settled(tried(strikes=2), CONTROL, NOW, TIMES, well=True)
    deferred = judge.rebooted(tried(reboots=judge.MOST_REBOOTS - 1), NOW)
    committed = judge.committed(blocked, TRIAL, NOW, "1.5.0")

    assert postponed.last == Ending(version="1.5.0", end="postponed", why="hangs")
    assert blocked.last == Ending(version="1.5.0", end="blocked", why="failed 3 times: hangs")
    assert deferred.last == Ending(
        version="1.5.0", end="postponed", why="10 reboots cut its attempts"
    )
    assert committed.last == Ending(version="1.5.0", end="committed")


@pytest.mark.parametrize(
    "content",
    [b'{"format": 1, "last": 7}', b'{"format": 1, "last": {"version": "1.5.0"}}'],
)
def test_an_ending_that_cannot_be_read_is_none(content: bytes) -> None:
    assert decode(content).last is None


def test_an_ending_survives_the_disk() -> None:
    state = judge.blocked(State(), "5" * 64, "1.5.0", "hangs")

    assert decode(encode(state)).last == state.last
