"""The executable's own runtime with a program of ours, in the place of the executable."""

import shlex
from pathlib import Path

from reagent_build.probe import make_probe
from sandbox.program import Program


def agent_with(program: Program, text: str, folder: Path) -> Program:
    """What a device can run: the executable, but for the program that starts the agent.

    Args:
        program: the executable; a static one.
        text: the program; its arguments are the agent's.
        folder: takes the probe, the text and the script that puts them together.

    Raises:
        BuildError: the program is not a static executable.
    """
    probe, source, script = folder / "probe", folder / "program.py", folder / "agent"
    make_probe(program.executable, probe)
    source.write_text(text, encoding="utf-8")
    script.write_text(
        f'#!/bin/sh\nexec {shlex.quote(str(probe))} "$@" < {shlex.quote(str(source))}\n',
        encoding="utf-8",
    )
    script.chmod(0o755)
    return Program(script, program.version)
