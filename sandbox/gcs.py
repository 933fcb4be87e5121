"""Google Cloud Storage on loopback: `fake-gcs-server`, made from its Go module where Go is there.

It refuses wrong generations in writes and serves Range and ETag. In copies it does not look at
generations; what is sent to Google then is judged by other means.
"""

import json
import os
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Final

from sandbox.paths import cache
from sandbox.processes import Child, SandboxError, free_port

MODULE: Final = "github.com/fsouza/fake-gcs-server"
VERSION: Final = "1.56.1"
INSTALL_S: Final = 280.0
START_S: Final = 10.0


class NoGo(SandboxError):
    """There is no Go on this machine."""


def program() -> Path:
    """The server, made once for each version.

    Raises:
        NoGo: It is not there, and without Go it cannot be made.
        SandboxError: It cannot be made, with what Go said.
    """
    folder = cache(f"fake-gcs-server-{VERSION}")
    made = folder / "fake-gcs-server"
    if made.exists():
        return made
    go = shutil.which("go")
    if go is None:
        raise NoGo(f"fake-gcs-server {VERSION} is made from its Go module, and there is no Go here")
    try:
        done = subprocess.run(
            [go, "install", f"{MODULE}@v{VERSION}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=INSTALL_S,
            env=os.environ | {"GOBIN": str(folder)},
        )
    except subprocess.TimeoutExpired as error:
        raise SandboxError(f"go install took longer than {INSTALL_S:g} s") from error
    if done.returncode or not made.exists():
        raise SandboxError(f"go install {MODULE} failed:\n{done.stderr[-2000:]}")
    return made


class GoogleEmulator:
    """The server, empty at its start; buckets are made and dropped with `make`."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._child: Child | None = None
        self.port = 0

    @property
    def address(self) -> str:
        """What STORAGE_EMULATOR_HOST is set to; objects are at <address>/<bucket>/<object>."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Bring it up, on the same port as before where it was up before.

        Raises:
            NoGo: It cannot be made here.
            SandboxError: It does not come up.
        """
        if self._child is not None:
            return
        self.port = self.port or free_port()
        command = [
            str(program()), "-backend=memory", "-scheme=http", "-host=127.0.0.1",
            f"-port={self.port}", f"-public-host=127.0.0.1:{self.port}",
            f"-external-url={self.address}", "-log-level=warn",
        ]  # fmt: skip
        self._child = Child("fake-gcs-server", command, self._run_dir / "fake-gcs-server.log")
        self._child.wait_until(self._is_up, START_S)

    def stop(self) -> None:
        """Take it down, with everything that is in it."""
        if self._child is not None:
            self._child.stop(2.0)
            self._child = None

    def make(self, bucket: str) -> None:
        """Make an empty bucket."""
        request = urllib.request.Request(
            f"{self.address}/storage/v1/b?project=sandbox",
            json.dumps({"name": bucket}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=5):
            pass

    def _is_up(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/storage/v1/b?project=sandbox", timeout=2):
                return True
        except OSError:
            return False
