"""`updates.json`: what is being tried, what was proven here, and what must not come back.

    format      an integer; this is FORMAT
    trial       the version being tried, its strikes, and the attempt that is open
    committed   the version that was committed last, for the watch over its first day
    ends        crashes and hangs of a digest in that day
    baseline    what active versions could do here, and when they last could
    blocked     at most 16 of {sha256, version, why}; the same shape in every format
    floor       the highest version ever committed here; the same shape in every format
    whole       at most 16 digests whose delta came to nothing here: they are fetched whole
    last        how the last update ended, and why: for people and for the platform

The agent must start without this file, and with any content of it. So decoding never fails: what
does not fit is as good as absent. Keys that this version does not know are kept. Of another format
only what every format shares is taken; its trial is replaced by the next one, never obeyed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from reagent.updates.vocabulary import KINDS, UPDATE, is_file_name

FORMAT: Final = 1
MOST_BLOCKED: Final = 16
# The file has a few hundred bytes; whatever is larger than this is not it.
LARGEST: Final = 256 * 1024
_NEVER_WRITTEN: Final = frozenset({"other", "absent", "spoiled"})
_HEX: Final = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One run of a candidate under its parent; on disk before it runs.

    Attributes:
        boot: the kernel's boot id when it began.
        end: how it ended, empty while nobody knows; active is asked for the control run next.
        took: seconds, once it ended.
        judged: the boot id when the control run for it began; one that is found ended without a
            verdict.
    """

    boot: str
    end: str = ""
    took: float = 0.0
    judged: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A staged version that has to prove itself.

    Attributes:
        file: its name in the folder of `Reagent-active`.
        kind: one of `vocabulary.KINDS`.
        strikes: attempts that failed although the world was well.
        given_back: attempts that a broken world spoiled, in a row.
        reboots: attempts that a reboot cut, since the last deferral.
        proven_s: seconds of the soak that it has behind it.
        tried_s: for a newcomer, seconds of attempts that a broken world spoiled.
        back: for a newcomer, the file that was here before and takes over when it fails.
        not_before: seconds since 1970, as the device believed, when the next attempt is due.
        pause: how long that pause was; a clock that was set since cannot make it longer.
        paused_in: the boot id when the pause was shortened last; see `judge.hastened`.
        brought: a person brought the file; what a bucket announces does not withdraw it.
        other: keys that this version does not know.
    """

    file: str
    version: str
    sha256: str
    size: int
    kind: str = UPDATE
    strikes: int = 0
    given_back: int = 0
    reboots: int = 0
    proven_s: float = 0.0
    tried_s: float = 0.0
    not_before: float = 0.0
    pause: float = 0.0
    paused_in: str = ""
    back: str = ""
    brought: bool = False
    attempt: Attempt | None = None
    other: Mapping[str, object] = field(default_factory=dict)

    def due_in(self, now: float) -> float:
        """Seconds until the next attempt may begin."""
        return min(max(self.not_before - now, 0.0), self.pause)


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """The version that was committed last, watched for a day.

    Attributes:
        at: seconds since 1970, as the device believed.
        boot: the boot id while a run is open, empty between runs: a run that is found open in the
            same boot ended badly, in another one the power went.
        back: the file to fall back to, once its digest was looked at.
        back_sha256: that digest.
    """

    file: str
    version: str
    sha256: str
    at: float
    boot: str = ""
    back: str = ""
    back_sha256: str = ""
    other: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """A digest that is not fetched, staged or tried."""

    sha256: str
    version: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a version's turn ended last; nothing is decided by it.

    Attributes:
        end: one of `vocabulary.ENDS`, or a word of a version to come.
        why: for people; empty where there is nothing to explain.
    """

    version: str
    end: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All of it. `spoiled` says that there was something that cannot be read; it is never written.

    Attributes:
        absent: there is no such file: nothing of ours was ever decided here.
    """

    trial: Trial | None = None
    committed: Committed | None = None
    ends: Mapping[str, int] = field(default_factory=dict)
    baseline: Mapping[str, float] = field(default_factory=dict)
    blocked: tuple[Blocked, ...] = ()
    floor: str = ""
    last: Ending | None = None
    whole: tuple[str, ...] = ()
    other: Mapping[str, object] = field(default_factory=dict)
    absent: bool = False
    spoiled: str = ""

    def block_of(self, sha256: str) -> Blocked | None:
        """Why a digest is blocked, None when it is not."""
        return next((each for each in self.blocked if each.sha256 == sha256), None)

    def with_blocked(self, sha256: str, version: str, why: str) -> State:
        """With this digest blocked too; the oldest ones are forgotten."""
        kept = [each for each in self.blocked if each.sha256 != sha256]
        kept.append(Blocked(sha256=sha256, version=version, why=why))
        return replace(self, blocked=tuple(kept[-MOST_BLOCKED:]))


def decode(content: bytes) -> State:
    """What this content means; never fails."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        return State(spoiled=f"it is no JSON: {type(error).__name__}")
    if not isinstance(document, dict):
        return State(spoiled="it is no JSON object")
    shared = State(blocked=_blocked(document.get("blocked")), floor=_text(document.get("floor")))
    known = {"format", *(each for each in State.__slots__ if each not in _NEVER_WRITTEN)}
    shared = replace(shared, other={key: document[key] for key in document.keys() - known})
    if _whole(document.get("format"), -1) != FORMAT:
        return replace(shared, spoiled=f"format {str(document.get('format'))[:20]} is not known")
    return replace(
        shared,
        trial=_trial(document.get("trial")),
        committed=_committed(document.get("committed")),
        ends=_ends(document.get("ends")),
        baseline=_moments(document.get("baseline")),
        last=_ending(document.get("last")),
        whole=_digests(document.get("whole")),
    )


def encode(state: State) -> bytes:
    """The file's content: one JSON object, readable, with an end that shows that it is whole."""
    document: dict[str, object] = dict(state.other)
    document["format"] = FORMAT
    if state.trial is not None:
        document["trial"] = _plain(state.trial)
    if state.committed is not None:
        document["committed"] = _plain(state.committed)
    document["ends"] = dict(state.ends)
    document["baseline"] = dict(state.baseline)
    document["blocked"] = [
        {"sha256": each.sha256, "version": each.version, "why": each.why} for each in state.blocked
    ]
    document["floor"] = state.floor
    if state.whole:
        document["whole"] = list(state.whole)
    if state.last is not None:
        document["last"] = {name: getattr(state.last, name) for name in Ending.__slots__}
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def _plain(part: Trial | Committed) -> dict[str, object]:
    document = dict(part.other)
    for name in part.__slots__:
        value = getattr(part, name)
        if name == "other" or value is None:
            continue
        if isinstance(value, Attempt):
            value = {each: getattr(value, each) for each in Attempt.__slots__}
        document[name] = value
    return document


def _trial(value: object) -> Trial | None:
    if not isinstance(value, dict):
        return None
    file, digest = _text(value.get("file")), _text(value.get("sha256"))
    size, kind = _whole(value.get("size"), -1), _text(value.get("kind")) or UPDATE
    if not is_file_name(file) or not _is_digest(digest) or size < 0 or kind not in KINDS:
        return None
    return Trial(
        file=file,
        version=_text(value.get("version")),
        sha256=digest,
        size=size,
        kind=kind,
        strikes=max(_whole(value.get("strikes"), 0), 0),
        given_back=max(_whole(value.get("given_back"), 0), 0),
        reboots=max(_whole(value.get("reboots"), 0), 0),
        proven_s=_number(value.get("proven_s")),
        tried_s=_number(value.get("tried_s")),
        not_before=_number(value.get("not_before")),
        pause=_number(value.get("pause")),
        paused_in=_text(value.get("paused_in")),
        back=_text(value.get("back")) if is_file_name(_text(value.get("back"))) else "",
        brought=value.get("brought") is True,
        attempt=_attempt(value.get("attempt")),
        other={key: value[key] for key in value.keys() - set(Trial.__slots__)},
    )


def _attempt(value: object) -> Attempt | None:
    if not isinstance(value, dict):
        return None
    return Attempt(
        boot=_text(value.get("boot")),
        end=_text(value.get("end")),
        took=_number(value.get("took")),
        judged=_text(value.get("judged")),
    )


def _committed(value: object) -> Committed | None:
    if not isinstance(value, dict):
        return None
    file, digest = _text(value.get("file")), _text(value.get("sha256"))
    if not is_file_name(file) or not _is_digest(digest):
        return None
    return Committed(
        file=file,
        version=_text(value.get("version")),
        sha256=digest,
        at=_number(value.get("at")),
        boot=_text(value.get("boot")),
        back=_text(value.get("back")),
        back_sha256=_text(value.get("back_sha256")),
        other={key: value[key] for key in value.keys() - set(Committed.__slots__)},
    )


def _ending(value: object) -> Ending | None:
    if not isinstance(value, dict) or not _text(value.get("end")):
        return None
    return Ending(**{name: _text(value.get(name)) for name in Ending.__slots__})


def _digests(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(each for each in value if _is_digest(each))[-MOST_BLOCKED:]


def _blocked(value: object) -> tuple[Blocked, ...]:
    if not isinstance(value, list):
        return ()
    found = [
        Blocked(
            sha256=each["sha256"], version=_text(each.get("version")), why=_text(each.get("why"))
        )
        for each in value
        if isinstance(each, dict) and _is_digest(each.get("sha256"))
    ]
    return tuple(found[-MOST_BLOCKED:])


_Value = TypeVar("_Value")


def _mapped(value: object, convert: Callable[[object], _Value]) -> dict[str, _Value]:
    if not isinstance(value, dict):
        return {}
    # So many digests or words are not ours, and the file must not grow for ever.
    return {key: convert(each) for key, each in list(value.items())[:64]}


def _ends(value: object) -> dict[str, int]:
    return _mapped(value, lambda each: max(_whole(each, 0), 0))


def _moments(value: object) -> dict[str, float]:
    return _mapped(value, _number)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: object, otherwise: int) -> int:
    is_whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53
    return value if is_whole else otherwise  # type: ignore[return-value]


def _number(value: object) -> float:
    """A number that is not negative; anything else is 0, and so are NaN and Infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 <= value < 1e15 else 0.0


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and len(value) == 64 and set(value) <= _HEX
