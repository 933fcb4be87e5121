"""`python -m sandbox.inside PYTEST-ARGUMENTS`: run tests in the Python the executable is made of.

The build image holds the CPython whose archives the executable is linked from. This checkout is
mounted there read-only at its own path; an environment with the pinned test packages is made once
in `.cache/venv-frozen-python`.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from reagent_build.container import Docker
from reagent_build.errors import BuildError
from reagent_build.images import ensure_static
from reagent_build.progress import shown
from reagent_build.targets import DEBIAN, machine_target
from sandbox.paths import REPOSITORY
from sandbox.processes import SandboxError
from sandbox.with_engine import some_engine

VENV: Final = REPOSITORY / ".cache/venv-frozen-python"
_PASSED_ON: Final = ("CI", "HYPOTHESIS_PROFILE", "PIP_INDEX_URL", "PIP_FIND_LINKS", "PIP_CERT")


def mounts() -> list[str]:
    """The checkout read-only, its cache writable, and what pip on this host is told to use."""
    named = [os.environ.get(name, "") for name in ("PIP_FIND_LINKS", "PIP_CERT")]
    outside = {Path(each) for each in named if each.startswith("/") and Path(each).exists()}
    flags = [
        "-v",
        f"{REPOSITORY}:{REPOSITORY}:ro",
        "-v",
        f"{REPOSITORY}/.cache:{REPOSITORY}/.cache",
    ]
    for each in sorted(outside):
        flags += ["-v", f"{each}:{each}:ro"]
    return flags


def script() -> str:
    """Make the environment where it is missing or old, then run pytest with the arguments given."""
    project = (REPOSITORY / "pyproject.toml").read_bytes()
    stamp = hashlib.sha256(project).hexdigest()
    path = os.pathsep.join(str(REPOSITORY / each) for each in ("src", "build", "release", "."))
    return f"""
set -eu
if [ "$(cat {VENV}/.stamp 2>/dev/null || true)" != {stamp} ]; then
    rm -rf {VENV}
    python3.13 -m venv {VENV}
    cp -r {REPOSITORY}/pyproject.toml {REPOSITORY}/README.md /tmp/
    mkdir -p /tmp/src/reagent && cp {REPOSITORY}/src/reagent/__init__.py \
        {REPOSITORY}/src/reagent/version.txt /tmp/src/reagent/
    AUTOBAHN_USE_NVX=0 {VENV}/bin/pip install -q --disable-pip-version-check '/tmp/.[test]'
    {VENV}/bin/pip uninstall -q -y reagent
    printf %s {stamp} > {VENV}/.stamp
fi
export PYTHONPATH={path} PYTHONDONTWRITEBYTECODE=1 HYPOTHESIS_STORAGE_DIRECTORY=/tmp/hypothesis
cd {REPOSITORY}
exec {VENV}/bin/python -m pytest -p no:cacheprovider "$@"
"""


def run(address: str, arguments: list[str]) -> int:
    """The exit status of pytest in the container."""
    docker = Docker(address)
    debian = DEBIAN[machine_target(sys.platform, os.uname().machine)]
    with shown() as progress:
        image = ensure_static(docker, debian, REPOSITORY / ".cache", progress)
    environment = [
        word
        for name in _PASSED_ON
        if name in os.environ
        for word in ("-e", f"{name}={os.environ[name]}")
    ]
    command = ["docker", "-H", address, "run", "--rm", "--network", "host", "--init"]
    command += ["--label", "reagent.build=1", *mounts(), *environment]
    command += [image, "sh", "-c", script(), "sh", *arguments]
    return subprocess.run(command, check=False).returncode


def main() -> int:
    """Exit status of the tests; 1 with the reason when they could not be run."""
    try:
        with some_engine(None) as address:
            if not address:
                print("not run: there is no Docker engine", file=sys.stderr)
                return 1
            return run(address, sys.argv[1:])
    except (BuildError, SandboxError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
