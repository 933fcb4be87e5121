"""From `build/out` into the bucket: the version of `version.txt`, for every target that was built.

Rules
- A version that was published is never overwritten. The same bytes: already there, said. Other
  bytes: refused, before anything is uploaded.
- Papers, executable, checksum, then what makes it out of the versions that devices run, each read
  back and compared; then what is signed, where there is a keyring; `version.txt` behind them. No
  device notices: what it runs stands in `availableVersions.json` and in the roll-out that is signed
  for, and those are a roll-out's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reagent_build.targets import Target
from reagent_release import layout
from reagent_release.built import Built, NotBuilt, Paper, Unfit
from reagent_release.deltas import Delta
from reagent_release.errors import Refused
from reagent_release.steps import Step, There, Upload, Write, sha256
from reagent_release.store import ABSENT, Bucket


@dataclass(frozen=True, slots=True)
class Remote:
    """An object that is in the bucket now."""

    generation: int
    sha256: str
    cache_control: str = layout.CACHE_CONTROL


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the plan depends on."""

    version: str
    found: Sequence[Built | NotBuilt | Unfit]
    remote: Mapping[str, Remote]
    version_file: bytes
    named: bool = False
    """Whether somebody asked for exactly these targets."""
    builds_first: bool = False
    """Whether this is the dry run of more than one step, and a build would have come before."""
    deltas: Sequence[Delta] = ()
    """What makes it out of what devices run."""
    metadata: Sequence[Step] = ()
    """What is signed along with it; nothing: devices are to trust the bucket."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a publication does, in its order, and what it leaves out."""

    version: str
    steps: tuple[Step, ...]
    not_built: tuple[Target, ...] = ()
    to_be_built: tuple[Target, ...] = ()

    def __str__(self) -> str:
        lines = [f"  upload         what build_all makes for {each}" for each in self.to_be_built]
        lines += [f"  {step}" for step in self.steps]
        lines += [f"  not built      {each}" for each in self.not_built]
        return "\n".join(lines)


def gather(bucket: Bucket, facts: Facts) -> dict[str, Remote]:
    """Read from the bucket what the plan has to know.

    Raises:
        StoreError: it cannot be read.
    """
    built = [each for each in facts.found if isinstance(each, Built)]
    names = [name for each in built for name, _ in _contents(each, facts.version)]
    names += [each.name for each in facts.deltas]
    remote: dict[str, Remote] = {}
    for name in (*names, layout.VERSION_FILE):
        if bucket.stat(name) is not None:
            stat, content = bucket.get(name)
            remote[name] = Remote(stat.generation, sha256(content), stat.cache_control)
    return remote


def plan(facts: Facts) -> Plan:
    """Decide what is uploaded.

    Raises:
        Refused: a file is not what it is called, other bytes are published under this version,
            or what was asked for is not built.
    """
    unfit = [each for each in facts.found if isinstance(each, Unfit)]
    if unfit and not facts.builds_first:
        lines = "".join(f"\n  {each.path.name} {each.reason}" for each in unfit)
        raise Refused(f"nothing is published of what the build left; build again:{lines}")
    built = [each for each in facts.found if isinstance(each, Built)]
    absent = tuple(each.target for each in facts.found if not isinstance(each, Built))
    if not facts.builds_first and absent and (facts.named or not built):
        names = ", ".join(map(str, absent))
        raise Refused(f"there is nothing in build/out for {names}: nox -s build_all makes it")
    _refuse_other_bytes(built, facts)
    if not facts.builds_first:
        _refuse_other_trust(built, facts)
    steps = [step for each in built for step in _uploads(each, facts)]
    steps += [
        There(each.name)
        if each.name in facts.remote
        else Upload(each.name, each.path, each.size, each.sha256)
        for each in facts.deltas
    ]
    return Plan(
        facts.version,
        (*steps, *facts.metadata, write(layout.VERSION_FILE, facts.version_file, facts.remote)),
        not_built=() if facts.builds_first else absent,
        to_be_built=absent if facts.builds_first else (),
    )


def write(name: str, content: bytes, remote: Mapping[str, Remote]) -> Step:
    """The step that makes an object that may change hold `content`."""
    known = remote.get(name)
    if known is None:
        return Write(name, content)
    if known.sha256 == sha256(content) and known.cache_control == layout.CACHE_CONTROL:
        return There(name)
    return Write(name, content, known.generation)


def _contents(built: Built, version: str) -> tuple[tuple[str, Paper | bytes], ...]:
    """Object -> the file it is made of, or what is in it; in the order of their publication."""
    name = layout.executable(built.target, version)
    return (
        *((f"{name}{paper.suffix}", paper) for paper in built.papers),
        (name, Paper("", built.path, built.size, built.sha256)),
        (layout.sidecar(name), f"{built.sha256}\n".encode()),
    )


def _uploads(built: Built, facts: Facts) -> tuple[Step, ...]:
    return tuple(
        There(name) if name in facts.remote else _upload(name, what)
        for name, what in _contents(built, facts.version)
    )


def _upload(name: str, what: Paper | bytes) -> Step:
    if isinstance(what, bytes):
        return Write(name, what, ABSENT)
    return Upload(name, what.path, what.size, what.sha256)


def _refuse_other_bytes(built: Sequence[Built], facts: Facts) -> None:
    differing = [
        name
        for each in built
        for name, what in _contents(each, facts.version)
        if name in facts.remote
        and facts.remote[name].sha256 != (sha256(what) if isinstance(what, bytes) else what.sha256)
    ]
    if differing:
        lines = "".join(f"\n  {name}" for name in differing)
        raise Refused(
            f"{facts.version} is published with other bytes, and what is published is never"
            f" overwritten:{lines}\nRaise the version in src/reagent/version.txt and build again"
        )


def _refuse_other_trust(built: Sequence[Built], facts: Facts) -> None:
    """A build without a root would make devices trust the bucket; with one, nothing without keys.

    Raises:
        Refused: what is built and what it is published with do not belong together.
    """
    odd = [each for each in built if each.has_root != bool(facts.metadata)]
    if not odd:
        return
    lines = "".join(f"\n  {each.path.name}" for each in odd)
    if facts.metadata:
        raise Refused(
            "these bring no root of trust, and devices that take them would believe any bucket"
            f" (REAGENT_TRUST_ROOTS, then build again):{lines}"
        )
    raise Refused(
        "these bring a root of trust, and nothing that is not signed for would reach their devices"
        f" (REAGENT_TRUST_KEYS names the keyring):{lines}"
    )
