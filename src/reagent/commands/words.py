"""A report in words, for a person who stands before a device. Pure.

Which keys there are: `updates.report`, and what the agent that runs adds in `agent.build`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

Plain = Mapping[str, object]

_MINUTE: Final = 60
_HOUR: Final = 3600
_KINDS: Final = {
    "update": "a newer version",
    "rollback": "the version before",
    "arrival": "this version itself, new on this device",
}
_TRUST: Final = {
    "signed": "signed: what nobody signed for is not taken",
    "unsigned": "unsigned: whoever holds the bucket is believed",
}
_OUTCOMES: Final = {
    "committed": "was committed",
    "blocked": "was given up and is blocked",
    "postponed": "could not be judged and is tried again",
}


def status(report: Plain) -> Iterator[str]:
    """What `reagent status` prints, line by line."""
    if not report.get("running"):
        yield "agent       not running"
    else:
        where = report.get("router") or "an unknown router"
        link = "connected to" if report.get("connected") else "not connected to"
        yield f"agent       running, version {report.get('version')}, {link} {where}"
        yield f"device      {report.get('serial')}"
    yield from update_status(report)


def update_status(report: Plain) -> Iterator[str]:
    """What `reagent update status` prints, line by line."""
    yield f"folder      {report.get('folder')}"
    yield f"active      {_named(report.get('active'))}"
    yield f"fall back   {_named(report.get('previous'))}"
    if report.get("role") == "copy" and report.get("running"):
        yield "updates     are staged here and never tried: not started as Reagent-active"
    if report.get("state"):
        yield f"state       cannot be read, and counts as empty: {report.get('state')}"
    if found := _TRUST.get(str(report.get("updates"))):
        yield f"trust       {found}"
    yield f"trial       {_trial(report.get('trial'))}"
    if isinstance(last := report.get("last"), Mapping):
        yield f"last        {_last(last)}"
    yield from _listed("blocked", report.get("blocked"), _block)
    yield from _listed("refused", report.get("troubles"), str)
    if not report.get("troubles") and isinstance(distrust := report.get("distrust"), Mapping):
        yield f"refused     by the rule {distrust.get('rule')}: {distrust.get('reason')}"


def duration(seconds: float) -> str:
    """Seconds in the largest unit that says enough."""
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 2 * _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.0f} h"


def _named(file: object) -> str:
    return str(file) if file else "nothing (reagent update repair mends it)"


def _trial(trial: object) -> str:
    if not isinstance(trial, Mapping):
        return "none"
    kind = _KINDS.get(str(trial.get("kind")), "a version")
    words = [f"version {trial.get('version')}, {kind}"]
    if trial.get("open"):
        words.append("running now")
    elif due := _number(trial.get("due_in_s")):
        words.append(f"next attempt in {duration(due)}")
    else:
        words.append("waiting for an idle moment")
    proven, soak = _number(trial.get("proven_s")), _number(trial.get("soak_s"))
    if proven:
        words.append(f"{duration(proven)} of {duration(soak)} proven")
    if strikes := _number(trial.get("strikes")):
        words.append(f"failed {strikes:.0f} of 3 times")
    if spoiled := _number(trial.get("given_back")):
        words.append(f"{spoiled:.0f} attempts in a broken world")
    return ", ".join(words)


def _last(last: Plain) -> str:
    outcome = _OUTCOMES.get(str(last.get("outcome")), str(last.get("outcome")))
    reason = last.get("reason")
    return f"version {last.get('version') or '?'} {outcome}" + (f": {reason}" if reason else "")


def _block(block: object) -> str:
    if not isinstance(block, Mapping):
        return str(block)
    return f"version {block.get('version') or str(block.get('sha256'))[:12]}: {block.get('reason')}"


def _listed(title: str, items: object, shown: object) -> Iterator[str]:
    if not isinstance(items, list) or not callable(shown):
        return
    for number, item in enumerate(items):
        yield f"{title if number == 0 else '':<11} {shown(item)}"


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
