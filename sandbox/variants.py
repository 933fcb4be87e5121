"""Many versions of one executable, without building it again.

Two texts lie in a static one as they are: the version, and the command that starts the application.
A variant is a copy in which one or both are overwritten in place; every other byte is the built
one. So twenty versions cost as much as writing them, and how one is broken is a few lines of
Python. An executable of PyInstaller gets other contents under two names of its archive.
"""

import hashlib
import marshal
import tomllib
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final, Protocol

from reagent_build.freezers.pyinstaller import SETTLED
from sandbox.bundles import Bundle
from sandbox.paths import REPOSITORY
from sandbox.processes import SandboxError

_SPEC: Final = REPOSITORY / "build/reagent.spec"
# wchar_t on every Linux.
_ENCODING: Final = "utf-32-le"

_VERSION: Final = "reagent/version.txt"
_RUN: Final = """
import sys
from reagent.__main__ import main
if "-config" in sys.argv or "launch-check" in sys.argv:
    {}
raise SystemExit(main())
"""


class Broken(Enum):
    """How a version is broken, as an agent. It answers and launches as a good one does."""

    EXITS = "import reagent.process as p; p.run = lambda *_: 3"
    HANGS = "import time, reagent.process as p; p.run = lambda *_: time.sleep(3600)"
    NEVER_JOINS = (
        "import reagent.adapters.wamp.connect as c, reagent.errors as e\n"
        '    async def no(*_): raise e.DialFailed("this version never joins")\n'
        "    c.WampDialer.dial = no"
    )
    """It runs, says that it is alive, and reaches nobody."""
    DIES_LATER = "import os, threading as t; t.Timer(4, os._exit, (7,)).start()"
    """It proves itself, and ends badly in its soak."""
    LAUNCHER = "import reagent.updates.decide as d; d.decide = None"
    """A good agent that would not come up once it is committed."""
    UPDATER = "import os, reagent.updates.prover as p; p.write_and_take_away = os.stat"
    """A good agent that could never be updated again."""
    RAISES_SCHEMA = (
        "import os, sqlite3 as s\n"
        '    c = s.connect([w[12:] for w in sys.argv if "-db" in w][0])\n'
        '    c.executescript("PRAGMA user_version=99;CREATE TABLE t(x)"); os._exit(7)'
    )
    """It changes the database in its own way, and ends."""


class Origin(Protocol):
    """An executable that versions are made of."""

    @staticmethod
    def of(executable: Path, version: str) -> "Origin":
        """Read it.

        Args:
            executable: of any path.
            version: the one it was built as.

        Raises:
            SandboxError: it is none of this source tree, so there is nothing to overwrite.
        """
        content = executable.read_bytes()
        if content.count(_command()) == 1:
            return StaticOrigin.read(content, version)
        return BundledOrigin.read(content, version)

    @property
    def content(self) -> bytes:
        """The whole file."""
        ...

    def variant(
        self, version: str, broken: Broken | None = None, *, trusting: Path | None = None
    ) -> bytes:
        """The executable as that version.

        Args:
            version: what it says.
            broken: how it fails.
            trusting: a file that `trusts` wrote: as if it had been built with that root.

        Raises:
            SandboxError: there is no room for it.
        """
        ...


@dataclass(frozen=True, slots=True)
class StaticOrigin(Origin):
    """A static executable, and where its two texts lie."""

    whole: bytes
    version: bytes

    @property
    def content(self) -> bytes:
        """See the protocol."""
        return self.whole

    @staticmethod
    def read(content: bytes, version: str) -> "StaticOrigin":
        """See the protocol."""
        text = f"{version}\n".encode()
        # Padded to the next multiple of 16 on both sides, see the payload's layout.
        if content.count(b"\0" + text + b"\0") != 1:
            raise SandboxError(f"the executable does not hold the version {version} as it is")
        return StaticOrigin(content, text)

    def variant(
        self, version: str, broken: Broken | None = None, *, trusting: Path | None = None
    ) -> bytes:
        """See the protocol; one digit more than it was built with is too many."""
        text = version.encode().ljust(len(self.version), b"\n")
        if len(text) > len(self.version):
            raise SandboxError(f"there is no room for {version} in the executable")
        content = self.whole.replace(b"\0" + self.version + b"\0", b"\0" + text + b"\0")
        run = _run(broken, trusting)
        if not run:
            return content
        shipped, command = _command(), run.encode(_ENCODING)
        if len(command) > len(shipped):
            raise SandboxError(f"there is no room in the executable for {run}")
        blank = "\n".encode(_ENCODING) * (
            (len(shipped) - len(command)) // len(" ".encode(_ENCODING))
        )
        return content.replace(shipped, command + blank)


@dataclass(frozen=True, slots=True)
class BundledOrigin(Origin):
    """An executable of PyInstaller, made by the Python that runs this."""

    bundle: Bundle

    @property
    def content(self) -> bytes:
        """See the protocol."""
        return self.bundle.content

    @staticmethod
    def read(content: bytes, version: str) -> "BundledOrigin":
        """See the protocol."""
        bundle = Bundle.of(content)
        if bundle.read(_VERSION).decode().strip() != version:
            raise SandboxError(f"the executable does not hold the version {version}")
        return BundledOrigin(bundle)

    def variant(
        self, version: str, broken: Broken | None = None, *, trusting: Path | None = None
    ) -> bytes:
        """See the protocol."""
        contents = {_VERSION: f"{version}\n".encode()}
        run = _run(broken, trusting)
        if run:
            # As the freezer begins it (reagent_build/freezers/pyinstaller.py).
            code = compile(SETTLED + run, "main.py", "exec", optimize=2)
            contents["main"] = marshal.dumps(code)
        return self.bundle.with_contents(contents)


def _run(broken: Broken | None, trusting: Path | None) -> str:
    """The command that starts the application, where it is another than the shipped one."""
    first = [broken.value] if broken else []
    first += [f"exec(open({str(trusting)!r}).read())"] if trusting else []
    return _RUN.format("\n    ".join(first)) if first else ""


def trusts(root: bytes, folder: Path) -> Path:
    """What makes a variant trust a root, as a file that it reads; builds have it in themselves."""
    file = folder / f"root-{hashlib.sha256(root).hexdigest()[:8]}.py"
    file.write_text(
        "import reagent.settings.stamp, reagent.updates.trust.roots\n"
        "reagent.settings.stamp.signed = lambda: True\n"
        f"reagent.updates.trust.roots.baked = lambda: {root!r}\n",
        encoding="ascii",
    )
    return file


def _command() -> bytes:
    command: str = tomllib.loads(_SPEC.read_text(encoding="utf-8"))["command"]
    return command.encode(_ENCODING)
