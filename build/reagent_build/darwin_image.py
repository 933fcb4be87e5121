"""The cross-build image of the darwin executables, one for each processor."""

import hashlib
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from reagent_build import age
from reagent_build.container import Docker
from reagent_build.errors import BuildError
from reagent_build.images import BASE, BUILD, build_from, digest, ensure_base
from reagent_build.progress import Progress
from reagent_build.turns import turn

# Stamp -> what zig calls it: the oldest macOS that runs on both processors.
ZIG_TARGETS: Final[Mapping[str, str]] = {
    "amd64": "x86_64-macos.11.0",
    "arm64": "aarch64-macos.11.0",
}
_INGREDIENTS: Final = (
    "images/darwin.Dockerfile",
    "darwin/config.site",
    "darwin/cpython.sh",
    "darwin/darwin-cc",
    "darwin/libraries.sh",
    "darwin/openssl.sh",
    "reagent_build/inside/darwin_setup.py",
    "reagent_build/inside/darwin_sources.py",
    "requirements-zig.txt",
    "static/extensions.toml",
)
_REQUIREMENTS: Final = BUILD / "requirements-zig.txt"
# What `uname -m` says here, where the engine is, too -> pip's name for it.
_PLATFORMS: Final[Mapping[str, str]] = {
    "x86_64": "manylinux_2_12_x86_64",
    "aarch64": "manylinux_2_17_aarch64",
    "arm64": "manylinux_2_17_aarch64",
}


def darwin_tag(arch: str, base: str) -> str:
    """The name of the image for a processor; another recipe makes another name.

    `base` is the id of the image that it is made from: once that is made anew, with Debian's
    updates, this one follows.
    """
    return f"reagent-build-darwin:{arch}-{digest(_INGREDIENTS, base)}"


def darwin_image(docker: Docker, arch: str) -> str:
    """The id of the image for a processor; empty where it is not there yet."""
    if not docker.has_image(BASE):
        return ""
    tag = darwin_tag(arch, docker.image_id(BASE))
    return docker.image_id(tag) if docker.has_image(tag) else ""


def ensure_darwin(docker: Docker, arch: str, cache: Path, progress: Progress) -> str:
    """The name of the image, made if the engine does not hold it.

    Raises:
        BuildError: it cannot be made; the text says why.
    """
    ensure_base(docker, cache, progress)
    tag = darwin_tag(arch, docker.image_id(BASE))
    with turn(tag):
        if docker.has_image(tag):
            if old := age.warning(tag, docker.label(tag, age.LABEL), age.today()):
                progress.say(f"warning: {old}")
            return tag
        progress.step("get zig (once for each requirements-zig.txt)")
        wheel = ensure_zig(cache)
        progress.step(f"make the cross-build image {tag} (once; five minutes on two processors)")
        arguments = {
            "DARWIN_TARGET": ZIG_TARGETS[arch],
            "PACKAGES_OF": age.today().isoformat(),
        }
        build_from(docker, _INGREDIENTS, tag, arguments, more={f"zig/{wheel.name}": wheel})
    return tag


def ensure_zig(cache: Path) -> Path:
    """The wheel that holds zig, fetched by the host's own pip, once.

    Raises:
        BuildError: there is none for this machine, or pip cannot get it.
    """
    machine = platform.machine()
    if machine not in _PLATFORMS:
        raise BuildError(f"zig is pinned for engines on amd64 and arm64, and this is {machine}")
    pinned = hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()[:12]
    folder = cache / f"zig-{machine}-{pinned}"
    with turn(str(folder)):
        if not folder.exists():
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(
                dir=cache, prefix="partial-", ignore_cleanup_errors=True
            ) as partial:
                _fetch(_PLATFORMS[machine], Path(partial))
                # Whoever came first is as good.
                with suppress(OSError):
                    Path(partial).rename(folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


def _fetch(name: str, target: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes",
         "--only-binary=:all:", f"--platform={name}", f"--dest={target}",
         f"--requirement={_REQUIREMENTS}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BuildError(f"pip cannot get zig:\n{(done.stdout + done.stderr)[-3000:].strip()}")
