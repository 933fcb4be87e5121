"""One target, from its plan to the file with its name, and every target of a build."""

import os
import subprocess
import tarfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reagent_build import children, made
from reagent_build.board import Board
from reagent_build.checks import check
from reagent_build.checksum import put, sha256
from reagent_build.container import Docker
from reagent_build.errors import BuildError
from reagent_build.freezers import Workshop, freezer, image
from reagent_build.plan import Plan
from reagent_build.progress import Progress
from reagent_build.sbom_papers import discard, papers
from reagent_build.targets import FreezerName
from reagent_build.turns import turn

# What takes longest begins first, so that nothing waits for it alone in the end.
_LONGEST_FIRST: Final[Sequence[FreezerName]] = ("nuitka", "zig", "wine", "static", "pyinstaller")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What all targets of a build share."""

    repository: Path
    cache: Path
    docker: Docker
    tree: str
    """Digest of the sources."""
    anew: bool
    """Whether to make again what is there."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went with one target."""

    plan: Plan
    said: str
    """A line for the summary."""
    ok: bool
    seconds: float


def make_all(plans: Sequence[Plan], shop: Shop, board: Board, at_once: int) -> tuple[Outcome, ...]:
    """Make them, so many at a time; one that fails stops no other. In the order of `plans`.

    Raises:
        KeyboardInterrupt: passed on, once everything that was begun is tidied up.
    """
    ordered = sorted(plans, key=lambda plan: _LONGEST_FIRST.index(plan.freezer))
    children.begin()
    with ThreadPoolExecutor(at_once) as pool:
        jobs = {one: pool.submit(_outcome, one, shop, board) for one in ordered}
        try:
            return tuple(jobs[one].result() for one in plans)
        except BaseException:
            for job in jobs.values():
                job.cancel()
            children.stop()
            raise


def _outcome(one: Plan, shop: Shop, board: Board) -> Outcome:
    began = time.monotonic()
    with board.line(str(one.target)) as progress:
        try:
            said, ok = _make(one, shop, progress), True
        except BuildError as error:
            said, ok = str(error), False
        except OSError as error:
            said, ok = f"{error.strerror or error}: {error.filename or one.output.parent}", False
        except (subprocess.SubprocessError, tarfile.TarError) as error:
            said, ok = str(error), False
        outcome = Outcome(one, said, ok, time.monotonic() - began)
        progress.say(said if ok else f"failed: {said}")
    return outcome


def _make(one: Plan, shop: Shop, progress: Progress) -> str:
    one.output.parent.mkdir(parents=True, exist_ok=True)
    _sweep(one.output)
    workshop = Workshop(
        repository=shop.repository, cache=shop.cache, docker=shop.docker, progress=progress
    )
    key = made.key(one, shop.tree, image(one, workshop))
    if not shop.anew and made.is_made(shop.cache, key, one.output):
        return f"{_what(one, sha256(one.output))}, unchanged"
    partial = one.output.with_name(f".{one.output.name}.{os.getpid()}")
    try:
        freezer(one.freezer)(one, workshop, partial)
        partial.chmod(0o755)
        if one.runner is not None:
            progress.step(f"check the executable ({one.run})")
            check(one, partial)
        # The parser of licences is one for the process, and loses its place when two ask at once.
        with turn("papers"), papers(one, partial, shop.repository, progress.say):
            digest = put(partial, one.output)
    finally:
        partial.unlink(missing_ok=True)
        discard(partial)
    # The image may have been made just now.
    made.remember(shop.cache, made.key(one, shop.tree, image(one, workshop)), one.output)
    return _what(one, digest)


def _what(one: Plan, digest: str) -> str:
    size = one.output.stat().st_size
    return f"{one.output} {size / 1e6:.1f} MB sha256 {digest} ({one.run})"


def _sweep(output: Path) -> None:
    """What a build that was killed has left."""
    for path in output.parent.glob(f".{output.name}.*"):
        process = path.name.removeprefix(f".{output.name}.").partition(".")[0]
        if process.isdecimal() and not children.is_alive(int(process)):
            path.unlink(missing_ok=True)
