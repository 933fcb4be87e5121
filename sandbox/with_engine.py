"""`python -m sandbox.with_engine COMMAND...`: run a command that needs a Docker engine.

An engine that `--engine` or DOCKER_HOST names is used as it is; else one of our own is started for
the length of the command. Where none can be had it is said, and the command runs without.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from sandbox import packages
from sandbox.engine import is_reachable, own_engine
from sandbox.processes import SandboxError


@contextmanager
def some_engine(given: str | None) -> Iterator[str]:
    """The address of an engine, empty where none can be had."""
    address = given or os.environ.get("DOCKER_HOST")
    if address:
        if not is_reachable(address):
            raise SandboxError(f"no Docker engine answers at {address}")
        yield address
        return
    with ExitStack() as stack:
        own = ""
        try:
            packages.ensure(packages.ENGINE, print)
            packages.try_to_have(packages.BUILD, print)
            own = stack.enter_context(own_engine(print)).address
        except (SandboxError, packages.PackagesMissing) as error:
            print(f"no engine: {error}", flush=True)
            if os.environ.get("CI") == "true":
                raise SandboxError(f"CI must have a Docker engine: {error}") from error
        yield own


def main() -> int:
    """The command's exit status; 1 when the named engine does not answer."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.with_engine", description=__doc__)
    parser.add_argument("--engine", metavar="ADDRESS")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    try:
        with some_engine(options.engine) as address:
            environment = os.environ | ({"DOCKER_HOST": address} if address else {})
            return subprocess.run(options.command, env=environment, check=False).returncode
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
