"""What lies beside an executable: its bill of materials, the notices, and what it is linked from.

reagent-linux-amd64                   the executable, and .sha256
reagent-linux-amd64.cdx.json          what is in it (reagent_build/sbom.py)
reagent-linux-amd64.notices.txt       whose it is (reagent_build/sbom_notices.py)
reagent-linux-amd64.objects.tar.gz    to link it again (inside/relink.py); of static ones

They are made from what the freezer noted before the executable gets its name, and get theirs at one
stroke each. None of them ever lies beside an executable that it is not about.
"""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final, cast

from reagent_build.checksum import sha256
from reagent_build.errors import BuildError
from reagent_build.plan import Plan
from reagent_build.sbom_changes import changes, versions
from reagent_build.sbom_facts import Facts, note_of, objects_of


def bill_of(executable: Path) -> Path:
    """Where the bill of materials of an executable lies."""
    return executable.with_name(f"{executable.name}.cdx.json")


def notices_of(executable: Path) -> Path:
    """Where the notices of an executable lie."""
    return executable.with_name(f"{executable.name}.notices.txt")


PAPERS: Final = (bill_of, notices_of, objects_of)


@contextmanager
def papers(
    plan: Plan, partial: Path, repository: Path, say: Callable[[str], None] = print
) -> Iterator[None]:
    """Write them beside `partial`; when the block has put the executable in its place, they follow.

    What is in it in another version than in the executable before is said.

    Raises:
        BuildError: the freezer noted nothing, or something has no licence that is known.
    """
    try:
        _write(plan, partial, repository)
        before = versions(bill_of(plan.output))
        for place in PAPERS:
            place(plan.output).unlink(missing_ok=True)
        yield
        for place in PAPERS:
            if place(partial).exists():
                place(partial).replace(place(plan.output))
        if before:
            for change in changes(before, versions(bill_of(plan.output))):
                say(f"  {change}")
    finally:
        discard(partial)


def discard(partial: Path) -> None:
    """Whatever lies beside an unfinished executable goes with it."""
    for place in (note_of, *PAPERS):
        place(partial).unlink(missing_ok=True)


def _write(plan: Plan, partial: Path, repository: Path) -> None:
    try:
        from reagent_build.sbom import Subject, document  # noqa: PLC0415 - says what is missing
        from reagent_build.sbom_notices import notices  # noqa: PLC0415
        from reagent_build.sbom_parts import parts  # noqa: PLC0415
    except ImportError as error:
        raise BuildError(f"the SBOM cannot be made: {error} (pip install -e '.[build]')") from error
    try:
        facts = Facts.read(partial)
    except FileNotFoundError as error:
        raise BuildError(f"the freezer {plan.freezer} does not say what is in it") from error
    found = parts(facts)
    subject = Subject(
        file_name=plan.output.name,
        target=str(plan.target),
        version=plan.version,
        commit=plan.commit,
        freezer=plan.freezer,
        sha256=sha256(partial),
        committed=_committed(repository, plan.commit),
    )
    bill_of(partial).write_text(document(subject, found))
    licences = cast("Mapping[str, str]", facts.debian.get("licences", {}))
    objects = objects_of(plan.output).name if facts.debian else ""
    notices_of(partial).write_text(notices(plan.output.name, objects, found, licences))


def _committed(repository: Path, commit: str) -> datetime | None:
    """When a commit was made; None where git cannot say."""
    try:
        done = subprocess.run(
            ["git", "-C", str(repository), "show", "--no-patch", "--format=%cI", commit, "--"],
            capture_output=True,
            text=True,
            check=False,
        )
        return datetime.fromisoformat(done.stdout.strip())
    except (OSError, ValueError):
        return None
