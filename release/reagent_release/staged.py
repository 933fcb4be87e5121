"""Staged roll-outs on the bucket: `rollout --curve`, `pause`, `resume`, `rollback`.

Each signs a new roll-out document and nothing else: no manifest, no alias, no file of this
repository changes, so an agent that goes by a plain bucket notices nothing.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reagent_build.targets import Target
from reagent_release import signed_release, stages
from reagent_release.errors import Misused, Refused
from reagent_release.sign import Signing
from reagent_release.stages import Next, Order
from reagent_release.steps import Step
from reagent_release.store import Bucket
from reagent_release.words import Words

_SALT_BYTES = 8


@dataclass(frozen=True, slots=True)
class Plan:
    """What it means, and what is signed for it."""

    says: tuple[str, ...]
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return "\n".join(f"  {line}" for line in (*self.says, *self.steps))


def begin(
    words: Words, signing: Signing | None, bucket: Bucket, targets: Iterable[Target], now: float
) -> Plan:
    """A version on top of what everybody runs.

    Raises:
        Misused: not one environment and one version, or no curve.
        Refused: nothing is signed here, or this version is not.
    """
    if len(words.edits) != 1:
        raise Misused("a curve goes with one environment and one version: production 1.2.3")
    if words.curve and words.critical:
        raise Misused("--critical means everybody at once; it has no curve")
    ((environment, version),) = words.edits
    order = Order(
        environment=environment,
        version=version,
        curve=stages.curve(words.curve) if words.curve else (),
        critical=words.critical,
        now=now,
        salt=secrets.token_hex(_SALT_BYTES),
    )
    signing = _demand(signing)
    signing.demand_signed(version, targets)
    return _planned(stages.begin(_document(signing, bucket), order), signing, bucket)


def steer(
    command: str, words: Sequence[str], signing: Signing | None, bucket: Bucket, now: float
) -> Plan:
    """`pause`, `resume`, or `rollback` of what is on its way in an environment.

    Raises:
        Misused: not one environment.
        Refused: nothing is signed here, or there is nothing to steer.
    """
    if len(words) != 1:
        raise Misused(f"{command} goes with one environment: nox -s {command} -- production")
    signing = _demand(signing)
    order = Order(environment=words[0], now=now)
    return _planned(stages.ORDERS[command](_document(signing, bucket), order), signing, bucket)


def _planned(following: Next, signing: Signing, bucket: Bucket) -> Plan:
    return Plan(following.says, signed_release.of_document(signing, bucket, following.document))


def _document(signing: Signing, bucket: Bucket) -> stages.Document:
    return stages.read(signed_release.current(signing, bucket))


def _demand(signing: Signing | None) -> Signing:
    if signing is None:
        raise Refused(
            "only signed roll-outs can be staged, and no keyring is named: nox -s keys makes one"
        )
    return signing
