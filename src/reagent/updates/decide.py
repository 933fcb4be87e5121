"""What a start does, from what it finds. Pure: what has to be looked at is asked for by name.

The process that decides is the target of the `Reagent-active` that was started: a version that was
proven here, or one that the reference's manager script let in, which is on trial and its own
parent. Everything else is decided elsewhere: copies never come here, candidates are told so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from reagent.updates import judge
from reagent.updates.control import Control
from reagent.updates.links import Links
from reagent.updates.repairs import is_blocked, remembered, repairs
from reagent.updates.semver import higher
from reagent.updates.state import Committed, State, Trial
from reagent.updates.times import Times
from reagent.updates.vocabulary import ACTIVE, ARRIVAL, LATEST, PREVIOUS, ROLLBACK

# A newcomer that was never once proven goes back to where it came from after a day of trying.
ARRIVAL_PATIENCE_S: Final = 24 * 3600.0
# How an attempt of a newcomer may end without counting against it: nobody else can tell why.
BROKEN_WORLD: Final = frozenset({"deadline", "refused"})


class Act(Enum):
    """What the process does next."""

    RUN = "be the agent"
    TRY = "be the parent of a trial"
    RETURN = "give way to the version that was here before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the start finds.

    Attributes:
        own: our file's name; the target of `Reagent-active`.
        own_size: its bytes.
        version: what we are.
        boot: the kernel's boot id.
        now: seconds since 1970, as the device believes.
        may_try: False where no trial can be judged, such as without a router.
        digest: a `Trial` of a file of the folder, with size and digest; None if there is none.
        fault: why a staged file cannot be tried, empty when it can; hashes it.
        speaks: whether a file of the folder speaks to a parent as we do; runs it.
    """

    own: str
    own_size: int
    version: str
    state: State
    links: Links
    boot: str
    now: float
    times: Times
    may_try: bool
    digest: Callable[[str], Trial | None]
    fault: Callable[[Trial], str]
    speaks: Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is done, in this order: newest, links, state, act.

    Attributes:
        newest: the file that has to be newer than the others, if any.
        links: pairs of a link and the file it has to name.
        state: what has to be on the disk before the act.
        say: for the log.
    """

    act: Act
    state: State
    newest: str = ""
    links: tuple[tuple[str, str], ...] = ()
    control: Control | None = None
    say: tuple[str, ...] = ()


def decide(facts: Facts) -> Plan:
    """The plan of this start."""
    plan = _decide(facts)
    if plan.act is Act.RETURN:
        return plan
    state = _remember_back(facts, plan.state)
    fixes = repairs(facts.links, facts.own, lambda file: is_blocked(state, file, _sha256(facts)))
    mirrored = all(name != LATEST for name, _ in fixes)
    return replace(
        plan,
        state=state,
        newest=plan.newest or ("" if mirrored else facts.own),
        links=(*plan.links, *(fix for fix in fixes if fix not in plan.links)),
    )


def _decide(facts: Facts) -> Plan:  # noqa: PLR0911 - a list of rules, read from above
    state, trial = facts.state, facts.state.trial
    if _is_newcomer(facts):
        return _arrive(facts)
    if trial is None:
        return _run_as_proven(facts)
    if trial.file == facts.own or _is_our_digest(facts, trial):
        return _finish(facts, trial)
    if state.block_of(trial.sha256) is not None:
        return _without_trial(facts, "the version to try is blocked")
    if not facts.may_try:
        return _watched(facts, Plan(act=Act.RUN, state=state))
    if trial.attempt is not None:
        return _watched(facts, _after_attempt(facts, trial))
    if trial.due_in(facts.now) > 0:
        state = judge.hastened(state, facts.boot, facts.now)
        return _watched(facts, Plan(act=Act.RUN, state=state))
    fault = facts.fault(trial)
    if fault:
        return _without_trial(facts, f"the version to try is not what was staged: {fault}")
    if trial.kind == ROLLBACK and trial.file == facts.links.previous:
        return _go_back(facts, trial)
    return Plan(act=Act.TRY, state=judge.opened(state, facts.boot))


def _watched(facts: Facts, plan: Plan) -> Plan:
    """The plan, where the version that runs does not crash all the time; a trial may wait long."""
    if plan.act is not Act.RUN:
        return plan
    own = _run_as_proven(replace(facts, state=plan.state))
    if own.act is Act.RUN and own.state.trial == plan.state.trial:
        return replace(plan, state=own.state, say=(*plan.say, *own.say))
    return replace(own, say=(*plan.say, *own.say))


def _run_as_proven(facts: Facts) -> Plan:
    state = _remember_own(facts)
    if not judge.is_fresh(state, facts.own, facts.now) or judge.is_given_up(state):
        return Plan(act=Act.RUN, state=state)
    state = judge.run_opened(state, facts.boot, facts.now)
    if judge.crashes(state) < judge.MOST_CRASHES:
        return Plan(act=Act.RUN, state=state)
    return _give_up_own(replace(facts, state=state), f"ended badly {judge.MOST_CRASHES} times")


def _remember_own(facts: Facts) -> State:
    """Say once that we are no newcomer here.

    That is so after a loss of the state. Where another file was committed, somebody else let us in
    beside a version of ours: that is good enough to run, and watched over its first day.
    """
    state = facts.state
    known = state.committed is not None and state.committed.file == facts.own
    if known or facts.links.previous in ("", facts.own):
        return state
    own = facts.digest(facts.own)
    if own is None:
        return state
    at = facts.now if state.committed is not None else 0.0
    mark = Committed(file=own.file, version=facts.version, sha256=own.sha256, at=at)
    return judge.remembered(state, mark)


def _give_up_own(facts: Facts, why: str) -> Plan:
    """Back to the version before, by a trial like any other; without one, stay."""
    state, previous, mark = facts.state, facts.links.previous, facts.state.committed
    if mark is None or previous in ("", facts.own):
        return Plan(act=Act.RUN, state=state, say=(f"{why}, and there is no version before",))
    found = facts.digest(previous)
    if found is None or state.block_of(found.sha256) is not None:
        return Plan(act=Act.RUN, state=state, say=(f"{why}, and no version before is usable",))
    say = f"{why}: going back to {previous}"
    if not facts.speaks(previous):
        return _give_way(facts, state, _as_newcomer(mark, previous), why, say)
    state = judge.rolled_back(state, mark, found, why)
    plan = _decide(replace(facts, state=state))
    return replace(plan, say=(say, *plan.say))


def _go_back(facts: Facts, trial: Trial) -> Plan:
    """Somebody gave our own version up. What knows nothing of trials is linked."""
    state, own = facts.state, facts.digest(facts.own)
    if own is None or facts.speaks(trial.file):
        return Plan(act=Act.TRY, state=judge.opened(state, facts.boot))
    block = state.block_of(own.sha256)
    why = block.why if block is not None else "it was given up"
    mark = replace(judge.mark_of(own), version=facts.version)
    say = f"{why}: going back to {trial.file}"
    return _give_way(facts, state, _as_newcomer(mark, trial.file), why, say)


def _finish(facts: Facts, trial: Trial) -> Plan:
    """A commit was cut after its point: the trial is active's own. Tidy up behind it."""
    floor = higher(facts.state.floor, trial.version)
    state = judge.committed(facts.state, trial, facts.now, floor)
    state = judge.run_opened(state, facts.boot, facts.now)
    links = ((LATEST, facts.own),) if facts.links.latest != facts.own else ()
    return Plan(
        act=Act.RUN,
        state=state,
        newest=facts.own,
        links=links,
        say=(f"version {trial.version} was committed",),
    )


def _without_trial(facts: Facts, say: str) -> Plan:
    plan = _run_as_proven(replace(facts, state=judge.dropped(facts.state)))
    return replace(plan, say=(say, *plan.say))


def _after_attempt(facts: Facts, trial: Trial) -> Plan:
    """Active first: it tells what the attempt was worth."""
    state, attempt = facts.state, trial.attempt
    if attempt is None:
        return Plan(act=Act.RUN, state=state)
    if attempt.judged == facts.boot:
        # Active died of something else. Were it asked again, and died again, nothing would ever be
        # tried any more, and what is waiting may be the remedy.
        state = judge.given_back(state, facts.now, facts.times)
        return Plan(act=Act.RUN, state=state, say=("the control run ended without a verdict",))
    cut = not attempt.end
    rebooted = cut and attempt.boot != facts.boot
    # What was proven when it was cut did not end its parent: what is left is the rest of the soak.
    proven = cut and trial.proven_s > 0 and not facts.fault(trial)
    if rebooted or proven:
        state = judge.rebooted(state, facts.now)
        if state.trial is None or state.trial.attempt is None:
            return Plan(act=Act.RUN, state=state, say=("too many reboots in attempts",))
        if proven:
            return Plan(act=Act.TRY, state=judge.opened(state, facts.boot))
    control = Control(
        required=judge.required(state, facts.now),
        window=facts.times.proof,
        strikes=not rebooted,
        why=attempt.end or ("cut by a reboot" if rebooted else "cut"),
    )
    return Plan(act=Act.RUN, state=judge.judging(state, facts.boot), control=control)


def _is_newcomer(facts: Facts) -> bool:
    """Whether we were let in by somebody else, and never proven here."""
    state, trial = facts.state, facts.state.trial
    if trial is not None and trial.kind == ARRIVAL and trial.file == facts.own:
        return True
    if state.spoiled or facts.links.previous in ("", facts.own):
        return False
    if state.committed is not None and state.committed.file == facts.own:
        return False
    if trial is not None and trial.file == facts.own:
        return False  # our own commit was cut
    return not facts.speaks(facts.links.previous)


def _arrive(facts: Facts) -> Plan:
    state, trial = facts.state, facts.state.trial
    if trial is None or trial.kind != ARRIVAL or trial.file != facts.own:
        own = facts.digest(facts.own)
        if own is None:
            return Plan(act=Act.RUN, state=state, say=("our own file cannot be read",))
        back = facts.links.previous
        trial = replace(own, kind=ARRIVAL, version=facts.version, back=back)
        state = judge.scheduled(state, trial)
    state, trial = _after_arrival_attempt(facts, state, trial)
    lost = trial.strikes >= judge.MOST_STRIKES
    if lost or trial.tried_s >= ARRIVAL_PATIENCE_S:
        why = "failed here" if lost else "did not connect for a day"
        if facts.digest(trial.back) is not None:
            say = f"version {trial.version} {why}: {trial.back} takes over again"
            return _give_way(facts, state, trial, why, say)
        state = judge.remembered(judge.dropped(state), judge.mark_of(trial))
        say = f"version {trial.version} {why}, and there is no way back"
        return Plan(act=Act.RUN, state=state, say=(say,))
    if not facts.may_try:
        return Plan(act=Act.RUN, state=state)
    return Plan(act=Act.TRY, state=judge.opened(state, facts.boot))


def _after_arrival_attempt(facts: Facts, state: State, trial: Trial) -> tuple[State, Trial]:
    """Nobody else can tell whether the world is well: only what ends by itself counts."""
    attempt = trial.attempt
    if attempt is None:
        return state, trial
    if attempt.end in BROKEN_WORLD:
        # By time, not by number: a secret that is refused ends an attempt in a second.
        trial = replace(trial, tried_s=trial.tried_s + attempt.took)
        state = judge.given_back(judge.scheduled(state, trial), facts.now, facts.times)
    elif attempt.end or attempt.boot == facts.boot:
        state = judge.scheduled(state, replace(trial, strikes=trial.strikes + 1, attempt=None))
    else:
        state = judge.stopped(state)
    return state, state.trial or trial


def _give_way(facts: Facts, state: State, trial: Trial, why: str, say: str) -> Plan:
    """Link what was here before, which knows nothing of parents and trials.

    The trial stays on the disk, and with it the way back: were this cut, the next start must do it
    again. With `latest` equal to `previous` both generations of the manager script hold still.
    """
    state = judge.blocked(state, trial.sha256, trial.version, why)
    return Plan(
        act=Act.RETURN,
        state=replace(state, trial=replace(trial, attempt=None), committed=None),
        newest=facts.own,
        links=((PREVIOUS, facts.own), (LATEST, facts.own), (ACTIVE, trial.back)),
        say=(say,),
    )


def _as_newcomer(mark: Committed, back: str) -> Trial:
    return Trial(
        file=mark.file,
        version=mark.version,
        sha256=mark.sha256,
        size=0,
        kind=ARRIVAL,
        strikes=judge.MOST_STRIKES,
        back=back,
    )


def _is_our_digest(facts: Facts, trial: Trial) -> bool:
    if trial.size != facts.own_size:
        return False
    own = facts.digest(facts.own)
    return own is not None and own.sha256 == trial.sha256


def _remember_back(facts: Facts, state: State) -> State:
    """Where something is blocked, look once at what is fallen back to, not at every start."""
    mark, back = state.committed, facts.links.previous
    if not state.blocked or state.spoiled or mark is None or mark.file != facts.own:
        return state
    if back in ("", facts.own) or remembered(state, back):
        return state
    sha256 = _sha256(facts)(back)
    return judge.looked_back(state, back, sha256) if sha256 else state


def _sha256(facts: Facts) -> Callable[[str], str]:
    def digest(file: str) -> str:
        found = facts.digest(file)
        return "" if found is None else found.sha256

    return digest
