"""What a device refuses although it is signed. Pure.

Rules
- No role goes below a version that was believed here. A record counts for as long as the keys that
  counted then could still sign: who replaces the keys of a role makes its numbers begin anew, which
  is how a fleet gets over a thief who signed a version of two billion. A root only goes up.
- Time is what a synchronised clock says, and never earlier than anything that was believed here was
  signed. A clock that nobody set has no say: neither 1970 nor 2099 is a reason to go without
  updates, and neither leaves a trace.
- A file is taken for what its signer says that it is for, not for the name it lies under.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from reagent.contracts.trust import ROLES, ROOT, TIMESTAMP, Keys, Rule, Signed, Target, Verdict
from reagent.errors import Untrusted
from reagent.updates.trust.record import Record, Refusal, Seen

PRODUCT: Final = "reagent"
_LONGEST_WHY: Final = 300


def moment(now: float, *, synchronised: bool) -> float:
    """What the clock has to say to the question whether something is expired.

    Args:
        now: seconds since 1970, as the device believes.
        synchronised: somebody who knows set it.
    """
    return now if synchronised else 0.0


def demand(record: Record, verdict: Verdict, at: float, *, any_timestamp: bool = False) -> None:
    """Hold what was verified against what this device knows.

    Args:
        record: what was seen here.
        verdict: what a look brought; where it was refused, its root is judged.
        at: see `moment`.
        any_timestamp: one that is expired is taken.

    Raises:
        Untrusted: it is older than what was seen, or not valid any more.
    """
    for role in ROLES:
        now = verdict.signed.get(role)
        seen = record.seen.get(role)
        if now is None or seen is None or not _counts(role, seen, verdict.keys):
            continue
        if now.version < seen.version:
            raise Untrusted(
                Rule.ROLLBACK,
                f"{role} version {now.version} is below {seen.version}, which was seen here",
            )
    if verdict.refused is not None:
        return
    latest = max(at, floor(record, verdict.keys, verdict.signed))
    for role, signed in verdict.signed.items():
        if signed.expires <= latest and not (any_timestamp and role == TIMESTAMP):
            raise Untrusted(Rule.FREEZE, f"{role} version {signed.version} is expired")


def floor(record: Record, keys: Mapping[str, Keys], signed: Mapping[str, Signed]) -> float:
    """It cannot be earlier than this: signed data that is believed says so.

    Seconds since 1970; 0.0 where nothing says when it was signed.
    """
    before = (seen.issued for role, seen in record.seen.items() if _counts(role, seen, keys))
    return max((0.0, *before, *(each.issued for each in signed.values())))


def remembered(record: Record, verdict: Verdict) -> Record:
    """The record once this was believed; of what was refused, its root."""
    seen = dict(record.seen)
    for role, signed in verdict.signed.items():
        seen[role] = Seen(signed.version, verdict.keys[role].ids, signed.issued)
    return replace(record, seen=seen)


def noted(record: Record, refused: Untrusted, now: float) -> Record:
    """The record with this refusal in it; the same one again changes nothing."""
    known = record.refused
    why = refused.why[:_LONGEST_WHY]
    if known is not None and (known.rule, known.why) == (refused.rule, why):
        return record
    return replace(record, refused=Refusal(refused.rule, why, now))


def cleared(record: Record) -> Record:
    """The record once everything was believed."""
    return replace(record, refused=None)


def executable(
    targets: Mapping[str, Target], path: str, *, system: str, arch: str, version: str
) -> Target:
    """The file of a version for a platform.

    Raises:
        Untrusted: nobody signed for it, or it was signed for something else.
    """
    return vouched(
        targets,
        path,
        {"product": PRODUCT, "os": system, "arch": arch, "version": version},
    )


def by_digest(targets: Mapping[str, Target], sha256: str, *, system: str, arch: str) -> Target:
    """The executable for a platform that has this digest, whatever its name.

    Raises:
        Untrusted: nobody signed for it, or for another platform alone.
    """
    found = {path: each for path, each in targets.items() if each.sha256 == sha256}
    refused = Untrusted(Rule.UNLISTED, f"nobody signed for a file with the digest {sha256}")
    for path in found:
        try:
            return vouched(found, path, {"product": PRODUCT, "os": system, "arch": arch})
        except Untrusted as error:
            refused = error
    raise refused


def vouched(targets: Mapping[str, Target], path: str, what: Mapping[str, str]) -> Target:
    """A file that its signer says all of this of.

    Raises:
        Untrusted: nobody signed for it, or it was signed for something else.
    """
    found = targets.get(path)
    if found is None:
        raise Untrusted(Rule.UNLISTED, f"nobody signed for {path}")
    for name, wanted in what.items():
        said = found.custom.get(name)
        if said != wanted:
            raise Untrusted(
                Rule.WRONG_TARGET,
                f"{path} was signed for {name} {_glimpse(said)}, not {wanted!r}",
            )
    if not found.sha256:
        raise Untrusted(Rule.UNLISTED, f"nobody signed for the SHA-256 of {path}")
    return found


def newest(paths: Iterable[str], prefix: str, suffix: str) -> str | None:
    """Of paths like `rollout/7.json`, the one of the highest number; None where there is none."""
    numbers = {
        path.removeprefix(prefix).removesuffix(suffix): path
        for path in paths
        if path.startswith(prefix) and path.endswith(suffix)
    }
    known = [text for text in numbers if text.isascii() and text.isdigit() and len(text) < 16]
    return numbers[max(known, key=int)] if known else None


def _counts(role: str, seen: Seen, keys: Mapping[str, Keys]) -> bool:
    now = keys.get(role)
    return role == ROOT or now is None or len(seen.keys & now.ids) >= now.threshold


def _glimpse(said: object) -> str:
    return "nothing" if said is None else repr(said)[:40]
