"""`reagent flash`: a device's folder and service, written into a mounted image or a folder.

    reagent flash --root /mnt/card --config 17-4021.flock

Plan, print, then do. Nothing of the image is run, so it may be for another processor: then the
executable for it is named, and the version that it is.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from reagent.commands import unit
from reagent.commands.flash import DEVICE_FILE, check, flash, put
from reagent.commands.parsing import DONE, NOT_DONE, Parser, add_agent_dir
from reagent.commands.terminal import Bar, complain, say
from reagent.errors import BadRequest, BadVersion, DeviceFileBroken, ReagentError
from reagent.settings import stamp
from reagent.updates import elf
from reagent.updates.semver import Version

_LARGEST_DEVICE_FILE: Final = 1 << 20
_ANSWER_S: Final = 60
_OWN: Final = Path("/proc/self/exe" if sys.platform == "linux" else sys.executable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be flashed.

    Attributes:
        root: where the device's `/` is.
        agent_dir: the folder on the device.
        unit: the service's text; empty where the image brings its own service.
    """

    root: Path
    agent_dir: PurePosixPath
    device_file: bytes
    executable: Path
    version: str
    unit: str

    @property
    def folder(self) -> Path:
        """The folder as it can be written here."""
        return self.root / self.agent_dir.relative_to("/")

    @property
    def unit_file(self) -> Path:
        """Where the unit goes."""
        return self.root / unit.FOLDER.lstrip("/") / unit.NAME

    def described(self) -> Iterator[str]:
        """The plan, line by line."""
        yield f"write {self.folder}/{DEVICE_FILE} (0600)"
        yield f"write {self.folder}/reagent-v{self.version} from {self.executable}"
        yield f"link  {self.folder}/Reagent-active, -previous, -latest to it"
        if self.unit:
            yield f"write {self.unit_file}, enabled for {unit.WANTED_BY}"
        else:
            yield "keep  the service that the image brings, it starts Reagent-active"


def main(typed: Sequence[str]) -> int:
    """Exit status: 0 flashed or shown, 1 not, 2 misused."""
    options = _parser().parse_args(typed)
    try:
        order = _order(options)
        for line in order.described():
            say(line)
        if not options.dry_run:
            carry_out(order)
            say("flashed")
    except ReagentError as error:
        complain(str(error))
        return NOT_DONE
    except OSError as error:
        complain(f"{error.filename or options.root}: {error.strerror or error}")
        return NOT_DONE
    return DONE


def carry_out(order: Order) -> None:
    """Write all of it; `Reagent-active` and the service last.

    Raises:
        ReagentError: the device file is none.
        OSError: it cannot be written.
    """
    bar = Bar("copying")
    try:
        flash(
            order.folder,
            order.device_file,
            order.executable,
            order.version,
            seen_as=str(order.agent_dir),
            told=bar.show,
        )
    finally:
        bar.end()
    if order.unit:
        order.unit_file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        put(order.unit_file, order.unit.encode(), 0o644)
        _enable(order.unit_file)


def read_device_file(path: Path) -> bytes:
    """A device file that an agent could come online with.

    Raises:
        DeviceFileBroken: it is missing or unusable; the text names it and says why.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_DEVICE_FILE + 1)
    except OSError as error:
        raise DeviceFileBroken(f"{path}: {error.strerror or error}") from error
    if len(content) > _LARGEST_DEVICE_FILE:
        raise DeviceFileBroken(f"{path} is larger than any device file")
    try:
        check(content)
    except DeviceFileBroken as error:
        raise DeviceFileBroken(f"{path}: {error}") from error
    return content


def own_executable() -> Path:
    """The file that runs.

    Raises:
        BadRequest: an interpreter runs us, so there is none.
    """
    if stamp.FREEZER == "source":
        raise BadRequest("this is no executable but a source tree: name one with --executable FILE")
    return _OWN.resolve()


def _order(options: argparse.Namespace) -> Order:
    root = Path(options.root).resolve()
    if not root.is_dir():
        raise BadRequest(f"--root {options.root} is no folder")
    agent_dir = PurePosixPath(options.agent_dir)
    if not agent_dir.is_absolute() or ".." in agent_dir.parts:
        raise BadRequest(f"-agentDir {options.agent_dir} is no absolute path")
    for folder in (agent_dir, PurePosixPath(unit.FOLDER)):
        _demand_within(root, folder)
    executable = Path(options.executable).resolve() if options.executable else own_executable()
    _demand_fit(root, executable)
    return Order(
        root=root,
        agent_dir=agent_dir,
        device_file=read_device_file(Path(options.config)),
        executable=executable,
        version=_version(options, executable),
        unit="" if options.no_service or _has_service(root) else _unit(agent_dir),
    )


def _version(options: argparse.Namespace, executable: Path) -> str:
    said = options.version
    if not said and not options.executable:
        said = stamp.VERSION
    if not said:
        try:
            done = subprocess.run(
                (str(executable), "-version"),
                capture_output=True, text=True, check=False, timeout=_ANSWER_S,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BadRequest(
                f"{executable} does not run here, so say what it is: --version 1.2.3"
            ) from error
        said = done.stdout.strip()
    try:
        return str(Version.parse(said))
    except BadVersion as error:
        raise BadRequest(f"{executable}: {said!r} is no version") from error


def _demand_within(root: Path, folder: PurePosixPath) -> None:
    """A link of the image must not lead out of it, into this machine.

    Raises:
        BadRequest: it does.
    """
    there = (root / folder.relative_to("/")).resolve()
    if not there.is_relative_to(root):
        raise BadRequest(
            f"{folder} of the image is a link that leads out of {root}, to {there}:"
            " mount what it should lead to, and name the folder with -agentDir"
        )


def _demand_fit(root: Path, executable: Path) -> None:
    """An image for another processor is noticed where its init can be looked at.

    Raises:
        BadRequest: the executable does not run there, or is none.
    """
    ours = _head(executable)
    if ours[:4] != b"\x7fELF":
        raise BadRequest(f"{executable} is no ELF executable")
    for name in ("sbin/init", "usr/lib/systemd/systemd", "bin/sh", "bin/busybox"):
        theirs = _head(root / name)
        if theirs[:4] == b"\x7fELF" and not _runs_with(ours, theirs):
            raise BadRequest(
                f"{executable} is for another processor than {root}:"
                f" ELF machine {_machine(ours)}, and {name} there is {_machine(theirs)}"
            )


def _runs_with(ours: bytes, theirs: bytes) -> bool:
    # A processor of 64 bits runs what its sibling of 32 does.
    pairs = {("386", "amd64"), ("armv7", "arm64")}
    known = {(elf.MACHINES[small][0], elf.MACHINES[large][0]) for small, large in pairs}
    return _machine(ours) == _machine(theirs) or (_machine(ours), _machine(theirs)) in known


def _machine(head: bytes) -> int:
    return int.from_bytes(head[18:20], "little")


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(elf.HEADER)
    except OSError:
        return b""


def _has_service(root: Path) -> bool:
    for folder in (unit.FOLDER, *unit.OTHER_FOLDERS):
        path = root / folder.lstrip("/") / unit.NAME
        try:
            if not unit.is_ours(path.read_text(encoding="utf-8", errors="replace")):
                return True
        except OSError:
            continue
    return False


def _unit(agent_dir: PurePosixPath) -> str:
    try:
        return unit.text(agent_dir=str(agent_dir), config=f"{agent_dir}/{DEVICE_FILE}")
    except ValueError as error:
        raise BadRequest(str(error)) from error


def _enable(unit_file: Path) -> None:
    wants = unit_file.parent / f"{unit.WANTED_BY}.wants"
    wants.mkdir(mode=0o755, exist_ok=True)
    link = wants / unit.NAME
    if not link.is_symlink():
        link.symlink_to(f"{unit.FOLDER}/{unit.NAME}")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="reagent flash",
        description="Write an agent, its device file and its service into a mounted image or"
        " folder. Shows the plan first. Exit status: 0 done, 1 not done, 2 misused.",
    )
    parser.add_argument("--root", required=True, metavar="DIR", help="where the device's / is")
    parser.add_argument("--config", required=True, metavar="FILE", help="the device file")
    parser.add_argument(
        "--executable", metavar="FILE", help="what is flashed (default: this very file)"
    )
    parser.add_argument("--version", metavar="X.Y.Z", help="of --executable, if it cannot run here")
    parser.add_argument("--no-service", action="store_true", help="write no systemd unit")
    parser.add_argument("--dry-run", action="store_true", help="show the plan and stop")
    add_agent_dir(parser)
    return parser
