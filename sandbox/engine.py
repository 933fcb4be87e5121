"""A Docker engine of the sandbox's own, or one that is there already.

Our own has its own socket, data root, network bridge, containerd and process ids, and knows
nothing of an engine that may run beside it. The data root is kept in `.cache/engine`, so images are
pulled once; a second sandbox at the same time gets one that goes away with it.
"""

import contextlib
import fcntl
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Final, Protocol

import docker
import docker.errors
import requests.exceptions
from docker import DockerClient

from sandbox import packages
from sandbox.network import Bridge
from sandbox.paths import CACHE, cache, run_folder
from sandbox.processes import Child, SandboxError
from sandbox.reaper import Reaper, kill_shims, unmount_below

Progress = Callable[[str], None]

CACHED_ROOT: Final = "engine"
START_S: Final = 60.0
# A container has ten seconds to end before the engine kills it.
STOP_S: Final = 20.0

_RUNTIME: Final = Path(__file__).resolve().parent / "trim_runtime.py"
_CONTAINERD: Final = """\
version = 2
root = "{data}/containerd"
state = "{run}/c"
disabled_plugins = [
  "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"
]
[grpc]
  address = "{run}/c.sock"
[ttrpc]
  address = "{run}/c.ttrpc.sock"
[debug]
  level = "warn"
"""


class Engine(Protocol):
    """A Docker engine that the sandbox may use."""

    @property
    def address(self) -> str:
        """What goes into DOCKER_HOST."""

    @property
    def is_ours(self) -> bool:
        """Whether all in it belongs to the sandbox, so that it may be stopped and emptied."""

    def start(self) -> None:
        """Bring it up; one that is up is left alone."""

    def stop(self) -> None:
        """Take it down; what it holds stays."""

    def close(self) -> None:
        """Take it down for good, with all that was made in it."""

    def client(self, timeout: float = 60.0) -> AbstractContextManager[DockerClient]:
        """A client of the engine for a `with` block; `timeout` seconds bound every answer."""


class OwnEngine:
    """A `dockerd` and a `containerd` of ours, started and ended by us."""

    is_ours: Final = True

    def __init__(self, run_dir: Path, say: Progress = lambda _: None, *, kept: bool = True) -> None:
        """Nothing runs yet.

        Args:
            run_dir: its folder under `/run`.
            say: told what a person should know.
            kept: whether it has the images of the runs before, the build's among them; not one
                whose images are thrown away.
        """
        self._run = run_dir
        self._say = say
        self._kept = kept
        self._bridge = Bridge()
        self._bridged = False
        self._lock: IO[str] | None = None
        self._data: Path | None = None
        self._containerd: Child | None = None
        self._dockerd: Child | None = None

    @property
    def address(self) -> str:
        """What goes into DOCKER_HOST."""
        return f"unix://{self._run}/docker.sock"

    @property
    def log(self) -> Path:
        """What the engine complained about."""
        return self._run / "dockerd.log"

    @property
    def running(self) -> bool:
        """Whether the daemon is up."""
        return self._dockerd is not None and self._dockerd.running

    @contextmanager
    def client(self, timeout: float = 60.0) -> Iterator[DockerClient]:
        """A client of the engine for a `with` block; `timeout` seconds bound every answer."""
        with contextlib.closing(open_client(self.address, timeout)) as client:
            yield client

    def start(self) -> None:
        """Bring it up; one that is up is left alone.

        Raises:
            SandboxError: It cannot be started here, with the end of its log.
        """
        if self.running:
            return
        if os.geteuid() != 0:
            raise SandboxError(
                "An engine of the sandbox's own needs root. Run this with sudo, or name an engine "
                "that is there already: --engine unix:///var/run/docker.sock"
            )
        absent = packages.missing(packages.ENGINE)
        if absent:
            raise SandboxError(f"The engine needs, and does not find:\n{packages.describe(absent)}")
        first = self._data is None
        data = self._take_data_root() if self._data is None else self._data
        if not self._bridged:
            self._bridge.open()
            self._bridged = True
        Reaper.here().own("engine", str(self._run))
        try:
            self._start_containerd(data)
            self._start_dockerd(data)
            if first:
                self.empty()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Take it down as a service manager would; containers are stopped and stay, images too."""
        for child in (self._dockerd, self._containerd):
            if child is not None:
                child.stop(STOP_S)
        self._dockerd = self._containerd = None
        kill_shims(str(self._run))

    def kill(self) -> None:
        """Take it down as a crash would: no container hears of it."""
        for child in (self._dockerd, self._containerd):
            if child is not None:
                child.kill()
        self._dockerd = self._containerd = None
        kill_shims(str(self._run))

    def close(self) -> None:
        """Take it down for good: no container, mount, bridge or process of it is left."""
        if self.running:
            with contextlib.suppress(*_UNAVAILABLE):
                self.empty()
        self.stop()
        unmount_below(str(self._run))
        if self._bridged:
            self._bridge.close()
            self._bridged = False
        self._release_data_root()
        Reaper.here().disown("engine", str(self._run))

    def _start_containerd(self, data: Path) -> None:
        config = self._run / "containerd.toml"
        config.write_text(_CONTAINERD.format(data=data, run=self._run), encoding="utf-8")
        self._containerd = Child(
            "containerd",
            [packages.program("containerd") or "containerd", "--config", str(config)],
            self._run / "containerd.log",
            env=_environment(),
        )
        address = self._run / "c.sock"
        self._containerd.wait_until(address.exists, START_S)

    def _start_dockerd(self, data: Path) -> None:
        config = self._run / "daemon.json"
        config.write_text("{}", encoding="ascii")  # the host's own daemon.json is not for us
        command = [
            packages.program("dockerd") or "dockerd",
            f"--config-file={config}",
            f"--host={self.address}",
            f"--data-root={data}",
            f"--exec-root={self._run}/exec",
            f"--pidfile={self._run}/docker.pid",
            f"--containerd={self._run}/c.sock",
            f"--bridge={self._bridge.name}",
            f"--default-address-pool=base={self._bridge.pool},size=28",
            f"--host-gateway-ip={self._bridge.address.partition('/')[0]}",
            "--iptables=false",
            "--ip6tables=false",
            "--ip-forward=false",
            f"--userland-proxy-path={packages.program('docker-proxy') or 'docker-proxy'}",
            f"--add-runtime=trim={self._write_runtime()}",
            "--default-runtime=trim",
            "--log-level=warn",
        ]
        self._dockerd = Child("dockerd", command, self.log, env=_environment())
        self._dockerd.wait_until(lambda: is_reachable(self.address), START_S)

    def _write_runtime(self) -> Path:
        script = self._run / "trim"
        script.write_text(
            f'#!/bin/sh\nexec "{sys.executable}" -I -S "{_RUNTIME}" "$@"\n', encoding="utf-8"
        )
        script.chmod(0o755)
        return script

    def _take_data_root(self) -> Path:
        """The kept data root when nobody holds it, else one that goes away with us."""
        if not self._kept:
            return self._take_own_root()
        lock = (CACHE / "engine.lock") if CACHE.is_dir() else (cache(".") / "engine.lock")
        handle = lock.open("a+", encoding="utf-8")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            self._say("another sandbox holds the engine's cache; this one starts with an empty one")
            return self._take_own_root()
        self._lock = handle
        self._data = cache(CACHED_ROOT)
        handle.seek(0)
        previous = handle.read().strip()
        if previous and previous != str(self._run):
            kill_shims(previous)
            unmount_below(previous)
        unmount_below(str(self._data))
        # Networks of the last run belong to a bridge that is gone.
        shutil.rmtree(self._data / "network", ignore_errors=True)
        handle.seek(0)
        handle.truncate()
        handle.write(str(self._run))
        handle.flush()
        return self._data

    def _take_own_root(self) -> Path:
        self._data = Path(tempfile.mkdtemp(prefix="engine-", dir=cache(".")))
        Reaper.here().own("folder", str(self._data))
        Reaper.here().own("engine", str(self._data))
        return self._data

    def _release_data_root(self) -> None:
        if self._data is not None:
            unmount_below(str(self._data))
            if self._lock is None:
                shutil.rmtree(self._data, ignore_errors=True)
                Reaper.here().disown("engine", str(self._data))
                Reaper.here().disown("folder", str(self._data))
        if self._lock is not None:
            self._lock.close()
        self._lock = self._data = None

    def empty(self, images_of: str = "") -> None:
        """Remove every container, and the networks and volumes they leave. All of them are ours.

        Args:
            images_of: Images that came from this registry go too, and must be pulled again.
        """
        with self.client() as client:
            for container in client.containers.list(all=True, ignore_removed=True):
                with contextlib.suppress(docker.errors.NotFound):
                    container.remove(force=True, v=True)
            client.networks.prune()
            if images_of:
                for image in client.images.list():
                    if any(tag.startswith(images_of + "/") for tag in image.tags):
                        client.images.remove(image.id or "", force=True)


@contextmanager
def own_engine(say: Progress = lambda _: None, *, kept: bool = True) -> Iterator[OwnEngine]:
    """An engine of our own with a run folder of its own, up for the length of a `with` block.

    The arguments are those of `OwnEngine`.

    Raises:
        SandboxError: It cannot be started here; nothing is left of it.
    """
    with run_folder() as run_dir:
        engine = OwnEngine(run_dir, say, kept=kept)
        try:
            engine.start()
            yield engine
        finally:
            engine.close()


class GivenEngine:
    """An engine that is there already. It is never started, stopped or emptied; only asked."""

    is_ours: Final = False

    def __init__(self, address: str) -> None:
        self._address = address if "://" in address else f"unix://{address}"

    @property
    def address(self) -> str:
        """What goes into DOCKER_HOST."""
        return self._address

    @contextmanager
    def client(self, timeout: float = 60.0) -> Iterator[DockerClient]:
        """A client of the engine for a `with` block; `timeout` seconds bound every answer."""
        with contextlib.closing(open_client(self.address, timeout)) as client:
            yield client

    def start(self) -> None:
        """Check that it answers.

        Raises:
            SandboxError: It does not.
        """
        if not is_reachable(self.address):
            raise SandboxError(f"No Docker engine answers at {self.address}")

    def stop(self) -> None:
        """It is not ours to stop."""

    def close(self) -> None:
        """It is not ours to end."""


def open_client(address: str, timeout: float = 60.0) -> DockerClient:
    """A client for the engine at `address`; `timeout` seconds bound every answer."""
    return DockerClient(base_url=address, timeout=int(timeout))


def is_reachable(address: str) -> bool:
    """Whether an engine answers there, now."""
    if address.startswith("unix://") and not _listens(address.removeprefix("unix://")):
        return False
    try:
        with contextlib.closing(open_client(address, 2)) as client:
            return bool(client.ping())
    except _UNAVAILABLE:
        return False


def _listens(path: str) -> bool:
    """A socket that a crash left behind has nobody; a client that finds out leaks its own."""
    with socket.socket(socket.AF_UNIX) as trying:
        try:
            trying.connect(path)
        except OSError:
            return False
        return True


def _environment() -> dict[str, str]:
    """What our daemons see: nothing of an engine, a proxy or a project that our own shell knows."""
    kept = ("HOME", "LANG", "LC_ALL", "TZ")
    found = {name: os.environ[name] for name in kept if name in os.environ}
    return {**found, "PATH": f"{os.environ.get('PATH', '')}:{packages.SYSTEM_PATH}"}


_UNAVAILABLE: Final = (
    docker.errors.DockerException,
    requests.exceptions.RequestException,
    OSError,
)
