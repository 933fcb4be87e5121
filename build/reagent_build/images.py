"""The cross-build containers: made once, named after what they are made from."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from reagent_build import age, children
from reagent_build.container import Docker
from reagent_build.errors import BuildError
from reagent_build.progress import Progress
from reagent_build.targets import Debian
from reagent_build.turns import turn

BUILD: Final = Path(__file__).resolve().parent.parent
BASE: Final = "debian:trixie"
_SUITE: Final = "trixie"
# What goes into the images, relative to build/: a change of anything else needs no new ones.
_COMMON: Final = ("images/static-common.Dockerfile", "images/archives.txt")
_INGREDIENTS: Final = (
    "images/static.Dockerfile",
    "images/same-versions.sh",
    "images/standins.txt",
    "reagent_build/__init__.py",
    "reagent_build/inside/__init__.py",
    "reagent_build/inside/toolchain.py",
    "static/extensions.toml",
)
_REPOSITORY: Final = "reagent-build-static"


def common_tag() -> str:
    """The name of the image that those of all architectures are made from."""
    return f"{_REPOSITORY}:common-{digest(_COMMON)}"


def static_tag(debian: Debian, common: str) -> str:
    """The name of the image for one architecture; another recipe makes another name.

    `common` is the id of the image that it is made from: once that is made anew, with Debian's
    updates, all architectures follow, and none is linked from older archives than another.
    """
    return f"{_REPOSITORY}:{debian.architecture}-{digest(_INGREDIENTS, common)}"


def ensure_static(docker: Docker, debian: Debian, cache: Path, progress: Progress) -> str:
    """The name of the cross-build image, made if the engine does not hold it.

    Raises:
        BuildError: it cannot be made; the text says why.
    """
    with turn(common_tag()):
        common = ensure_common(docker, cache, progress)
    tag = static_tag(debian, common)
    with turn(tag):
        if docker.has_image(tag):
            if old := age.warning(tag, docker.label(tag, age.LABEL), age.today()):
                progress.say(f"warning: {old}")
            return tag
        progress.step(f"make the cross-build image {tag} (once; about a minute)")
        arguments = {
            "COMMON": common,
            "COMPILER": debian.compiler,
            "DEBIAN_ARCH": debian.architecture,
            "MULTIARCH": debian.multiarch,
        }
        build_from(docker, _INGREDIENTS, tag, arguments)
    return tag


def static_image(docker: Docker, debian: Debian) -> str | None:
    """The name of the cross-build image, if the engine holds it."""
    if not docker.has_image(common_tag()):
        return None
    tag = static_tag(debian, docker.image_id(common_tag()))
    return tag if docker.has_image(tag) else None


def ensure_common(docker: Docker, cache: Path, progress: Progress) -> str:
    """The id of the image that those of all architectures are made from.

    Raises:
        BuildError: it cannot be made; the text says why.
    """
    tag = common_tag()
    if not docker.has_image(tag):
        ensure_base(docker, cache, progress)
        make_common(docker, progress)
    return docker.image_id(tag)


def make_common(docker: Docker, progress: Progress, *, fresh: bool = False) -> None:
    """Make the image that those of all architectures are made from, and with it all of them anew.

    `fresh`: ask the mirrors for everything.

    Raises:
        BuildError: it cannot be made; the text says why.
    """
    progress.step(f"make the image {common_tag()} (once; about half a minute)")
    today = {"PACKAGES_OF": age.today().isoformat()}
    build_from(docker, _COMMON, common_tag(), today, fresh=fresh)


def build_from(
    docker: Docker,
    ingredients: Sequence[str],
    tag: str,
    arguments: Mapping[str, str],
    *,
    more: Mapping[str, Path] = MappingProxyType({}),
    fresh: bool = False,
) -> None:
    """Build an image from files of build/, the first of which is its recipe, and from `more`.

    Raises:
        BuildError: with the end of the builder's output.
    """
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        for name, file in {**{name: BUILD / name for name in ingredients}, **more}.items():
            (context / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, context / name)
        docker.build(context, ingredients[0], tag, {**arguments, **_proxy()}, fresh=fresh)


def digest(ingredients: Sequence[str], *more: str) -> str:
    """What an image is named after: the files of build/ that it is made from, and `more`."""
    made_from = hashlib.sha256("".join(more).encode())
    for name in ingredients:
        content = (BUILD / name).read_bytes()
        made_from.update(f"{name} {len(content)}\n".encode() + content)
    return made_from.hexdigest()[:12]


def ensure_base(docker: Docker, cache: Path, progress: Progress, *, fresh: bool = False) -> None:
    """Debian's image under its usual name, from a registry or from Debian's archive itself.

    `fresh`: also where there is one.

    Raises:
        BuildError: neither can be had.
    """
    with turn(BASE):
        if fresh or not docker.has_image(BASE):
            _make_base(docker, cache, progress, fresh=fresh)


def _make_base(docker: Docker, cache: Path, progress: Progress, *, fresh: bool) -> None:
    progress.step(f"get the base image {BASE}")
    refusal = docker.pull(BASE)
    if refusal is None:
        return
    if shutil.which("mmdebstrap") is None:
        raise BuildError(
            f"no registry gives {BASE} ({refusal}), and mmdebstrap, which makes it, is not"
            " installed (apt-get install mmdebstrap debian-archive-keyring)"
        )
    progress.step(f"make {BASE} with mmdebstrap, as no registry gives it")
    root = cache / f"{_SUITE}.tar"
    if fresh or not root.exists():
        cache.mkdir(parents=True, exist_ok=True)
        partial = root.with_suffix(f".{os.getpid()}.tar")
        _bootstrap(partial)
        partial.replace(root)
    docker.import_root(root, BASE)


def _bootstrap(target: Path) -> None:
    command = (
        "mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates", _SUITE,
        str(target), *sources(_index_targets()),
    )  # fmt: skip
    try:
        done = children.run(command)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    if done.returncode:
        target.unlink(missing_ok=True)
        said = (done.stdout + done.stderr).decode(errors="replace")
        raise BuildError(f"mmdebstrap failed:\n{said[-3000:].strip()}")


def sources(index_targets: Iterable[str]) -> list[str]:
    """Package sources for the base image, on the mirrors that this host uses itself.

    Each line of `index_targets` is `repository address|origin|label`. On a host without Debian
    mirrors the answer is empty, and mmdebstrap uses its own default.
    """
    rows = [
        line.split("|")
        for line in index_targets
        if line.count("|") == 2 and line.startswith(("http://", "https://"))
    ]
    main = [address for address, origin, label in rows if (origin, label) == ("Debian", "Debian")]
    security = [address for address, _, label in rows if label == "Debian-Security"]
    if not main:
        return []
    lines = [f"deb {main[0]} {suite} main" for suite in (_SUITE, f"{_SUITE}-updates")]
    return lines + [f"deb {address} {_SUITE}-security main" for address in security[:1]]


def _index_targets() -> list[str]:
    if shutil.which("apt-get") is None:
        return []
    return subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)|$(ORIGIN)|$(LABEL)",
         "Created-By: Packages"],
        capture_output=True, text=True, check=False,
    ).stdout.splitlines()  # fmt: skip


def _proxy() -> dict[str, str]:
    """What the host's own apt goes through; every builder knows these two arguments."""
    if shutil.which("apt-config") is None:
        return {}
    found = {}
    for scheme in ("http", "https"):
        said = subprocess.run(
            ["apt-config", "shell", "PROXY", f"Acquire::{scheme}::Proxy"],
            capture_output=True, text=True, check=False,
        ).stdout.strip()  # fmt: skip
        address = said.removeprefix("PROXY=").strip("'")
        if address and address != "DIRECT":
            found[f"{scheme}_proxy"] = address
    return found
