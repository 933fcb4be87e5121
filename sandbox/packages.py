"""The Debian (or Ubuntu) packages the sandbox and the build stand on, and what each is for."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Package:
    """A Debian package, one program (or file) that shows it is there, and what it is for."""

    name: str
    shows: str
    purpose: str


DOCKER: Final = Package("docker.io", "dockerd", "a Docker engine of the sandbox's own")
CONTAINERD: Final = Package("containerd", "containerd", "what a Docker engine runs containers with")
RUNC: Final = Package("runc", "runc", "what starts a container in the end")
REGISTRY: Final = Package("docker-registry", "docker-registry", "the registry that apps come from")
BUSYBOX: Final = Package("busybox-static", "busybox", "the whole userland of the demo's apps")
IPROUTE: Final = Package("iproute2", "ip", "the bridge of the sandbox's engine")
IPTABLES: Final = Package("iptables", "iptables", "the Docker engine looks for it when it starts")
MMDEBSTRAP: Final = Package(
    "mmdebstrap", "mmdebstrap", "the base of the build image, where no registry answers"
)
KEYRING: Final = Package(
    "debian-archive-keyring",
    "/usr/share/keyrings/debian-archive-keyring.gpg",
    "what mmdebstrap trusts; Ubuntu does not bring it",
)
# Newer releases keep the client out of docker.io; older ones have no such package and need none.
CLIENT: Final = Package("docker-cli", "docker", "the client that the build talks to an engine with")
BINUTILS: Final = Package("binutils", "readelf", "tests look into the executable with it")
QEMU: Final = Package(
    "qemu-user-static", "qemu-arm-static", "executables of other processors run by it"
)
STRACE: Final = Package("strace", "strace", "tests see with it which files the executable opens")
VENV: Final = Package("python3-venv", "", "environments for Python packages")

ENGINE: Final = (DOCKER, CONTAINERD, RUNC, IPROUTE, IPTABLES)
SERVICES: Final = (REGISTRY, BUSYBOX)
# After ENGINE, which may bring the client.
BUILD: Final = (CLIENT, MMDEBSTRAP, KEYRING)
EVERYTHING: Final = (*ENGINE, *SERVICES, MMDEBSTRAP, KEYRING, BINUTILS, QEMU, STRACE, VENV)

SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class PackagesMissing(Exception):
    """Packages are missing and could not be installed; the text says which, and what to type."""


def program(name: str) -> str | None:
    """Where program `name` is; a plain user's PATH often lacks the `sbin` folders."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}")


def is_installed(package: Package) -> bool:
    """Whether what the package brings is there; who brought it is of no interest."""
    if package is VENV:
        return _has_venv()
    if package is BUSYBOX:
        return busybox() is not None
    if package.shows.startswith("/"):
        return Path(package.shows).exists()
    return program(package.shows) is not None


def missing(wanted: Iterable[Package] = EVERYTHING) -> tuple[Package, ...]:
    """Those of `wanted` that are not there."""
    return tuple(package for package in wanted if not is_installed(package))


def describe(packages: Iterable[Package]) -> str:
    """One line a package: its name and what it is for."""
    return "\n".join(f"  {package.name:<16} {package.purpose}" for package in packages)


def busybox() -> Path | None:
    """A busybox that runs in an empty image, which only a static one does."""
    for name in ("/bin/busybox", "/usr/bin/busybox", program("busybox")):
        if name and Path(name).is_file() and not _has_interpreter(Path(name)):
            return Path(name).resolve()
    return None


def try_to_have(wanted: Iterable[Package], say: Progress) -> None:
    """Install what is useful and may not be needed: where it cannot be had, that is said."""
    try:
        ensure(wanted, say)
    except PackagesMissing as error:
        say(str(error))


def ensure(wanted: Iterable[Package], say: Progress) -> None:
    """Install those of `wanted` that are missing.

    No service is enabled, started or restarted by it: the sandbox runs its own, and what the host
    does at its next boot is none of its business.

    Raises:
        PackagesMissing: Something is missing and apt, or the right to use it, is missing too; or
            apt failed.
    """
    absent = missing(wanted)
    if not absent:
        return
    names = [package.name for package in absent]
    command = f"apt-get install {' '.join(names)}"
    if program("apt-get") is None:
        raise PackagesMissing(f"Missing here, and there is no apt-get:\n{describe(absent)}")
    if os.geteuid() != 0:
        raise PackagesMissing(
            f"Missing here, and only root can install it:\n{describe(absent)}\nTry: sudo {command}"
        )
    say(f"installing {', '.join(names)}")
    _apt(["update", "-qq"], say, tolerant=True)
    _apt(["install", "-y", "-qq", "--no-install-recommends", *names], say)
    absent = missing(absent)
    if absent:
        raise PackagesMissing(f"apt-get installed it, yet it is not there:\n{describe(absent)}")


def _apt(arguments: list[str], say: Progress, *, tolerant: bool = False) -> None:
    with tempfile.TemporaryDirectory(prefix="reagent-apt-") as folder:
        path = f"{_quiet_services(Path(folder))}:{os.environ.get('PATH', '')}:{SYSTEM_PATH}"
        environment = {
            **os.environ,
            "DEBIAN_FRONTEND": "noninteractive",
            "NEEDRESTART_SUSPEND": "1",
            "LC_ALL": "C.UTF-8",
            "PATH": path,
        }
        done = subprocess.run(
            # apt gives the packages' scripts a PATH of its own unless told otherwise.
            ["apt-get", "-o", f"DPkg::Path={path}", *arguments],
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=900,
            stdin=subprocess.DEVNULL,
        )
    if done.returncode == 0:
        return
    reason = "\n".join(f"    {line}" for line in (done.stderr or done.stdout).splitlines()[-8:])
    if tolerant:
        say(f"apt-get {arguments[0]} failed; going on with the lists that are there")
        return
    raise PackagesMissing(f"apt-get {' '.join(arguments)} failed:\n{reason}")


def _quiet_services(folder: Path) -> Path:
    """A folder of programs that do nothing, instead of those that enable and start services."""
    for name in (
        "deb-systemd-helper",
        "deb-systemd-invoke",
        "invoke-rc.d",
        "service",
        "update-rc.d",
    ):
        script = folder / name
        script.write_text("#!/bin/sh\nexit 0\n", encoding="ascii")
        script.chmod(0o755)
    return folder


def _has_interpreter(file: Path) -> bool:
    """Whether an ELF file asks for a dynamic linker (a PT_INTERP segment)."""
    with file.open("rb") as stream:
        head = stream.read(4096)
    if head[:4] != b"\x7fELF":
        return True
    wide = head[4] == 2
    start = int.from_bytes(head[32:40] if wide else head[28:32], "little")
    size = int.from_bytes(head[54:56] if wide else head[42:44], "little")
    count = int.from_bytes(head[56:58] if wide else head[44:46], "little")
    kinds = [int.from_bytes(head[start + i * size :][:4], "little") for i in range(count)]
    return 3 in kinds


def _has_venv() -> bool:
    try:
        import ensurepip  # noqa: F401, PLC0415 - Debian leaves it out of python3-minimal
        import venv  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True
