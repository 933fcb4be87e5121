"""What publish and rollout sign along with what they do; nothing where there is no keyring."""

from collections.abc import Iterable, Mapping, Sequence

from reagent_build.targets import Target
from reagent_release import metadata, rollout_document, sign, stages
from reagent_release.built import Built
from reagent_release.errors import ObjectMissing
from reagent_release.outdated import outdated
from reagent_release.publish import Facts
from reagent_release.rollout import Decision
from reagent_release.sign import By, Signing
from reagent_release.steps import Sign, Step, Write
from reagent_release.store import Bucket


def of_publication(signing: Signing | None, facts: Facts, bucket: Bucket) -> tuple[Step, ...]:
    """The metadata that lists the files of a publication, and what is outdated by it no more.

    Raises:
        Refused: one of them was signed for with other bytes.
        StoreError: the bucket cannot be read.
    """
    if signing is None:
        return ()
    files = [
        sign.executable(each.target, facts.version, each.size, each.sha256)
        for each in facts.found
        if isinstance(each, Built)
    ]
    files += [each.file for each in facts.deltas]
    named = {facts.version, *_named(current(signing, bucket))}
    listed = {*signing.known.files, *(each.path for each in files)}
    return signing.steps(files, outdated(listed, named))


def of_rollout(
    signing: Signing | None,
    decision: Decision,
    targets: Iterable[Target],
    bucket: Bucket,
    *,
    published_first: frozenset[tuple[str, Target]],
    back: Mapping[str, str],
) -> tuple[Step, ...]:
    """The roll-out as a file of its own, and the metadata that lists it.

    Raises:
        Refused: an environment would be pointed at what is not signed for.
        StoreError: the bucket cannot be read.
    """
    if signing is None:
        return ()
    for version in {each.after for each in decision.changes if each.moves and each.after}:
        signing.demand_signed(
            version, (each for each in targets if (version, each) not in published_first)
        )
    before = current(signing, bucket)
    known = stages.read(before) if before is not None else None
    return of_document(signing, bucket, stages.following(known, decision.after, back))


def of_document(signing: Signing, bucket: Bucket, says: Mapping[str, object]) -> tuple[Step, ...]:
    """A roll-out document, and the metadata that lists it in the place of the one before.

    Raises:
        StoreError: the bucket cannot be read.
    """
    listed = tuple(signing.known.files)
    taken = (each.name for each in bucket.names(rollout_document.FOLDER))
    new = rollout_document.document(says, listed, taken)
    if current(signing, bucket) == new.content:
        return signing.steps()
    return (Write(new.path, new.content), *signing.steps((new.file,), new.replaced))


def current(signing: Signing, bucket: Bucket) -> bytes | None:
    """The document that counts now; None where nothing was rolled out with signatures.

    Raises:
        StoreError: the bucket cannot be read.
    """
    return _content(bucket, rollout_document.newest(signing.known.files))


def _named(content: bytes | None) -> frozenset[str]:
    """The versions that a roll-out points anybody at."""
    document = {} if content is None else stages.read(content)
    staged = document.get(stages.STAGES, {}).values()
    return frozenset(
        {*document.get("versions", {}).values(), *(each["version"] for each in staged)}
    )


def notes(signing: Signing | None, steps: Sequence[Step]) -> tuple[str, ...]:
    """What a person should know of dates: what is due, and not signed by this plan."""
    if signing is None:
        return ()
    signed = {each.by.role for each in steps if isinstance(each, Sign) and isinstance(each.by, By)}
    return tuple(
        f"{role} expires on {part.expires:%Y-%m-%d}:"
        f" nox -s keys -- {'renew' if role == 'root' else 'refresh'}"
        for role, part in signing.parts.items()
        if part is not None and role not in signed and metadata.due(part, role, signing.now)
    )


def _content(bucket: Bucket, name: str | None) -> bytes | None:
    if name is None:
        return None
    try:
        return bucket.get(name)[1]
    except ObjectMissing:
        return None
