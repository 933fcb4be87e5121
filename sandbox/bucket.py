"""A folder of buckets over HTTP on loopback, whose faults and requests a test is master of.

`<url>/re-agent/...` is what a device asks for with `-remoteUpdateURL <url>`. What is served is the
folder that `nox -s publish rollout` writes, or what a test put there with `publish` and `roll_out`.
Every wait in a fault ends when it is healed or the bucket closed.
"""

import asyncio
import fnmatch
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from reagent_build.targets import Target
from reagent_release import layout, versions
from reagent_release.folder import FolderBucket
from reagent_release.steps import sha256
from reagent_release.store import ABSENT
from sandbox.bucket_faults import FOR_EVER, Fault, Planned
from sandbox.bucket_server import Request, Server
from sandbox.under_test import patient
from sandbox.under_test import target as target_under_test


class Bucket:
    """A server of buckets below `root`; `start` and `stop` it, or use it in a `with` block."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = FolderBucket(root)
        self.port = 0
        self._server: Server | None = None
        self._changed = threading.Condition()
        self._requests: list[Request] = []
        self._planned: list[Planned] = []

    @property
    def url(self) -> str:
        """What `-remoteUpdateURL` and `update_url` take."""
        return f"http://127.0.0.1:{self.port}"

    # --- up and down

    def start(self) -> None:
        """Listen, on the same port as before where it listened before."""
        if self._server is None:
            self._server = Server(self, self.port)
            self.port = self._server.server_address[1]
            self._server.start()

    def stop(self) -> None:
        """Stop listening and cut what is being answered."""
        server, self._server = self._server, None
        if server is not None:
            for planned in self._planned:
                planned.over.set()
            server.end()

    def close(self) -> None:
        """Stop for good."""
        self.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- what is in it

    def publish(self, version: str, executable: Path | bytes, target: Target | None = None) -> None:
        """Put a version there with its checksum, whatever was there before."""
        content = executable if isinstance(executable, bytes) else executable.read_bytes()
        name = layout.executable(target or target_under_test(), version)
        self.put(name, content)
        self.put(layout.sidecar(name), f"{sha256(content)}\n".encode())

    def roll_out(self, version: str, *environments: str) -> None:
        """Point environments, all where none is named, at a version, whether it is there or not."""
        found = self.store.stat(layout.MANIFEST)
        known = versions.read(self.store.get(layout.MANIFEST)[1].decode()) if found else {}
        known |= dict.fromkeys(environments or versions.ENVIRONMENTS, version)
        self.put(layout.MANIFEST, versions.write(known).encode())

    def put(self, name: str, content: bytes) -> None:
        """Make an object hold this, whatever it held before."""
        found = self.store.stat(name)
        self.store.put(name, content, replacing=found.generation if found else ABSENT)

    # --- what goes wrong

    def break_with(
        self,
        fault: Fault,
        *,
        only: str | None = None,
        times: int = FOR_EVER,
        content: bytes = b"{",
        bytes_per_s: int = 100_000,
    ) -> None:
        """Let requests suffer a fault until it is healed.

        Args:
            fault: What goes wrong.
            only: Where, a pattern for paths as in `Request.path`; else where such a fault belongs.
            times: For how many requests.
            content: What a broken version file holds.
            bytes_per_s: How slow slow is.
        """
        planned = Planned(fault, only, times, content, bytes_per_s)
        with self._changed:
            self._planned.append(planned)
        if fault is Fault.UNREACHABLE:
            self.stop()

    def heal(self) -> None:
        """End all faults; who is stuck in one is let go."""
        with self._changed:
            healed, self._planned = self._planned, []
        for planned in healed:
            planned.over.set()
        if any(planned.fault is Fault.UNREACHABLE for planned in healed):
            self.start()

    # --- what was asked

    @property
    def requests(self) -> tuple[Request, ...]:
        """All requests so far, in the order they came."""
        with self._changed:
            return tuple(self._requests)

    def asked(self, pattern: str) -> tuple[Request, ...]:
        """The requests whose paths are like `pattern`, as in `*/1.0.1/reagent`."""
        return tuple(each for each in self.requests if fnmatch.fnmatchcase(each.path, pattern))

    def forget(self) -> None:
        """Begin a new log of requests."""
        with self._changed:
            self._requests.clear()

    async def until(
        self, holds: Callable[[tuple[Request, ...]], bool], within: float = 10.0
    ) -> tuple[Request, ...]:
        """Wait until the log of requests is as wanted.

        Raises:
            TimeoutError: It is not, with what was asked.
        """
        return await asyncio.to_thread(self._wait, holds, within)

    async def answered(
        self, pattern: str, *, times: int = 1, within: float = 10.0
    ) -> tuple[Request, ...]:
        """Wait until so many requests for a path like this have been answered.

        Raises:
            TimeoutError: They were not, with what was asked.
        """

        def enough(requests: tuple[Request, ...]) -> bool:
            done = [each for each in requests if each.done]
            return sum(fnmatch.fnmatchcase(each.path, pattern) for each in done) >= times

        await self.until(enough, within)
        return self.asked(pattern)

    def _wait(
        self, holds: Callable[[tuple[Request, ...]], bool], within: float
    ) -> tuple[Request, ...]:
        within = patient(within)
        with self._changed:
            if self._changed.wait_for(lambda: holds(tuple(self._requests)), within):
                return tuple(self._requests)
            lines = [f"{each.method} {each.path} {each.status}" for each in self._requests]
        raise TimeoutError(f"not within {within:g} s; asked was: {lines}")

    # --- for the handler

    def note(self, request: Request) -> None:
        """Add to the log."""
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()

    def sent(self, request: Request, size: int) -> None:
        """Count more bytes of a body."""
        with self._changed:
            request.sent += size
            self._changed.notify_all()

    def finish(self, request: Request) -> None:
        """Mark a request as answered, well or badly."""
        with self._changed:
            request.done = True
            self._changed.notify_all()

    def fault_for(self, path: str) -> Planned | None:
        """The fault whose turn it is; uses it up by one."""
        with self._changed:
            for planned in self._planned:
                if planned.fault is not Fault.UNREACHABLE and planned.strikes(path):
                    planned.left -= planned.left > 0
                    return planned
        return None
