"""updates.decide: what a start does, rule by rule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reagent.updates import judge
from reagent.updates.decide import Act, Facts, Plan, decide
from reagent.updates.links import Links
from reagent.updates.quiet import is_quiet
from reagent.updates.state import Attempt, Committed, State, Trial
from reagent.updates.times import DAY_S, Times
from reagent.updates.vocabulary import ACTIVE, ARRIVAL, LATEST, PREVIOUS, ROLLBACK

NOW = 1_000_000.0
OWN, NEXT, BEFORE = "reagent-v1.4.0", "reagent-v1.5.0", "reagent-v1.3.0"
DIGESTS = {OWN: "4" * 64, NEXT: "5" * 64, BEFORE: "3" * 64, "reagent-v0.20.20": "0" * 64}
TRIAL = Trial(file=NEXT, version="1.5.0", sha256="5" * 64, size=50)
CUT = Attempt(boot="now")


def digest(file: str) -> Trial | None:
    if file not in DIGESTS:
        return None
    return Trial(file=file, version=file[9:], sha256=DIGESTS[file], size=40)


def start(state: State | None = None, **other: object) -> Plan:
    facts = Facts(
        own=OWN,
        own_size=40,
        version="1.4.0",
        state=state or State(),
        links=Links(active=OWN, previous=OWN, latest=OWN),
        boot="now",
        now=NOW,
        times=Times(),
        may_try=True,
        digest=digest,
        fault=lambda _: "",
        speaks=lambda file: "0.20" not in file,
    )
    facts = replace(facts, **other)  # type: ignore[arg-type]
    plan = decide(facts)
    if is_quiet(facts.state, facts.links, facts.own, facts.now):
        # The short way that most starts take leads to the same place.
        assert (plan.act, plan.state, plan.links, plan.newest) == (Act.RUN, facts.state, (), "")
        assert plan.control is None
    return plan


def committed(at: float = NOW - 60, boot: str = "") -> Committed:
    return Committed(file=OWN, version="1.4.0", sha256="4" * 64, at=at, boot=boot)


def test_without_a_state_the_version_that_was_started_runs_and_nothing_is_written() -> None:
    absent = State(absent=True)

    plan = start(absent)

    assert (plan.act, plan.state, plan.links, plan.newest) == (Act.RUN, absent, (), "")
    assert plan.control is None


@pytest.mark.parametrize("previous", ["", OWN, BEFORE, "reagent-v0.20.20"])
@pytest.mark.parametrize("latest", ["", OWN, NEXT])
@pytest.mark.parametrize(
    "state",
    [
        State(),
        State(absent=True),
        State(spoiled="x"),
        State(trial=TRIAL),
        State(committed=Committed(file=OWN, version="1", sha256="4" * 64, at=0)),
        State(committed=Committed(file=OWN, version="1", sha256="4" * 64, at=NOW)),
        State(committed=Committed(file=OWN, version="1", sha256="4" * 64, at=2 * NOW)),
        State(committed=Committed(file=NEXT, version="1", sha256="5" * 64, at=NOW)),
        State(committed=Committed(file=OWN, version="1", sha256="4" * 64, at=0)).with_blocked(
            "3" * 64, "1.3.0", "why"
        ),
    ],
)
def test_the_short_way_is_taken_only_where_nothing_is_to_be_done(
    state: State, previous: str, latest: str
) -> None:
    links = Links(OWN, previous, latest)

    plan = start(state, links=links)

    nothing = (plan.act, plan.state, plan.links, plan.newest) == (Act.RUN, state, (), "")
    quiet = is_quiet(state, links, OWN, NOW)
    assert quiet <= nothing
    if nothing and plan.control is None and not state.spoiled and previous == OWN:
        assert quiet or state.trial is not None


def test_a_trial_that_is_due_is_tried_with_its_attempt_on_the_disk() -> None:
    plan = start(State(trial=TRIAL))

    assert plan.act is Act.TRY
    assert plan.state.trial == replace(TRIAL, attempt=Attempt(boot="now"))


def test_a_trial_that_is_not_due_waits() -> None:
    plan = start(State(trial=replace(TRIAL, not_before=NOW + 10, pause=60)))

    assert plan.act is Act.RUN
    assert plan.control is None


def test_a_device_that_does_not_know_the_time_waits_half_as_long_at_every_boot() -> None:
    pause = 6 * 3600.0
    state = State(trial=replace(TRIAL, not_before=NOW + pause, pause=pause))
    waits = []

    for boot in ("now", "now", "second", "third"):
        state = start(state, boot=boot).state
        assert state.trial is not None
        waits.append(state.trial.due_in(NOW))

    assert waits == [pause / 2, pause / 2, pause / 4, pause / 8]


def test_a_device_that_knows_the_time_waits_for_the_whole_pause() -> None:
    now = 1_900_000_000.0
    state = State(trial=replace(TRIAL, not_before=now + 600, pause=600))

    assert start(state, now=now).state == state


def test_a_clock_that_was_set_back_makes_no_pause_longer() -> None:
    later = replace(TRIAL, not_before=NOW + 10 * 365 * DAY_S, pause=60)

    assert start(State(trial=later)).act is Act.RUN
    assert later.due_in(NOW) == 60


def test_without_a_router_nothing_is_tried() -> None:
    state = State(trial=TRIAL)

    plan = start(state, may_try=False)

    assert (plan.act, plan.state) == (Act.RUN, state)


def test_a_file_that_is_not_what_was_staged_is_not_tried() -> None:
    plan = start(State(trial=TRIAL), fault=lambda _: "its digest is another one")

    assert (plan.act, plan.state.trial) == (Act.RUN, None)
    assert "its digest is another one" in plan.say[0]


def test_a_blocked_version_is_not_tried() -> None:
    plan = start(State(trial=TRIAL).with_blocked("5" * 64, "1.5.0", "why"))

    assert (plan.act, plan.state.trial) == (Act.RUN, None)


@pytest.mark.parametrize(
    "trial",
    [
        replace(TRIAL, file=OWN, attempt=CUT),
        replace(TRIAL, file=OWN, kind=ROLLBACK),
        replace(TRIAL, sha256="4" * 64, size=40),
    ],
)
def test_a_trial_that_is_active_itself_is_finished(trial: Trial) -> None:
    plan = start(State(trial=trial), links=Links(active=OWN, previous=BEFORE, latest=BEFORE))

    assert plan.act is Act.RUN
    assert plan.state.trial is None
    assert plan.state.committed is not None
    assert plan.state.floor == "1.5.0"
    assert plan.newest == OWN
    assert (LATEST, OWN) in plan.links


@pytest.mark.parametrize("end", ["", "ended with status 3", "hangs", "deadline"])
def test_after_an_attempt_active_runs_first_to_tell_what_it_was_worth(end: str) -> None:
    state = State(
        trial=replace(TRIAL, attempt=Attempt(boot="now", end=end)), baseline={"engine": NOW}
    )

    plan = start(state)

    assert plan.act is Act.RUN
    assert plan.control is not None
    assert plan.control.strikes
    assert plan.control.window == Times().proof
    assert plan.control.required == {"joined", "engine"}
    assert plan.control.why == (end or "cut")


@pytest.mark.parametrize("end", ["", "deadline"])
def test_an_active_version_that_dies_before_it_can_tell_gives_the_attempt_back(end: str) -> None:
    first = start(State(trial=replace(TRIAL, attempt=Attempt(boot="now", end=end))))

    second = start(first.state)

    assert first.control is not None
    assert (second.act, second.control) == (Act.RUN, None)
    assert second.state.trial is not None
    assert (second.state.trial.attempt, second.state.trial.given_back) == (None, 1)
    assert start(second.state, now=NOW + Times().proof).act is Act.TRY


def test_a_control_run_that_the_power_cut_begins_again() -> None:
    first = start(State(trial=replace(TRIAL, attempt=Attempt(boot="now", end="hangs"))))

    assert start(first.state, boot="later").control is not None


def test_a_reboot_in_an_attempt_counts_against_nobody() -> None:
    plan = start(State(trial=replace(TRIAL, attempt=Attempt(boot="before"))))

    assert plan.control is not None
    assert not plan.control.strikes
    assert plan.state.trial is not None
    assert plan.state.trial.reboots == 1


def test_what_was_proven_when_the_machine_went_down_goes_on_soaking() -> None:
    plan = start(State(trial=replace(TRIAL, proven_s=600, attempt=Attempt(boot="before"))))

    assert plan.act is Act.TRY


def test_the_tenth_reboot_defers_for_a_day() -> None:
    plan = start(State(trial=replace(TRIAL, reboots=9, attempt=Attempt(boot="before"))))

    assert plan.act is Act.RUN
    assert plan.control is None
    assert plan.state.trial is not None
    assert plan.state.trial.due_in(NOW) == DAY_S
    assert plan.state.blocked == ()


@pytest.mark.parametrize(
    ("links", "fixed"),
    [
        (Links(OWN, "", OWN), ((PREVIOUS, OWN),)),
        (Links(OWN, OWN, ""), ((LATEST, OWN),)),
        (Links(OWN, "", ""), ((PREVIOUS, OWN), (LATEST, OWN))),
        (Links(OWN, OWN, NEXT), ((LATEST, OWN),)),
        (Links(OWN, BEFORE, OWN), ()),
    ],
)
def test_links_are_repaired(links: Links, fixed: tuple[tuple[str, str], ...]) -> None:
    plan = start(State(committed=committed(at=0)), links=links)

    assert plan.links == fixed
    assert plan.newest == (OWN if (LATEST, OWN) in fixed else "")


def test_previous_never_stays_a_blocked_version() -> None:
    state = State(committed=committed(at=0)).with_blocked("3" * 64, "1.3.0", "why")

    assert start(state, links=Links(OWN, BEFORE, OWN)).links == ((PREVIOUS, OWN),)


# --- a committed version in its first day


def test_a_run_of_a_fresh_version_is_open_on_the_disk() -> None:
    plan = start(State(committed=committed()))

    assert plan.state.committed is not None
    assert plan.state.committed.boot == "now"
    assert judge.crashes(plan.state) == 0


def test_a_run_that_is_found_open_ended_badly() -> None:
    assert judge.crashes(start(State(committed=committed(boot="now"))).state) == 1


def test_a_power_cut_is_no_crash() -> None:
    assert judge.crashes(start(State(committed=committed(boot="before"))).state) == 0


def test_after_the_first_day_nothing_is_counted_or_written() -> None:
    state = State(committed=committed(at=NOW - DAY_S, boot="now"))

    assert start(state).state == state


def test_five_crashes_put_the_version_before_on_trial_and_block_this_one() -> None:
    state = State(committed=committed(boot="now"), ends={"4" * 64: 4})

    plan = start(state, links=Links(OWN, BEFORE, OWN))

    assert plan.act is Act.TRY
    assert plan.state.trial is not None
    assert (plan.state.trial.file, plan.state.trial.kind) == (BEFORE, ROLLBACK)
    assert plan.state.block_of("4" * 64) is not None


WAITING = (
    replace(TRIAL, not_before=NOW + 3600, pause=3600),
    replace(TRIAL, attempt=Attempt(boot="now", end="deadline")),
    replace(TRIAL, attempt=Attempt(boot="now", end="deadline", judged="now")),
)


@pytest.mark.parametrize("trial", WAITING)
def test_a_crash_counts_whatever_waits_for_its_trial(trial: Trial) -> None:
    first = start(State(committed=committed(), trial=trial))

    second = start(first.state)

    assert (first.act, second.act) == (Act.RUN, Act.RUN)
    assert judge.crashes(first.state) == 0
    assert judge.crashes(second.state) == 1


@pytest.mark.parametrize("trial", WAITING)
def test_five_crashes_go_back_whatever_waits_for_its_trial(trial: Trial) -> None:
    state = State(committed=committed(boot="now"), ends={"4" * 64: 4}, trial=trial)

    plan = start(state, links=Links(OWN, BEFORE, OWN))

    assert plan.act is Act.TRY
    assert plan.state.trial is not None
    assert (plan.state.trial.file, plan.state.trial.kind) == (BEFORE, ROLLBACK)
    assert plan.state.block_of("4" * 64) is not None


def test_a_control_run_of_a_fresh_version_is_one_and_counted() -> None:
    trial = replace(TRIAL, attempt=Attempt(boot="now", end="hangs"))

    plan = start(State(committed=committed(), trial=trial))

    assert plan.control is not None
    assert plan.state.committed is not None
    assert plan.state.committed.boot == "now"


def test_without_a_router_five_crashes_give_a_version_up_once() -> None:
    state = State(committed=committed(boot="now"), ends={"4" * 64: 4})
    links = Links(OWN, BEFORE, OWN)

    first = start(state, links=links, may_try=False)
    second = start(first.state, links=links, may_try=False)

    assert (first.act, second.act) == (Act.RUN, Act.RUN)
    assert second.state == first.state
    assert first.state.trial is not None
    assert first.state.trial.kind == ROLLBACK


@pytest.mark.parametrize("previous", ["", OWN, "gone"])
def test_five_crashes_without_a_version_before_change_nothing(previous: str) -> None:
    state = State(committed=committed(boot="now"), ends={"4" * 64: 4})

    plan = start(state, links=Links(OWN, previous, OWN))

    assert plan.act is Act.RUN
    assert plan.state.blocked == ()


def test_five_crashes_go_back_to_the_reference_without_a_trial() -> None:
    state = State(committed=committed(boot="now"), ends={"4" * 64: 4})
    links = Links(OWN, "reagent-v0.20.20", OWN)

    plan = start(state, links=links)

    assert plan.act is Act.RETURN
    assert plan.links == ((PREVIOUS, OWN), (LATEST, OWN), (ACTIVE, "reagent-v0.20.20"))
    # Were this cut, the next start must do it again.
    again = start(plan.state, links=Links(OWN, OWN, OWN))
    assert again.act is Act.RETURN
    assert again.links[-1] == (ACTIVE, "reagent-v0.20.20")


def test_who_is_ordered_back_to_the_reference_gives_way_without_a_trial() -> None:
    back = Trial(
        file="reagent-v0.20.20", version="0.20.20", sha256="0" * 64, size=40, kind=ROLLBACK
    )
    ordered = judge.rolled_back(State(committed=committed()), committed(), back, "ordered")

    plan = start(ordered, links=Links(OWN, back.file, OWN))

    assert plan.act is Act.RETURN
    assert plan.links == ((PREVIOUS, OWN), (LATEST, OWN), (ACTIVE, back.file))
    assert [(each.sha256, each.why) for each in plan.state.blocked] == [("4" * 64, "ordered")]
    again = start(plan.state, links=Links(OWN, OWN, OWN))
    assert again.links[-1] == (ACTIVE, back.file)


def test_an_older_file_that_was_brought_and_says_nothing_is_tried_not_linked() -> None:
    brought = Trial(
        file="reagent-v0.20.20", version="0.20.20", sha256="0" * 64, size=40, kind=ROLLBACK
    )

    plan = start(State(committed=committed(), trial=brought), links=Links(OWN, BEFORE, OWN))

    assert plan.act is Act.TRY


# --- first arrival from the reference

FROM_REFERENCE = Links(OWN, "reagent-v0.20.20", OWN)


def arrival(**other: object) -> State:
    trial = Trial(
        file=OWN, version="1.4.0", sha256="4" * 64, size=40, kind=ARRIVAL, back="reagent-v0.20.20"
    )
    return State(trial=replace(trial, **other))  # type: ignore[arg-type]


def test_let_in_by_the_reference_we_are_on_trial_and_our_own_parent() -> None:
    plan = start(State(absent=True), links=FROM_REFERENCE)

    assert plan.act is Act.TRY
    assert plan.state.trial == replace(arrival().trial or TRIAL, attempt=Attempt(boot="now"))


def test_a_state_that_was_spoiled_makes_nobody_a_newcomer() -> None:
    plan = start(State(spoiled="it is no JSON"), links=FROM_REFERENCE)

    assert plan.act is Act.RUN
    assert plan.state.committed is not None
    assert start(plan.state, links=FROM_REFERENCE).act is Act.RUN


def test_a_file_that_somebody_lets_in_beside_a_version_of_ours_is_watched_for_a_day() -> None:
    before = Committed(file=BEFORE, version="1.3.0", sha256="3" * 64, at=0)
    links = Links(OWN, BEFORE, OWN)

    plan = start(State(committed=before), links=links)
    for _ in range(judge.MOST_CRASHES):
        plan = start(plan.state, links=links)

    assert plan.act is Act.TRY
    assert plan.state.trial is not None
    assert (plan.state.trial.file, plan.state.trial.kind) == (BEFORE, ROLLBACK)


def test_a_state_that_was_lost_beside_a_version_of_ours_makes_nobody_a_newcomer() -> None:
    plan = start(State(absent=True), links=Links(OWN, BEFORE, OWN))

    assert plan.act is Act.RUN
    assert plan.state.committed is not None


@pytest.mark.parametrize("end", ["ended with status 3", "hangs", ""])
def test_what_ends_by_itself_counts_against_a_newcomer(end: str) -> None:
    plan = start(arrival(attempt=Attempt(boot="now", end=end)), links=FROM_REFERENCE)

    assert plan.act is Act.TRY
    assert plan.state.trial is not None
    assert plan.state.trial.strikes == 1


@pytest.mark.parametrize(
    "attempt",
    [
        Attempt(boot="now", end="deadline"),
        Attempt(boot="now", end="refused"),
        Attempt(boot="before"),
    ],
)
def test_a_broken_world_does_not_count_against_a_newcomer(attempt: Attempt) -> None:
    plan = start(arrival(strikes=2, attempt=attempt), links=FROM_REFERENCE)

    assert plan.act is Act.TRY
    assert plan.state.trial is not None
    assert plan.state.trial.strikes == 2


def test_the_third_strike_gives_way_to_the_reference() -> None:
    state = arrival(strikes=2, attempt=Attempt(boot="now", end="hangs"))

    plan = start(state, links=FROM_REFERENCE)

    assert plan.act is Act.RETURN
    assert plan.state.block_of("4" * 64) is not None


def test_a_newcomer_that_never_connects_gives_way_after_a_day() -> None:
    attempt = Attempt(boot="now", end="deadline", took=900.0)
    state = arrival(given_back=95, tried_s=86_400.0 - 900.0, attempt=attempt)

    assert start(state, links=FROM_REFERENCE).act is Act.RETURN


def test_a_newcomer_that_is_refused_every_few_seconds_has_its_day_too() -> None:
    attempt = Attempt(boot="now", end="refused", took=1.5)
    state = arrival(given_back=5000, tried_s=7500.0, attempt=attempt)

    plan = start(state, links=FROM_REFERENCE)

    assert plan.act is Act.TRY
    assert plan.state.trial is not None
    assert (plan.state.trial.tried_s, plan.state.trial.given_back) == (7501.5, 5001)


def test_a_newcomer_without_a_way_back_stays() -> None:
    state = arrival(strikes=3, back="gone")

    plan = start(state, links=Links(OWN, OWN, OWN))

    assert (plan.act, plan.state.trial) == (Act.RUN, None)


def test_a_newer_version_that_the_reference_lets_in_later_has_a_trial_of_its_own() -> None:
    failed = arrival(strikes=3).with_blocked("4" * 64, "1.4.0", "failed here")

    plan = start(failed, own=NEXT, links=Links(NEXT, "reagent-v0.20.20", NEXT), version="1.5.0")

    assert plan.act is Act.TRY
    assert plan.state.trial is not None
    assert (plan.state.trial.file, plan.state.trial.strikes) == (NEXT, 0)
