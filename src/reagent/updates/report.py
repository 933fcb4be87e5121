"""What there is to say about versions on this device, as plain values. Pure."""

from __future__ import annotations

from reagent.updates.links import Links
from reagent.updates.seat import Role
from reagent.updates.state import State
from reagent.updates.times import Times
from reagent.updates.trust import record

_ROLES = {
    Role.PROVEN: "proven",
    Role.COPY: "copy",
    Role.CANDIDATE: "trial",
}


def report(
    state: State, links: Links, *, role: Role, folder: str, now: float, times: Times
) -> dict[str, object]:
    """Everything `reagent update status` shows; every key is always there.

    Args:
        state: of `updates.json`.
        links: what they name.
        role: of the agent that runs, or that would.
        folder: of the agent.
        now: seconds since 1970, as the device believes.
        times: what a trial has to last.
    """
    trial, last, refused = state.trial, state.last, record.of(state).refused
    return {
        "role": _ROLES[role],
        "folder": folder,
        "active": links.active,
        "previous": links.previous,
        "floor": state.floor,
        "state": state.spoiled,
        "distrust": None if refused is None else {"rule": refused.rule, "reason": refused.why},
        "trial": None
        if trial is None
        else {
            "version": trial.version,
            "kind": trial.kind,
            "strikes": trial.strikes,
            "given_back": trial.given_back,
            "open": trial.attempt is not None,
            "due_in_s": round(trial.due_in(now)),
            "proven_s": round(trial.proven_s),
            "soak_s": round(times.soak),
        },
        "last": None
        if last is None
        else {"version": last.version, "outcome": last.end, "reason": last.why},
        "blocked": [
            {"version": each.version, "sha256": each.sha256, "reason": each.why}
            for each in state.blocked
        ],
    }
