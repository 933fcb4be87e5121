"""Whether what lies in `build/out` is what would be made now: then there is nothing to do.

A build is remembered by everything it was made from; the digest of the result is what is kept. So
neither a checkout of another commit nor a file that was changed by hand is taken for it.
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from reagent_build.checksum import sha256, sidecar
from reagent_build.plan import Plan
from reagent_build.sbom_papers import PAPERS

# What every freezer may take from the repository.
_FOLDERS: Final = ("src/reagent", "build")
_NOT_TAKEN: Final = ("build/out", "build/README.md")


def tree(repository: Path) -> str:
    """The digest of everything an executable may be made from, but the images."""
    digest = hashlib.sha256()
    for path in sorted(_files(repository)):
        content = path.read_bytes()
        name = path.relative_to(repository).as_posix()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _files(repository: Path) -> Iterator[Path]:
    left_out = tuple(repository / each for each in _NOT_TAKEN)
    for folder in _FOLDERS:
        for path in (repository / folder).rglob("*"):
            if "__pycache__" in path.parts or not path.is_file():
                continue
            if not any(path == each or each in path.parents for each in left_out):
                yield path


def key(plan: Plan, tree: str, image: str) -> str:
    """What a build is remembered by; `image` is what the freezer says it is made in."""
    words: tuple[str, ...] = (
        str(plan.target),
        plan.freezer,
        plan.version,
        plan.commit,
        plan.run,
        tree,
        image,
    )
    if plan.signing is not None:
        words = (*words, plan.signing.identity, *plan.signing.timestamps)
    roots = (f"{root.name} {hashlib.sha256(root.content).hexdigest()}" for root in plan.roots)
    return hashlib.sha256("\n".join((*words, *roots)).encode()).hexdigest()


def is_made(cache: Path, key: str, output: Path) -> bool:
    """Whether `output`, with all that lies beside it, is the result of that very build."""
    try:
        digest, *papers = (cache / "made" / key).read_text().splitlines()
        whole = sidecar(output).read_text() == f"{digest}\n" and sha256(output) == digest
    except (OSError, ValueError):
        return False
    return whole and all((output.parent / name).exists() for name in papers)


def remember(cache: Path, key: str, output: Path) -> None:
    """Note what came out; where that cannot be written, the next build makes it again."""
    papers = (place(output) for place in PAPERS)
    lines = [sha256(output), *(path.name for path in papers if path.exists())]
    with suppress(OSError):
        (cache / "made").mkdir(parents=True, exist_ok=True)
        (cache / "made" / key).write_text("".join(f"{line}\n" for line in lines))
