"""The life of a device, played through the real rules on a disk that may lose its power.

A version is a file whose content says how it behaves. A device boots what `Reagent-active` names,
its turn is taken by the agent's own code, and what is executed or committed is remembered: that a
version was proven here is known by what this player saw, not by what the code believes.
"""

from __future__ import annotations

import errno
import hashlib
from contextlib import suppress
from dataclasses import dataclass, field, replace

from reagent.contracts.files import Kind
from reagent.errors import Damaged
from reagent.updates import judge, links
from reagent.updates.drafts import Draft
from reagent.updates.ledger import Ledger
from reagent.updates.parent import Heard
from reagent.updates.quiet import is_quiet
from reagent.updates.seat import Role, Seat
from reagent.updates.staging import Staging
from reagent.updates.state import Trial
from reagent.updates.times import Times
from reagent.updates.turn import Turn
from reagent.updates.vocabulary import ACTIVE, LATEST, PREVIOUS, WORDS, version_file
from tests.fakes.files import FakeFiles

FOLDER = "/opt/reagent"
TIMES = Times(proof=900.0, soak=1800.0)
ELF = b"\x7fELF\x02\x01\x01\x00" + b"\0" * 8 + b"\x02\x00\x3e\x00"


def body(version: str, behaviour: str) -> bytes:
    return ELF + f" {version} {behaviour}".encode()


class Became(BaseException):
    """The process is another version now."""


@dataclass
class Machine:
    """Implements `updates.turn.Machine`: what processes do stands in their files."""

    files: FakeFiles
    boot: str
    world: str = "well"
    clock: float = 0.0
    began: float = 10_000.0
    proven: set[bytes] = field(default_factory=set)
    stop_after: int = -1
    ran: list[str] = field(default_factory=list)

    def now(self) -> float:
        return self.began + self.clock

    def monotonic(self) -> float:
        return self.clock

    def start(self, path: str) -> Child:
        content = self.files.names[path].content
        self.ran.append(path.rpartition("/")[2])
        if not self.files.names[path].mode & 0o100:
            raise OSError(errno.EACCES, "Permission denied")
        if b"noexec" in content:
            raise OSError(errno.ENOEXEC, "Exec format error")
        if b"noroom" in content:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
        return Child(self, content)

    def would_start(self, path: str, state: bytes) -> bool:
        content = self.files.names[path].content
        if b"good" not in content:
            return False
        if state:
            self.proven.add(content)
        return True

    def listen(self) -> None:
        return

    def unlisten(self) -> None:
        return

    def wait(self, seconds: float) -> bool:
        self.clock += seconds
        return False

    def become(self, path: str) -> None:
        raise Became


@dataclass
class Child:
    """Implements `updates.parent.Child`."""

    machine: Machine
    content: bytes
    said: bool = False
    gone: bool = False

    def hear(self, within: float) -> Heard:
        machine = self.machine
        if machine.stop_after == 0:
            return Heard(stop=True)
        machine.stop_after -= 1
        if b"exits" in self.content:
            machine.clock += 1
            return Heard(status=3)
        if b"silent" in self.content:
            machine.clock += within
            return Heard()
        machine.clock += within if self.said else min(within, 50.0)
        if self.said or machine.world != "well" or b"mute" in self.content:
            return Heard(("alive",))
        self.said = True
        return Heard((*(f"reached {word}" for word in WORDS), "up"))

    def end(self, within: float) -> None:
        self.gone = True

    def kill(self) -> None:
        self.gone = True


@dataclass
class Device:
    """A disk, and who ran on it."""

    files: FakeFiles
    boots: int = 0
    world: str = "well"
    proven: set[bytes] = field(default_factory=set)
    machine: Machine | None = None
    clock: float = 0.0
    times: Times = TIMES

    # --- what it finds

    def content_of(self, link: str) -> bytes:
        target = self.files.readlink(f"{FOLDER}/{link}")
        found = self.files.lstat(target)
        assert found.kind is Kind.FILE, f"{link} dangles"
        assert found.mode & 0o111, f"{link} cannot be executed"
        return self.files.read(target, 1 << 20)

    @property
    def links(self) -> links.Links:
        return links.look(self.files, FOLDER)

    def seat(self, own: str, boot: str) -> Seat:
        """As the launcher makes it, for a file of the folder."""
        return Seat(
            role=Role.PROVEN,
            folder=FOLDER,
            files=self.files,
            ledger=Ledger(self.files, FOLDER),
            times=self.times,
            own=own,
            boot=boot,
        )

    # --- what it does

    def begin(self) -> Machine:
        """Power on."""
        self.boots += 1
        self.machine = Machine(
            self.files,
            boot=f"boot-{self.boots}",
            world=self.world,
            proven=self.proven,
            began=10_000.0 + self.clock,
        )
        return self.machine

    def launch(self, machine: Machine) -> Seat | None:
        """Start what `Reagent-active` names, until somebody is the agent."""
        for _ in range(20):
            content = self.content_of(ACTIVE)
            assert content in self.proven or b"arriving" in content, f"ran unproven: {content!r}"
            if content.startswith(b"go"):
                return None
            own = self.links.active
            seat: Seat | None = self.seat(own, machine.boot)
            assert seat is not None
            if is_quiet(seat.ledger.state, self.links, own, machine.now()):
                return seat
            turn = Turn(
                seat,
                machine=machine,
                active=f"{FOLDER}/{ACTIVE}",
                version=own.removeprefix("reagent-v"),
                may_try=True,
            )
            try:
                seat = turn.take()
            except Became:
                continue
            finally:
                self.clock += machine.clock
                machine.began += machine.clock
                machine.clock = 0.0
            return seat
        raise AssertionError("it never settles")

    def live(self, seat: Seat | None) -> bool:
        """Be the agent: judge an attempt where it is asked for.

        Returns:
            Whether the next turn is due.
        """
        if seat is None or seat.role is not Role.PROVEN:
            return False
        if seat.control is not None:
            control, now = seat.control, 10_000.0 + self.clock
            with suppress(OSError):
                seat.ledger.change(
                    lambda state: judge.settled(
                        state, control, now, self.times, well=self.world == "well"
                    )
                )
        trial = seat.ledger.state.trial
        return trial is not None and trial.attempt is None

    def settle(self, starts: int = 8) -> Seat | None:
        """Power on, and go on until no trial is due; pauses are waited for."""
        machine = self.begin()
        seat = self.launch(machine)
        for _ in range(starts):
            if not self.live(seat):
                break
            assert seat is not None
            trial = seat.ledger.state.trial
            wait = trial.due_in(machine.now()) if trial is not None else 0.0
            self.clock += wait
            machine.began += wait
            with suppress(OSError):
                seat.ledger.change(judge.run_closed)
            seat = self.launch(machine)
        return seat


def flashed(version: str = "1.4.0") -> Device:
    """A device that runs one version."""
    files = FakeFiles()
    for folder in ("/opt", FOLDER, f"{FOLDER}/downloads"):
        files.folder(folder)
    content = body(version, "good")
    files.file(f"{FOLDER}/{version_file(version)}", content)
    for link in (ACTIVE, PREVIOUS, LATEST):
        files.link(f"{FOLDER}/{link}", f"{FOLDER}/{version_file(version)}")
    return Device(files, proven={content})


def arrived(behaviour: str = "good arriving") -> Device:
    """A device of the reference, whose manager script just activated a version of ours."""
    device = flashed("1.4.0")
    files = device.files
    device.proven.clear()
    files.file(f"{FOLDER}/reagent-v0.20.20", b"go agent", mtime=100.0)
    files.file(f"{FOLDER}/reagent-v1.4.0", body("1.4.0", behaviour), mtime=600.0)
    files.link(f"{FOLDER}/{PREVIOUS}", f"{FOLDER}/reagent-v0.20.20")
    device.proven.add(b"go agent")
    device.times = Times(proof=8 * 3600.0, soak=1800.0)
    return device


def stage(device: Device, seat: Seat, version: str, behaviour: str) -> bytes:
    """What the fetching side does with a file that came."""
    content = body(version, behaviour)
    put_into_place(seat, version, content)
    Staging(seat, "amd64").schedule(version, hashlib.sha256(content).hexdigest(), len(content))
    return content


def put_into_place(seat: Seat, version: str, content: bytes) -> None:
    """As far as nobody names it yet."""
    staging, digest = Staging(seat, "amd64"), hashlib.sha256(content).hexdigest()
    part = staging.drafts.part(digest, len(content))
    if part is not None:
        with suppress(Damaged):
            _finish(staging, staging.drafts.resume(digest, part.size), version, content)
            return
    _finish(staging, _opened(staging, content), version, content)


def begin(seat: Seat, content: bytes) -> None:
    """Half of it comes, and then the process ends."""
    draft = _opened(Staging(seat, "amd64"), content)
    draft.write(content[: len(content) // 2])
    draft.settle()
    draft.write(content[len(content) // 2 : -10])
    draft.leave()


def _opened(staging: Staging, content: bytes) -> Draft:
    digest = hashlib.sha256(content).hexdigest()
    return staging.drafts.open(digest, mark='"mark"', length=len(content))


def _finish(staging: Staging, draft: Draft, version: str, content: bytes) -> None:
    digest, rest = hashlib.sha256(content).hexdigest(), content[draft.found :]
    half = len(rest) // 2
    draft.write(rest[:half])
    draft.write(rest[half:])
    staging.seal(draft, size=len(content), sha256=digest)
    staging.stage(draft, version, digest)
    draft.discard()


def trial_of(version: str, content: bytes, **other: object) -> Trial:
    digest = hashlib.sha256(content).hexdigest()
    trial = Trial(file=version_file(version), version=version, sha256=digest, size=len(content))
    return replace(trial, **other)  # type: ignore[arg-type]
