"""reagent.exe: the official CPython and the application, packed by PyInstaller under wine.

docs/decisions/0013-windows.md says why so, what of it was run, and how it is signed.
"""

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from reagent_build.container import Docker
from reagent_build.errors import BuildError
from reagent_build.freezers import Workshop
from reagent_build.images import BUILD, ensure_base
from reagent_build.plan import Plan
from reagent_build.progress import Progress
from reagent_build.sbom_facts import Facts, Runtime
from reagent_build.sbom_runtimes import boot_loader, said
from reagent_build.wheels import ensure_wheels
from reagent_build.windows_inputs import Python, ensure_packer, ensure_python

_DOCKERFILE: Final = "images/windows.Dockerfile"
# What goes into the image, relative to build/: a change of anything else needs no new one.
_INGREDIENTS: Final = (
    _DOCKERFILE,
    "reagent_build/inside/embeddable.py",
    "windows/microsoft-root-2020.pem",
    "windows/python.toml",
)
_REQUIREMENTS: Final = BUILD / "requirements-windows.txt"
RUNTIME_REQUIREMENTS: Final = BUILD / "requirements-runtime.txt"
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


def image(_plan: Plan, workshop: Workshop) -> str:
    """The image it is packed in, empty where there is none yet."""
    tag = image_tag(Python.chosen(BUILD / "windows/python.toml", os.environ))
    return tag if workshop.docker.has_image(tag) else ""


def freeze(plan: Plan, workshop: Workshop, partial: Path) -> None:
    """Make reagent.exe; it was run under wine when this returns.

    Raises:
        BuildError: with what is missing or what a tool said.
    """
    made_in = ensure_image(workshop.docker, workshop.cache, workshop.progress, os.environ)
    workshop.progress.step("get the wheels (once for each requirements-runtime.txt)")
    wheels = ensure_wheels(RUNTIME_REQUIREMENTS, workshop.cache)
    workshop.progress.step(f"pack {plan.target} and run it under wine")
    order = {"version": plan.version, "arch": plan.target.stamp, "commit": plan.commit}
    answer, messages = workshop.docker.filter(
        made_in, ("sh", "-c", _INSIDE), inputs(workshop.repository, wheels, order)
    )
    for line in messages.strip().splitlines():
        workshop.progress.say(f"  {line}")
    with tarfile.open(fileobj=io.BytesIO(answer)) as archive:
        executable = archive.extractfile("reagent.exe")
        if executable is None:
            raise BuildError("the container sent no executable")
        partial.write_bytes(executable.read())
    Facts(
        wheels=[str(wheel) for wheel in wheels],
        requirements=str(RUNTIME_REQUIREMENTS),
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
    pinned = re.search(r"^pyinstaller==(\S+)", _REQUIREMENTS.read_text(), re.MULTILINE)
    yield boot_loader(pinned[1] if pinned else "unknown")


def image_tag(python: Python) -> str:
    """The name of the image; another recipe or another CPython makes another name."""
    digest = hashlib.sha256(python.sha256.encode() + _REQUIREMENTS.read_bytes())
    for name in _INGREDIENTS:
        content = (BUILD / name).read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return f"reagent-build-windows:amd64-{digest.hexdigest()[:12]}"


def ensure_image(
    docker: Docker, cache: Path, progress: Progress, environment: Mapping[str, str]
) -> str:
    """The name of the cross-build image, made if the engine does not hold it.

    Raises:
        BuildError: it cannot be made; the text says why.
    """
    python = Python.chosen(BUILD / "windows/python.toml", environment)
    tag = image_tag(python)
    if docker.has_image(tag):
        return tag
    ensure_base(docker, cache, progress)
    progress.step(f"get CPython for Windows ({python.words}) and PyInstaller")
    archive = ensure_python(python, cache)
    packer = ensure_packer(_REQUIREMENTS, cache)
    progress.step(f"make the cross-build image {tag} (once; two minutes)")
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        files = {name: BUILD / name for name in _INGREDIENTS}
        files |= {f"inputs/{each.name}": each for each in packer} | {"inputs/python": archive}
        for name, source in files.items():
            (context / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, context / name)
        docker.build(context, _DOCKERFILE, tag, {})
    return tag


def inputs(repository: Path, wheels: tuple[Path, ...], order: Mapping[str, str]) -> bytes:
    """Everything the container needs, as a tar stream: it mounts nothing."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for folder in ("src/reagent", "build/reagent_build", "build/windows"):
            archive.add(repository / folder, folder, filter=_only_sources)
        archive.add(repository / "build/reagent.spec", "build/reagent.spec")
        for wheel in wheels:
            archive.add(wheel, f"wheels/{wheel.name}")
        content = json.dumps(order).encode()
        member = tarfile.TarInfo("order.json")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def _only_sources(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in member.name else member
