"""reagent.exe: the official CPython and the application, packed by PyInstaller under wine.

docs/decisions/0013-windows.md says why so, what of it was run, and how it is signed.
"""

import io
import json
import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from reagent_build import age, signing
from reagent_build.container import Docker
from reagent_build.errors import BuildError
from reagent_build.freezers import Workshop
from reagent_build.images import BUILD, build_from, digest, ensure_base
from reagent_build.plan import Plan
from reagent_build.progress import Progress
from reagent_build.roots import Root
from reagent_build.sbom_facts import Facts, Runtime
from reagent_build.sbom_runtimes import boot_loader, said
from reagent_build.turns import turn
from reagent_build.wheels import ensure_wheels
from reagent_build.windows_inputs import Python, ensure_packer, ensure_python, version_of

# What goes into the image, relative to build/: a change of anything else needs no new one.
_INGREDIENTS: Final = (
    "images/windows.Dockerfile",
    "reagent_build/inside/embeddable.py",
    "requirements-windows.txt",
    "windows/microsoft-root-2020.pem",
    "windows/python.toml",
)
_PACKER: Final = BUILD / "requirements-windows.txt"
_RUNTIME: Final = BUILD / "requirements-runtime.txt"
# What the official CPython brings along without saying its version: name, licence, home page.
_WITHIN: Final = (
    ("libffi", "MIT", "https://sourceware.org/libffi/"),
    ("vcruntime140", "LicenseRef-Microsoft-Visual-C-Runtime", "https://visualstudio.microsoft.com"),
)
_INSIDE: Final = (
    "mkdir /inputs && tar --extract --directory=/inputs"
    " && PYTHONPATH=/inputs/build PYTHONDONTWRITEBYTECODE=1"
    " exec python3.13 -OO -m reagent_build.inside.windows /inputs"
)
# A signed file is run as it will be shipped.
_ASK: Final = (
    "cat > /tmp/reagent.exe && wine /tmp/reagent.exe -version < /dev/null > /tmp/said"
    " && cat /tmp/said"
)


def image(_plan: Plan, workshop: Workshop) -> str:
    """The cross-build image, empty where there is none yet."""
    tag = image_tag(Python.chosen(BUILD / "windows/python.toml", os.environ))
    return tag if workshop.docker.has_image(tag) else ""


def freeze(plan: Plan, workshop: Workshop, partial: Path) -> None:
    """Make reagent.exe; it was run under wine when this returns, and is signed if that was asked.

    Raises:
        BuildError: with what is missing or what a tool said.
    """
    python = Python.chosen(BUILD / "windows/python.toml", os.environ)
    made_in = ensure_image(workshop.docker, python, workshop.cache, workshop.progress)
    workshop.progress.step("get the wheels (once for each requirements-runtime.txt)")
    wheels = ensure_wheels(_RUNTIME, workshop.cache)
    workshop.progress.step("pack it and run it under wine")
    order = {"version": plan.version, "arch": plan.target.stamp, "commit": plan.commit}
    answer, messages = workshop.docker.filter(
        made_in, ("sh", "-c", _INSIDE), inputs(workshop.repository, wheels, order, plan.roots)
    )
    for line in messages.strip().splitlines():
        workshop.progress.say(f"  {line}")
    with tarfile.open(fileobj=io.BytesIO(answer)) as archive:
        executable = archive.extractfile("reagent.exe")
        if executable is None:
            raise BuildError("the container sent no executable")
        partial.write_bytes(executable.read())
    if plan.signing is not None:
        workshop.progress.step("sign it and run it again")
        signing.sign(plan.signing, partial)
        answer, _ = workshop.docker.filter(made_in, ("sh", "-c", _ASK), partial.read_bytes())
        if answer.decode(errors="replace").strip() != plan.version:
            raise BuildError(f"once signed, reagent.exe -version says {answer[:200]!r}")
    Facts(
        wheels=[str(wheel) for wheel in wheels],
        requirements=str(_RUNTIME),
        runtimes=tuple(runtimes(messages)),
    ).leave(partial)


def runtimes(messages: str) -> Iterator[Runtime]:
    """What is in it besides the wheels: as the runtime said under wine, and as is pinned.

    Raises:
        BuildError: the runtime did not say.
    """
    yield from (official := said(messages))
    within = f"of CPython {official[0].version}"
    for name, licence, homepage in _WITHIN:
        yield Runtime(
            name=name,
            version=within,
            licence=licence,
            purl=f"pkg:generic/{name}?of=python-{official[0].version}",
            homepage=homepage,
        )
    yield boot_loader(version_of(_PACKER, "pyinstaller"))


def image_tag(python: Python) -> str:
    """The name of the image; another recipe or another CPython makes another name."""
    return f"reagent-build-windows:amd64-{digest(_INGREDIENTS, python.sha256)}"


def ensure_image(docker: Docker, python: Python, cache: Path, progress: Progress) -> str:
    """The name of the cross-build image, made if the engine does not hold it.

    Raises:
        BuildError: it cannot be made; the text says why.
    """
    tag = image_tag(python)
    with turn(tag):
        if docker.has_image(tag):
            if old := age.warning(tag, docker.label(tag, age.LABEL), age.today()):
                progress.say(f"warning: {old}")
            return tag
        with turn("base"):
            ensure_base(docker, cache, progress)
        progress.step(f"get CPython for Windows ({python.words}) and PyInstaller")
        archive = ensure_python(python, cache)
        packer = ensure_packer(_PACKER, cache)
        progress.step(f"make the cross-build image {tag} (once; two minutes)")
        more = {f"inputs/{each.name}": each for each in packer} | {"inputs/python": archive}
        build_from(docker, _INGREDIENTS, tag, {"PACKAGES_OF": age.today().isoformat()}, more=more)
    return tag


def inputs(
    repository: Path, wheels: tuple[Path, ...], order: Mapping[str, str], roots: Iterable[Root]
) -> bytes:
    """Everything the container needs, as a tar stream: it mounts nothing."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for folder in ("src/reagent", "build/reagent_build", "build/windows"):
            archive.add(repository / folder, folder, filter=_only_sources)
        archive.add(repository / "build/reagent.spec", "build/reagent.spec")
        for wheel in wheels:
            archive.add(wheel, f"wheels/{wheel.name}")
        files = {f"src/reagent/{root.name}": root.content for root in roots}
        for name, content in (files | {"order.json": json.dumps(order).encode()}).items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def _only_sources(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in member.name else member
