"""A fully static CPython out of Debian's own archives, with the application as its payload.

docs/decisions/0002-how-each-target-is-frozen.md says why and what it costs.
"""

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from reagent_build.freezers import Workshop
from reagent_build.images import BUILD, ensure_static, static_image
from reagent_build.plan import Plan
from reagent_build.roots import Root
from reagent_build.sbom_facts import Facts, objects_of
from reagent_build.targets import DEBIAN
from reagent_build.wheels import ensure_wheels

REQUIREMENTS: Final = BUILD / "requirements-runtime.txt"
# The application's code is compiled as the executable will run it.
_INSIDE: Final = (
    "mkdir /inputs && tar --extract --directory=/inputs"
    " && PYTHONPATH=/inputs/build PYTHONDONTWRITEBYTECODE=1"
    " exec python3.13 -OO -X no_debug_ranges -m reagent_build.inside.assemble /inputs"
)


def image(plan: Plan, workshop: Workshop) -> str:
    """The cross-build image, empty where there is none yet."""
    return static_image(workshop.docker, DEBIAN[plan.target]) or ""


def freeze(plan: Plan, workshop: Workshop, partial: Path) -> None:
    """Make a static Linux executable.

    Raises:
        BuildError: with what is missing or what a tool said.
    """
    debian = DEBIAN[plan.target]
    made_in = ensure_static(workshop.docker, debian, workshop.cache, workshop.progress)
    workshop.progress.step("get the wheels (once for each requirements-runtime.txt)")
    wheels = ensure_wheels(REQUIREMENTS, workshop.cache)
    workshop.progress.step("compile and link")
    order = {
        "compiler": debian.compiler,
        "multiarch": debian.multiarch,
        "arch": plan.target.stamp,
        "commit": plan.commit,
    }
    answer, messages = workshop.docker.filter(
        made_in, ("sh", "-c", _INSIDE), inputs(workshop.repository, wheels, order, plan.roots)
    )
    for line in messages.strip().splitlines():
        workshop.progress.say(f"  {line}")
    made = members(answer)
    partial.write_bytes(made["reagent"])
    objects_of(partial).write_bytes(made["objects.tar.gz"])
    Facts(
        wheels=[str(wheel) for wheel in wheels],
        requirements=str(REQUIREMENTS),
        debian=json.loads(made["inventory.json"]),
    ).leave(partial)


def members(answer: bytes) -> dict[str, bytes]:
    """What the container sent, a tar stream, too."""
    with tarfile.open(fileobj=io.BytesIO(answer)) as archive:
        return {
            member.name: content.read()
            for member in archive
            if (content := archive.extractfile(member)) is not None
        }


def inputs(
    repository: Path,
    wheels: tuple[Path, ...],
    order: Mapping[str, str],
    roots: Iterable[Root] = (),
    more: Iterable[str] = (),
) -> bytes:
    """Everything the container needs, as a tar stream: it mounts nothing.

    `more` are folders that not every freezer wants.
    """
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for folder in ("src/reagent", "build/reagent_build", "build/static", *more):
            archive.add(repository / folder, folder, filter=_only_sources)
        archive.add(repository / "build/reagent.spec", "build/reagent.spec")
        for wheel in wheels:
            archive.add(wheel, f"wheels/{wheel.name}")
        _add(archive, "order.json", json.dumps(order).encode())
        for root in roots:
            _add(archive, f"src/reagent/{root.name}", root.content)
    return stream.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _only_sources(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in member.name else member
