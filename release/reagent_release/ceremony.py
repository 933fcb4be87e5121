"""`nox -s keys`: keys are made, replaced, shown; what the bucket holds is signed anew.

Root keys are needed by `init`, `rotate` and `renew` alone, which touch no bucket: they belong on a
machine without a network. What those leave in the keyring's folder is public but for `private/`,
and goes to wherever releases are made; `refresh` brings it to the bucket.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tuf.api.metadata import Metadata, Root

from reagent_release import bundle, keys, layout, metadata, new_roots
from reagent_release.errors import Misused, Refused, ReleaseError
from reagent_release.key_words import KeyWords, parse
from reagent_release.keys import ROLES, ROOT, Keyring
from reagent_release.metadata import Known
from reagent_release.sign import Signing
from reagent_release.signers import Here, ask_at_terminal
from reagent_release.steps import Step
from reagent_release.store import Bucket

_DUE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What the verbs find around them.

    Attributes:
        bucket: opens the one that is configured.
        now: seconds since 1970.
        execute: takes the steps of a plan, and keeps a record.
    """

    repository: Path
    environment: Mapping[str, str]
    bucket: Callable[[], Bucket]
    now: float
    execute: Callable[[Mapping[str, object], Sequence[Step], Bucket], None]

    @property
    def keyring(self) -> Keyring:
        """The one that is configured.

        Raises:
            Misused: none is.
        """
        found = keys.configured(self.repository, self.environment)
        if found is None:
            raise Misused(f"no keyring is named: {keys.SETTING}, or [tool.reagent.trust] keys")
        return found


def run(arguments: Sequence[str], where: Where) -> int:
    """Exit status: 0 done or shown, 1 something is due.

    Raises:
        ReleaseError: it cannot be done.
    """
    words = parse(arguments)
    return _VERBS[words.verb](words, where)


def _init(words: KeyWords, where: Where) -> int:
    named = words.folder or where.environment.get(keys.SETTING, "")
    if not named:
        raise Misused("init wants a folder: nox -s keys -- init release/trust")
    here = Here(where.repository / named, where.environment, ask_at_terminal())
    if (here.folder / keys.FILE).exists():
        raise Refused(f"there is a keyring in {here.folder} already: rotate replaces its keys")
    many = len(words.keys(ROOT)) or words.root_keys
    threshold = words.threshold or many // 2 + 1
    if not 1 <= threshold <= many:
        raise Misused(f"{threshold} of {many} root keys cannot sign")
    wanted = {
        role: new_roots.wanted(role, words.keys(role), many if role == ROOT else 1)
        for role in ROLES
    }
    every = [each for role in ROLES for each in wanted[role]]
    print(f"make a keyring in {here.folder}")
    print("".join(f"  {each}\n" for each in every), end="")
    print(f"  root 1         {threshold} of {many} root keys sign; until {_ends(where)}")
    if words.dry_run:
        return 0
    made = new_roots.make(every, here, encrypt=words.encrypt)
    root = new_roots.first(
        {role: [made[each.name].public for each in wanted[role]] for role in ROLES},
        threshold,
        metadata.moment(where.now),
    )
    new_roots.keep(made, here)
    entries = {each.public.keyid: each.entry for each in made.values()}
    keys.put(here.folder / keys.FILE, keys.content(entries))
    empty = Keyring(here, entries, ())
    _keep_root(empty, root, ((ROOT, root),))
    print(_AFTER_INIT.format(folder=here.folder))
    return 0


def _rotate(words: KeyWords, where: Where) -> int:
    keyring = where.keyring
    old, role = keyring.root, words.role
    dropped = _dropped(words, keyring)
    wanted = new_roots.wanted(
        role, words.keys(role), len(dropped), [each.name for each in keyring.entries.values()]
    )
    print(f"root {old.version + 1} of {keyring}: {role}")
    print("".join(f"  drop           {keyring.name(each)}\n" for each in dropped), end="")
    print("".join(f"  {each}\n" for each in wanted), end="")
    if words.dry_run:
        return 0
    keyring.signed(ROOT, keyring.roots[-1])  # who cannot sign learns it before anything is made
    made = new_roots.make(wanted, keyring.here, encrypt=words.encrypt)
    root = new_roots.following(old, metadata.moment(where.now))
    new_roots.replace_keys(root, role, dropped, [each.public for each in made.values()])
    new_roots.keep(made, keyring.here)
    entries = {**keyring.entries, **{each.public.keyid: each.entry for each in made.values()}}
    keys.put(keyring.here.folder / keys.FILE, keys.content(entries))
    _keep_root(replace(keyring, entries=entries), root, ((ROOT, old), (ROOT, root)))
    print(_AFTER_ROOT.format(version=root.version))
    return 0


def _renew(words: KeyWords, where: Where) -> int:
    keyring = where.keyring
    root = new_roots.following(keyring.root, metadata.moment(where.now))
    print(f"root {root.version} of {keyring}: the same keys, until {_ends(where)}")
    if not words.dry_run:
        _keep_root(keyring, root, ((ROOT, keyring.root), (ROOT, root)))
        print(_AFTER_ROOT.format(version=root.version))
    return 0


def _refresh(words: KeyWords, where: Where) -> int:
    keyring, bucket = where.keyring, where.bucket()
    before, known = _gathered(keyring, bucket)
    anew = [
        role
        for role in ROLES
        if before.roles[role].keyids != keyring.root.roles[role].keyids
        or before.roles[role].threshold != keyring.root.roles[role].threshold
    ]
    drop = tuple(known.files) if words.forget else ()
    signing = Signing(keyring, known, metadata.moment(where.now))
    steps = signing.steps(drop=drop, anew=anew, always=True)
    print(f"sign {bucket.address} with {keyring}")
    print("".join(f"  {step}\n" for step in steps), end="")
    if drop:
        print("  note: nothing is signed for any more: nox -s publish rollout, for what is good")
    if not words.dry_run:
        where.execute({"keys": words.verb}, steps, bucket)
    return 0


def _bundle(words: KeyWords, where: Where) -> int:
    if words.target is None:
        raise Misused("bundle wants a target")
    bucket, folder = where.bucket(), Path(words.folder)
    root, known = _gathered(where.keyring, bucket)
    names = bundle.names(known, root.version, layout.executable(words.target, words.version))
    print(f"copy from {bucket.address} to {folder}")
    print("".join(f"  {name}\n" for name in names), end="")
    if not words.dry_run:
        bundle.copy(bucket, names, folder)
        print(f"on a device: reagent update apply {folder / names[-1]}")
    return 0


def _show(_words: KeyWords, where: Where) -> int:
    keyring, now = where.keyring, metadata.moment(where.now)
    print(f"{keyring}, root {keyring.root.version}")
    try:
        bucket = where.bucket()
        _, known = _gathered(keyring, bucket)
        told = f"{bucket.address}, its newest root is {max(known.roots, default='none')}"
    except ReleaseError as error:
        known, told = Known(), f"the bucket is not shown: {error}"
    wrong = 0
    for role, part in Signing(keyring, known, now).parts.items():
        threshold, names = keyring.root.roles[role].threshold, keyring.names(role)
        line = f"  {role:<10} {threshold} of {len(names)}: {', '.join(names)}"
        if part is None:
            print(f"{line}\n{'':13}not in the bucket")
            continue
        days = (part.expires - now).days
        word = "EXPIRED" if part.expires <= now else "due" if metadata.due(part, role, now) else ""
        wrong += bool(word)
        left = f"{days} days left" if days < 1000 else f"{days / 365.25:.1f} years left"
        told_of = f"version {part.version}, until {part.expires:%Y-%m-%d}, {left}"
        print(f"{line}\n{'':13}{told_of}{f'  <-- {word}' if word else ''}")
    print(told)
    if known.timestamp and len(keyring.roots) not in known.roots:
        print(f"root {len(keyring.roots)} is not in the bucket: nox -s keys -- refresh")
        wrong += 1
    return _DUE if wrong else 0


_VERBS: Mapping[str, Callable[[KeyWords, Where], int]] = {
    "show": _show,
    "init": _init,
    "rotate": _rotate,
    "renew": _renew,
    "refresh": _refresh,
    "bundle": _bundle,
}

_AFTER_INIT = """\
Take private/root-*.pem away, each to a place of its own, and keep copies. Then:
  REAGENT_TRUST_ROOTS={folder}/roots   builds bake in the root
  REAGENT_TRUST_KEYS={folder}          publish and rollout sign"""

_AFTER_ROOT = """\
nox -s keys -- refresh brings root {version} to the bucket, and to every device at its next look.
Builds bake it in from now on; those with an older root find their way to it."""


def _gathered(keyring: Keyring, bucket: Bucket) -> tuple[Root, Known]:
    """What the bucket holds, by the newest root that it has; and that root.

    Raises:
        Refused: it was not signed by those keys.
    """
    have = metadata.roots_in(bucket)
    newest = len(keyring.roots)
    if have and max(have) > newest:
        raise Refused(
            f"the bucket has root {max(have)}, and {keyring} only {newest}: which is old?"
        )
    content = keyring.roots[(max(have) if have else newest) - 1]
    root = Metadata[Root].from_bytes(content).signed
    return root, metadata.gather(bucket, root)


def _dropped(words: KeyWords, keyring: Keyring) -> list[str]:
    """Keyids of the keys that go."""
    known = {keyring.name(keyid): keyid for keyid in keyring.root.roles[words.role].keyids}
    unknown = [name for name in words.drop if name not in known]
    if unknown:
        raise Misused(f"{unknown[0]} is no key of {words.role}; there are {', '.join(known)}")
    if not words.drop and words.role == ROOT:
        raise Misused(f"say which root key goes: --drop {next(iter(known))}")
    return [known[name] for name in words.drop or known]


def _keep_root(keyring: Keyring, root: Root, by: Sequence[tuple[str, Root]]) -> None:
    content = keyring.signed_by(by, Metadata[Root](root).to_bytes())
    folder = keyring.here.folder / keys.ROOTS
    keys.put(folder / f"{root.version}.root.json", content)
    keys.read(keyring.here)  # what was written is what will be read


def _ends(where: Where) -> str:
    return f"{metadata.moment(where.now) + metadata.LIFETIMES[ROOT]:%Y-%m-%d}"
