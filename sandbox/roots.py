"""Root file systems that a device may have, and the surroundings an agent may be started in.

The trees come from Debian's archive, extracted and never configured, and are kept in
`.cache/roots`. A device sees one through an overlay in memory: nothing that runs there changes it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from sandbox import packages
from sandbox.paths import cache
from sandbox.processes import SandboxError, run

_ENTER: Final = Path(__file__).with_name("enter.py")
_BUILD_S: Final = 600.0

Mount = tuple[str, str, str, str]
"""Kind, source, target below the root, options: `("tmpfs", "", "/tmp", "noexec,mode=1777")`."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a tree is extracted from."""

    suite: str
    packages: tuple[str, ...]


_NAMES: Final = ("libnss-myhostname", "libnss-mymachines", "libnss-systemd", "libnss-resolve")
RECIPES: Final[Mapping[str, Recipe]] = {
    # What Alpine is to a program: musl and busybox, and nothing of glibc anywhere.
    "alpine": Recipe("trixie", ("busybox-static", "musl")),
    # The oldest that Debian's mirrors still hold, with all that its nsswitch.conf may name.
    "oldest": Recipe(
        "bullseye",
        ("base-files", "ca-certificates", "libc-bin", "libc6", "libnss-mdns", "libnss-sss",
         "libnss-winbind", "netbase", "openssl", *_NAMES),
    ),
    "current": Recipe("trixie", ("base-files", "ca-certificates", "libc-bin", "libc6", *_NAMES)),
    "systemd": Recipe(
        "trixie",
        ("base-files", "ca-certificates", "coreutils", "libc-bin", "libc6", "systemd"),
    ),
}  # fmt: skip


def tree(name: str) -> Path:
    """A tree of the table above, made when it is not there: up to half a minute.

    Raises:
        SandboxError: It cannot be made, with the reason.
    """
    recipe = RECIPES[name]
    digest = hashlib.sha256(repr(recipe).encode()).hexdigest()[:12]
    folder = cache("roots")
    made = folder / f"{name}-{digest}"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run may be making it
        if made.exists():
            return made
        bootstrap = packages.program("mmdebstrap")
        if bootstrap is None:
            raise SandboxError(f"Missing:\n{packages.describe([packages.MMDEBSTRAP])}")
        partial = folder / f".{made.name}"
        shutil.rmtree(partial, ignore_errors=True)
        run(
            [bootstrap, "--quiet", "--variant=extract", "--format=directory",
             f"--include={','.join(recipe.packages)}", recipe.suite, str(partial),
             *_source(recipe.suite)],
            _BUILD_S,
        )  # fmt: skip
        shutil.rmtree(partial / "usr/share", ignore_errors=True)
        partial.rename(made)
    return made


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an agent is started in. The root is left alone where none is named.

    Attributes:
        root: The folder that becomes `/`; it must exist, and `mounts` may cover it.
        mounts: Done one after the other, before files are written.
        late_mounts: Done after that.
        files: Path and text of files that are put there, in the place of others.
        copies: Files of this machine and where they go.
        removed: Files and folders that are taken away first.
        unset: Variables that the agent does not get.
        umask: Its umask.
        open_files: Its limit of open files.
        closed: Descriptors that are closed when it starts.
        cwd: `deleted`: it starts in a folder that is gone.
        init: Whether it is process 1 of a process namespace.
        cgroup: A control group (version 2) that it is moved into, and sees as the root of all.
    """

    root: str = ""
    mounts: tuple[Mount, ...] = ()
    late_mounts: tuple[Mount, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    copies: tuple[tuple[str, str], ...] = ()
    removed: tuple[str, ...] = ()
    unset: tuple[str, ...] = ()
    umask: int | None = None
    open_files: int = 0
    closed: tuple[int, ...] = ()
    cwd: str = ""
    init: bool = False
    cgroup: str = ""

    @property
    def prefix(self) -> tuple[str, ...]:
        """The beginning of a command line that runs the rest of it in here."""
        return (sys.executable, "-I", "-S", str(_ENTER), json.dumps(asdict(self)))


def mounted(name: str, point: Path, *shared: Path) -> tuple[Mount, ...]:
    """A tree as the root of somebody who may write to it, with /proc, /dev, and folders of ours.

    Args:
        name: Of the table.
        point: An empty folder, which becomes the root.
        shared: Folders that are seen there under the name they have here.
    """
    point.mkdir(parents=True, exist_ok=True)
    return (
        ("overlay", str(tree(name)), "", ""),
        ("proc", "", "/proc", ""),
        ("bind", "/dev", "/dev", ""),
        ("tmpfs", "", "/run", "mode=755"),
        *(("bind", str(folder), str(folder), "") for folder in shared),
    )


def _source(suite: str) -> list[str]:
    """The suite on the mirror that this host uses itself; empty: mmdebstrap knows one."""
    apt = packages.program("apt-get")
    if apt is None:
        return []
    form = "$(REPO_URI)|$(ORIGIN)|$(LABEL)"
    rows = run([apt, "indextargets", "--format", form, "Created-By: Packages"]).splitlines()
    found = [row.split("|")[0] for row in rows if row.endswith("|Debian|Debian")]
    return [f"deb {address} {suite} main" for address in found[:1]]
