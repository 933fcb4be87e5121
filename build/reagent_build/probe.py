"""Run a program in the runtime of a static executable: `python -m reagent_build.probe FILE < it`.

The executable itself has no way to be asked that. The probe is a copy in which one string, the
command that starts the application, is overwritten in place; every other byte is the shipped one.
"""

import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from reagent_build.errors import BuildError

_SPEC: Final = Path(__file__).resolve().parent.parent / "reagent.spec"
_COMMAND: Final = "exec(open(0).read())"
# wchar_t on every Linux.
_ENCODING: Final = "utf-32-le"


def make_probe(executable: Path, target: Path) -> None:
    """Write the probe of `executable` to `target`; it runs the program on its standard input.

    Raises:
        BuildError: the executable is not a static one.
    """
    shipped = tomllib.loads(_SPEC.read_text())["command"].encode(_ENCODING)
    content = executable.read_bytes()
    if content.count(shipped) != 1:
        raise BuildError(f"{executable} is no static executable of this source tree")
    ours = _COMMAND.encode(_ENCODING)
    ours += "\n".encode(_ENCODING) * ((len(shipped) - len(ours)) // 4)
    target.write_bytes(content.replace(shipped, ours))
    target.chmod(0o755)


def run(
    executable: Path, program: str, *arguments: str, runner: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run `program` in the executable's runtime, with an empty environment.

    `runner` is what is written before it where it is for another machine.

    Raises:
        BuildError: the executable is not a static one.
    """
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder, "probe")
        make_probe(executable, probe)
        return subprocess.run(
            [*runner, str(probe), *arguments], input=program, capture_output=True, text=True,
            check=False, env={}, timeout=120,
        )  # fmt: skip


def main() -> int:
    """Run what comes on standard input, with this process's standard output."""
    if len(sys.argv) < 2:
        print(
            "usage: python -m reagent_build.probe EXECUTABLE [ARGUMENT...] < PROGRAM",
            file=sys.stderr,
        )
        return 2
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder, "probe")
        make_probe(Path(sys.argv[1]), probe)
        return subprocess.run([probe, *sys.argv[2:]], check=False, env=os.environ).returncode


if __name__ == "__main__":
    sys.exit(main())
