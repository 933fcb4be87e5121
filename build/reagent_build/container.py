"""The Docker engine, through its own command line client: every step can be typed by hand as well.

Only images and containers with the label `reagent.build=1` are made, and none is ever removed that
was not made by the same call.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import IO, Final

from reagent_build import children
from reagent_build.errors import BuildError, EngineUnreachableError

LABEL: Final = "reagent.build=1"
_ANSWER_S: Final = 20
# A registry that does not answer at all must not hold up a build that can do without it.
_PULL_S: Final = 300
# In the words of the engine, of package managers and of compilers.
_FULL: Final = "no space left on device"
_NUMBERS: Final = count(1)


class Docker:
    """One engine; `address` as in DOCKER_HOST, None for what the client finds by itself."""

    def __init__(self, address: str | None) -> None:
        self._environment = dict(os.environ)
        # The classic builder needs no plug-in and keeps the image where `docker run` finds it.
        self._environment["DOCKER_BUILDKIT"] = "0"
        if address:
            self._environment["DOCKER_HOST"] = address
        self.address = self._environment.get("DOCKER_HOST", "the default engine")

    def check(self) -> str:
        """The engine's version.

        Raises:
            EngineUnreachableError: there is no client, or no engine answers it.
        """
        if shutil.which("docker") is None:
            raise EngineUnreachableError(
                "the docker client is not installed (Debian: apt-get install docker.io docker-cli)"
            )
        try:
            done = self._run("version", "--format", "{{.Server.Version}}", timeout=_ANSWER_S)
        except subprocess.TimeoutExpired as error:
            raise EngineUnreachableError(f"{self.address} does not answer") from error
        if done.returncode:
            raise EngineUnreachableError(
                f"no Docker engine at {self.address}: {_last(done.stderr)}"
            )
        return done.stdout.decode().strip()

    def has_image(self, tag: str) -> bool:
        """Whether the engine holds an image under that name."""
        return self._run("image", "inspect", tag).returncode == 0

    def image_id(self, tag: str) -> str:
        """What an image is: a name can move on, this cannot.

        Raises:
            BuildError: there is no image of that name.
        """
        done = self._run("image", "inspect", "--format", "{{.Id}}", tag)
        _check(done, f"there is no image {tag}")
        return done.stdout.decode().strip()

    def label(self, tag: str, name: str) -> str:
        """What an image's label says; empty where it has none, or there is no such image."""
        form = f'{{{{index .Config.Labels "{name}"}}}}'
        done = self._run("image", "inspect", "--format", form, tag)
        return "" if done.returncode else done.stdout.decode().strip()

    def pull(self, tag: str) -> str | None:
        """Get an image from its registry; None when that worked, else why not."""
        try:
            done = self._run("pull", "--quiet", tag, timeout=_PULL_S)
        except subprocess.TimeoutExpired:
            return f"the registry did not answer within {_PULL_S} s"
        return _last(done.stderr) if done.returncode else None

    def import_root(self, archive: Path, tag: str) -> None:
        """Make an image of a root file system."""
        with archive.open("rb") as stream:
            done = self._run("import", "--change", f"LABEL {LABEL}", "-", tag, stdin=stream)
        _check(done, f"cannot make the image {tag}")

    def build(
        self,
        context: Path,
        dockerfile: str,
        tag: str,
        arguments: Mapping[str, str],
        *,
        fresh: bool = False,
    ) -> None:
        """Build an image with the host's network, as the package mirrors need nothing more.

        `fresh`: no layer of an earlier build is taken.

        Raises:
            BuildError: with the end of the builder's output.
        """
        words = [f"--build-arg={key}={value}" for key, value in sorted(arguments.items())]
        done = self._run(
            "build", "--force-rm", "--network=host", f"--label={LABEL}", f"--tag={tag}",
            f"--file={context / dockerfile}", *(["--no-cache"] if fresh else []), *words,
            str(context),
        )  # fmt: skip
        _check(done, f"cannot build the image {tag}")

    def filter(self, image: str, command: Sequence[str], stdin: bytes) -> tuple[bytes, str]:
        """Run a command in a fresh container without network: bytes in, bytes and its messages out.

        Nothing is mounted, so it works with an engine on another machine.

        Raises:
            BuildError: it failed; the text is its own.
        """
        name = f"reagent-build-{os.getpid()}-{next(_NUMBERS)}"
        try:
            done = self._run(
                "run", "--rm", "--interactive", "--network=none", f"--name={name}",
                f"--label={LABEL}", image, *command, stdin=stdin,
            )  # fmt: skip
        except BaseException:
            # The client may be gone before its container is.
            self._run("rm", "--force", name, timeout=_ANSWER_S, tidying=True)
            raise
        _check(done, "the build in the container failed")
        return done.stdout, done.stderr.decode(errors="replace")

    def _run(
        self,
        *words: str,
        stdin: bytes | IO[bytes] = b"",
        timeout: float | None = None,
        tidying: bool = False,
    ) -> subprocess.CompletedProcess[bytes]:
        return children.run(
            ("docker", *words),
            stdin=stdin,
            timeout=timeout,
            environment=self._environment,
            tidying=tidying,
        )


def _check(done: subprocess.CompletedProcess[bytes], what: str) -> None:
    if done.returncode:
        said = (done.stdout + done.stderr if len(done.stdout) < 1_000_000 else done.stderr).decode(
            errors="replace"
        )
        if _FULL in said.lower():
            raise BuildError(f"{what}: the engine has no space left on its disk")
        end = "\n".join(said.strip().splitlines()[-30:])
        raise BuildError(f"{what}:\n{end}")


def _last(text: bytes) -> str:
    lines = text.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "no reason given"
