"""A version on its way through a fleet: begun, held, let on, taken back. Pure.

What devices make of it stands in `reagent.updates.trust.stages`, with the meaning of every key; the
document is theirs. Only signed devices see it: `availableVersions.json` has no room for a share, so
agents that go by a plain bucket stay where they are until `nox -s rollout` moves everybody.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from reagent.updates.trust.stages import UNWATCHED, Stage, parsed, share
from reagent_release import versions
from reagent_release.errors import Misused, Refused

_POINT: Final = re.compile(r"(\d+(?:\.\d+)?)h:(\d+(?:\.\d+)?)%")
_WHOLE: Final = 100.0
STAGES: Final = "stages"
BACK: Final = "back"

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a person ordered, and what makes it unique.

    Attributes:
        version: of `rollout --curve`.
        now: seconds since 1970.
        salt: chance.
    """

    environment: str
    version: str = ""
    curve: tuple[tuple[float, float], ...] = ()
    critical: bool = False
    now: float
    salt: str = ""


@dataclass(frozen=True, slots=True)
class Next:
    """The document that follows, and what it means."""

    document: Document
    says: tuple[str, ...]


def curve(text: str) -> tuple[tuple[float, float], ...]:
    """Read `1h:1%,24h:10%,72h:100%`.

    Raises:
        Misused: it is none, goes back, or does not reach everybody.
    """
    points: list[tuple[float, float]] = []
    for word in text.split(","):
        found = _POINT.fullmatch(word.strip())
        if found is None:
            raise Misused(f"{word!r} is no point of a curve: hours and percent, as 24h:10%")
        hours, percent = float(found[1]), float(found[2])
        if points and (hours <= points[-1][0] or percent < points[-1][1]):
            raise Misused(f"the curve goes back at {word.strip()}")
        if percent > _WHOLE:
            raise Misused(f"{word.strip()}: a fleet has 100%")
        points.append((hours, percent))
    if points[-1][1] != _WHOLE:
        raise Misused(f"the curve ends at {points[-1][1]:g}%: say when it reaches 100%")
    return tuple(points)


def read(content: bytes | None) -> Document:
    """The document that counts now.

    Raises:
        Refused: there is none, or it is none.
    """
    if content is None:
        raise Refused("nothing was rolled out with signatures yet: nox -s rollout comes first")
    try:
        document = json.loads(content)
    except ValueError as error:
        raise Refused(f"the roll-out in the bucket is no JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("versions"), dict):
        raise Refused("the roll-out in the bucket is none")
    return document


def begin(document: Document, order: Order) -> Next:
    """Put a version on top of what everybody runs.

    Raises:
        Refused: it is not above that.
    """
    base = _base(document, order.environment)
    if not versions.lower(base, order.version):
        raise Refused(
            f"{order.version} is not above {base}, which {order.environment} runs"
            " (nox -s rollback goes down)"
        )
    says = [f"{order.environment}: {order.version} on top of {base}, for everybody at once"]
    if not order.critical:
        points = ", ".join(f"{percent:g} % after {hours:g} h" for hours, percent in order.curve)
        says = [
            f"{order.environment}: {order.version} on top of {base}: {points}",
            "it stops at 10 % until nox -s resume",
        ]
    if (known := _stage(document, order.environment)) is not None:
        says.append(f"it takes the place of {known.version}, which was on its way")
    stage: dict[str, object] = {
        "version": order.version,
        "begun": int(order.now),
        "curve": [[_plain(hours), _plain(percent)] for hours, percent in order.curve],
        "salt": order.salt,
        "approved": False,
        "paused": 0,
        "critical": order.critical,
    }
    back = [each for each in _back(document, order.environment) if each != order.version]
    after = _with(document, STAGES, order.environment, stage)
    return Next(_with(after, BACK, order.environment, back or None), tuple(says))


def pause(document: Document, order: Order) -> Next:
    """Nobody who is not in yet gets in, and time stands still.

    Raises:
        Refused: nothing is on its way, or it is held already.
    """
    stage, known = _open(document, order.environment)
    if stage.paused:
        raise Refused(f"{stage.version} is held already in {order.environment}")
    if stage.critical:
        raise Refused(
            f"{stage.version} is critical: everybody has it; nox -s rollback takes it back"
        )
    reached = share(stage, order.now)
    return Next(
        _with(document, STAGES, order.environment, {**known, "paused": int(order.now)}),
        (f"{order.environment}: {stage.version} is held at {reached:.1%} of the devices",),
    )


def resume(document: Document, order: Order) -> Next:
    """Let it go on: from a pause, and past the ten percent at which it stops by itself.

    Raises:
        Refused: nothing is on its way, or nothing holds it.
    """
    stage, known = _open(document, order.environment)
    reached = share(stage, order.now)
    full = share(replace(stage, approved=True), order.now) >= UNWATCHED
    if stage.approved and not stage.paused:
        raise Refused(f"nothing holds {stage.version} in {order.environment}: {reached:.1%}")
    held = order.now - stage.paused if stage.paused else 0.0
    after = {**known, "begun": int(stage.begun + held), "paused": 0}
    if full or not stage.paused:
        after["approved"] = True
    says = f"{order.environment}: {stage.version} goes on from {reached:.1%}"
    limit = "" if after.get("approved") else "; it stops at 10 % until the next nox -s resume"
    return Next(_with(document, STAGES, order.environment, after), (says + limit,))


def take_back(document: Document, order: Order) -> Next:
    """Whoever has the version on its way goes back to what everybody runs.

    Raises:
        Refused: nothing is on its way.
    """
    stage, _ = _open(document, order.environment)
    base = _base(document, order.environment)
    after = ordered_back(document, order.environment, stage.version)
    return Next(
        _with(after, STAGES, order.environment, None),
        (f"{order.environment}: devices on {stage.version} are ordered back to {base}",),
    )


def ordered_back(document: Document, environment: str, version: str) -> Document:
    """Who runs this version goes to the environment's, although it is lower."""
    back = [*_back(document, environment), version]
    return _with(document, BACK, environment, list(dict.fromkeys(back)))


def following(
    before: Document | None, after: Mapping[str, str], back: Mapping[str, str]
) -> dict[str, Any]:
    """The document of an ordinary roll-out.

    What is on its way in an environment that stays goes on; where it moves, it moves everybody.
    What was taken back stays so for as long as it is above what the environment runs: a device
    that was off meanwhile would keep it otherwise.

    Args:
        before: what counts now.
        after: environment -> version.
        back: environment -> the version that is ordered back to it.
    """
    made: dict[str, Any] = {"versions": dict(after)}
    if before is not None:
        old, known = before["versions"], before.get(STAGES)
        kept = {
            name: each
            for name, each in (known.items() if isinstance(known, dict) else ())
            if old.get(name) == after.get(name)
        }
        if kept:
            made[STAGES] = kept
        for name, version in after.items():
            above = [each for each in _back(before, name) if versions.lower(version, each)]
            if above:
                made = dict(_with(made, BACK, name, above))
    for environment, version in back.items():
        made = dict(ordered_back(made, environment, version))
        on_its_way = _stage(before, environment) if before is not None else None
        if on_its_way is not None:
            made = dict(ordered_back(made, environment, on_its_way.version))
    return made


ORDERS: Final[Mapping[str, Callable[[Document, Order], Next]]] = {
    "pause": pause,
    "resume": resume,
    "rollback": take_back,
}


def _open(document: Document, environment: str) -> tuple[Stage, Mapping[str, Any]]:
    stage = _stage(document, environment)
    if stage is None:
        raise Refused(f"nothing is on its way in {environment}")
    return stage, document[STAGES][environment]


def _stage(document: Document, environment: str) -> Stage | None:
    known = document.get(STAGES)
    return parsed(known.get(environment)) if isinstance(known, dict) else None


def _back(document: Document, environment: str) -> Sequence[str]:
    known = document.get(BACK)
    found = known.get(environment) if isinstance(known, dict) else None
    return found if isinstance(found, list) else []


def _base(document: Document, environment: str) -> str:
    version = document["versions"].get(environment)
    if not isinstance(version, str):
        raise Refused(f"{environment} was not rolled out with signatures yet: nox -s rollout first")
    return version


def _with(document: Document, key: str, environment: str, value: object) -> Document:
    known = document.get(key)
    kept = {**known} if isinstance(known, dict) else {}
    kept.pop(environment, None)
    if value is not None:
        kept[environment] = value
    after = {name: each for name, each in document.items() if name != key}
    return {**after, key: kept} if kept else after


def _plain(number: float) -> float | int:
    return int(number) if number == int(number) else number
