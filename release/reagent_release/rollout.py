"""An environment is pointed at a version: the committed `availableVersions.json` is published.

Rules
- Never at a version of which a target is missing in the bucket. Targets are the lines of `targets`;
  `--targets` says that this release consists of others. Executable and checksum have to be there.
- An environment that stays where it is is not judged again: it is not being pointed.
- `latest` follows production, then `version.txt`, what is signed, and the manifest last: before
  the timestamp or the manifest is written no device notices anything, after it everything is in
  place.
- Rolling back is the same command with a lower version. Devices only go up, so it stops a roll-out
  and brings nobody back; that is said.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reagent_build.targets import Target
from reagent_release import layout, versions
from reagent_release.errors import Misused, ObjectMissing, Refused
from reagent_release.publish import Remote, write
from reagent_release.steps import Copy, Edit, Step, There, sha256
from reagent_release.store import ABSENT, Bucket, Stat
from reagent_release.versions import BrokenVersions, Change

_CHECKSUM: Final = re.compile(r"[0-9a-f]{64}\n?", re.ASCII)
_PRODUCTION: Final = "production"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the manifest will say, and for whom that is news."""

    path: Path
    text: str
    """Of the file in this repository, as it is."""
    after: Mapping[str, str]
    edits: tuple[tuple[str, str], ...]
    changes: tuple[Change, ...]
    """Against what the bucket says now."""
    notes: tuple[str, ...] = ()

    @property
    def wanted(self) -> str:
        """The text that is published; the file's own where nothing of it was edited."""
        return self.text if versions.read(self.text) == self.after else versions.write(self.after)

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions whose objects the plan has to know about."""
        moved = [each.after for each in self.changes if each.moves]
        named = [each for each in (*moved, self.after.get(_PRODUCTION)) if each]
        return tuple(dict.fromkeys(named))


@dataclass(frozen=True, slots=True)
class Presence:
    """What the bucket has of one version for one target."""

    executable: Stat | None = None
    checksum: Stat | None = None
    flaw: str = ""
    """Why a device would not take it; empty if it would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the plan depends on."""

    decision: Decision
    targets: tuple[Target, ...]
    presence: Mapping[tuple[str, Target], Presence]
    aliases: Mapping[str, Stat]
    remote: Mapping[str, Remote]
    version_file: bytes
    metadata: tuple[Step, ...] = ()
    """What is signed along with it, behind everything but the manifest."""
    published_first: frozenset[tuple[str, Target]] = frozenset()
    """In the dry run of more than one step: what will be there by then."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a roll-out does, in its order, and what it means for devices."""

    decision: Decision
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        width = max((len(each.environment) for each in self.decision.changes), default=0)
        lines = [f"  {line}" for line in _difference(self.decision)]
        lines += [f"  {each.environment:<{width}}  {_way(each)}" for each in self.decision.changes]
        lines += [f"  {step}" for step in self.steps]
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)


def decide(
    path: Path, text: str, edits: Iterable[tuple[str, str]], published: bytes | None
) -> Decision:
    """Edit first, then hold it against what the bucket says.

    Raises:
        Misused: an edit names no environment or no version.
        Refused: the file of this repository is none, or an environment would be pointed at
            something that devices cannot compare.
    """
    edits = tuple(edits)
    try:
        before = versions.read(text)
    except BrokenVersions as error:
        raise Refused(f"{path} is broken: {error}") from error
    after = versions.edited(before, edits)
    notes: list[str] = []
    try:
        known = {} if published is None else versions.read(published.decode())
    except (BrokenVersions, UnicodeDecodeError) as error:
        known = {}
        notes.append(f"{layout.MANIFEST} in the bucket is broken and will be replaced: {error}")
    changes = versions.compared(known, after)
    for each in changes:
        if each.moves and each.after is not None:
            try:
                versions.check(each.after)
            except Misused as error:
                raise Refused(f"{each.environment} in {path.name}: {error}") from error
    notes += [note for each in changes if each.moves for note in _warnings(each, edits)]
    return Decision(path, text, after, edits, changes, tuple(notes))


def gather(
    bucket: Bucket, decision: Decision, targets: Iterable[Target]
) -> tuple[dict[tuple[str, Target], Presence], dict[str, Stat], dict[str, Remote]]:
    """Read from the bucket what the plan has to know: versions, aliases, version files.

    Raises:
        StoreError: it cannot be read.
    """
    presence: dict[tuple[str, Target], Presence] = {}
    aliases: dict[str, Stat] = {}
    for target in targets:
        for version in decision.versions:
            presence[version, target] = _presence(bucket, layout.executable(target, version))
        alias = layout.executable(target, layout.LATEST)
        for name in (alias, layout.sidecar(alias)):
            if stat := bucket.stat(name):
                aliases[name] = stat
    remote: dict[str, Remote] = {}
    for name in (layout.VERSION_FILE, layout.MANIFEST):
        if bucket.stat(name) is not None:
            stat, content = bucket.get(name)
            remote[name] = Remote(stat.generation, sha256(content), stat.cache_control)
    return presence, aliases, remote


def plan(facts: Facts) -> Plan:
    """Decide what is written.

    Raises:
        Refused: an environment would be pointed at a version that is not whole; the text lists
            what is missing.
    """
    decision = facts.decision
    _refuse_gaps(facts)
    steps: list[Step] = []
    if decision.wanted != decision.text:
        steps.append(Edit(decision.path, decision.wanted))
    aliases, notes = _follow_production(facts)
    steps += aliases
    steps.append(write(layout.VERSION_FILE, facts.version_file, facts.remote))
    steps += facts.metadata
    steps.append(write(layout.MANIFEST, decision.wanted.encode(), facts.remote))
    return Plan(decision, tuple(steps), (*decision.notes, *notes))


def _presence(bucket: Bucket, name: str) -> Presence:
    executable = bucket.stat(name)
    if executable is None:
        return Presence(flaw=f"{name} is missing")
    if not executable.size:
        return Presence(flaw=f"{name} is empty")
    try:
        checksum, content = bucket.get(layout.sidecar(name))
    except ObjectMissing:
        return Presence(executable, flaw=f"{layout.sidecar(name)} is missing")
    if not _CHECKSUM.fullmatch(content.decode("ascii", "replace")):
        return Presence(executable, checksum, f"{layout.sidecar(name)} is no checksum")
    return Presence(executable, checksum)


def _refuse_gaps(facts: Facts) -> None:
    pointed: dict[str, list[str]] = {}
    for each in facts.decision.changes:
        if each.moves and each.after is not None:
            pointed.setdefault(each.after, []).append(each.environment)
    complaints: list[str] = []
    for version, environments in pointed.items():
        gaps = [
            f"\n  {target}: {facts.presence[version, target].flaw}"
            for target in facts.targets
            if facts.presence[version, target].flaw
            and (version, target) not in facts.published_first
        ]
        if gaps:
            who = ", ".join(environments)
            complaints.append(f"{who} cannot be pointed at {version}:{''.join(gaps)}")
    if complaints:
        raise Refused(
            "\n".join(complaints)
            + "\nBuild and publish what is missing (nox -s build_all publish),"
            " or say what this release consists of: --targets linux/amd64"
        )


def _follow_production(facts: Facts) -> tuple[list[Step], list[str]]:
    version = facts.decision.after.get(_PRODUCTION)
    if version is None:
        return [], []
    steps: list[Step] = []
    notes: list[str] = []
    for target in facts.targets:
        alias = layout.executable(target, layout.LATEST)
        presence = facts.presence[version, target]
        if (version, target) in facts.published_first:
            notes.append(f"{alias} becomes a copy of {version} once that is published")
        elif presence.flaw or presence.executable is None or presence.checksum is None:
            notes.append(f"{alias} does not follow production: {presence.flaw}")
        else:
            steps.append(_copy(presence.executable, alias, facts.aliases))
            steps.append(_copy(presence.checksum, layout.sidecar(alias), facts.aliases))
    return steps, notes


def _copy(source: Stat, name: str, aliases: Mapping[str, Stat]) -> Step:
    known = aliases.get(name)
    if known is not None and known.fingerprint == source.fingerprint:
        return There(name)
    return Copy(source, name, ABSENT if known is None else known.generation)


def _warnings(change: Change, edits: tuple[tuple[str, str], ...]) -> Iterable[str]:
    name, before, after = change.environment, change.before, change.after
    if edits and name not in dict(edits):
        yield f"{name} moves too, because {layout.MANIFEST} in this repository says so"
    if after is None:
        yield f"{name} is gone: its devices follow `all` from now on"
    elif before is not None and versions.lower(after, before):
        yield (
            f"devices only go up: those of {name} that run {before} stay on it, the others"
            f" go to {after} at most; to get rid of {before}, release a higher version"
        )
    elif versions.is_prerelease(after) and before and not versions.is_prerelease(before):
        yield f"{after} is a pre-release: devices of {name} that run a release do not take it"


def _way(change: Change) -> str:
    if not change.moves:
        return f"{change.after} (stays)"
    return f"{change.before or 'nothing'} -> {change.after or 'nothing'}"


def _difference(decision: Decision) -> Iterable[str]:
    return (
        line.rstrip("\n")
        for line in difflib.unified_diff(
            decision.text.splitlines(keepends=True),
            decision.wanted.splitlines(keepends=True),
            f"{decision.path.name} as it is",
            f"{decision.path.name} edited",
            n=0,
        )
    )
