"""A small ext4 in a file, whose power can be cut: what was not synced is gone.

The cut is the kernel's own (`EXT4_IOC_SHUTDOWN` without a flush of the log): from then on nothing
reaches the disk, neither data that waits in memory nor the journal's open transaction.
"""

import fcntl
import os
import shutil
import struct
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from sandbox import packages
from sandbox.processes import SandboxError

MODES: Final = ("ordered", "writeback")
_SHUTDOWN: Final = 0x8004587D
_NO_LOG_FLUSH: Final = 2
# Nothing is written by the kernel on its own account while a test lasts.
_COMMIT_S: Final = 300
# A device lets go of its image a moment after the last mount is gone.
_LET_GO_S: Final = 0.5


class LoopDisk:
    """An image, mounted at a folder; the image's folder is somebody else's to remove."""

    def __init__(self, image: Path, at: Path, mode: str, size: int = 192 << 20) -> None:
        self.image = image
        self.at = at
        self.mode = mode
        image.parent.mkdir(parents=True, exist_ok=True)
        with image.open("wb") as file:
            file.truncate(size)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", str(image))

    def mount(self) -> None:
        """Have it in reach.

        Raises:
            SandboxError: it cannot be mounted here.
        """
        options = f"loop,data={self.mode},commit={_COMMIT_S}"
        _run("mount", "-o", options, str(self.image), str(self.at))

    def sync(self) -> None:
        """All that is there is on the disk."""
        descriptor = os.open(self.at, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _run("sync", "-f", str(self.at))

    def cut(self) -> None:
        """The power goes. What holds files open has to be ended before it is unmounted."""
        descriptor = os.open(self.at, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(descriptor)

    def unmount(self) -> None:
        """Take it out of reach, if it is.

        A mount namespace that somebody made meanwhile has the file system in it as long as it is
        there, and mounting the image again would give the one that was shut down. A copy does not.
        """
        if not os.path.ismount(self.at):
            return
        _run("umount", str(self.at))
        until = time.monotonic() + _LET_GO_S
        while self._is_held:
            if time.monotonic() > until:
                held, self.image = self.image, self.image.with_name(f"{self.image.name}+")
                shutil.copyfile(held, self.image)
                held.unlink()
                return
            time.sleep(0.02)

    def check(self) -> None:
        """As a machine does when it comes up: the journal is replayed.

        Raises:
            SandboxError: the file system is damaged.
        """
        _run("e2fsck", "-f", "-y", str(self.image), fine=(0, 1))

    @property
    def _is_held(self) -> bool:
        """Whether a loop device has the image."""
        for file in Path("/sys/block").glob("loop*/loop/backing_file"):
            with suppress(OSError):  # it let go just now
                if file.read_text("utf-8").strip() == str(self.image):
                    return True
        return False


def _run(program: str, *arguments: str, fine: tuple[int, ...] = (0,)) -> None:
    found = packages.program(program)
    if found is None:
        raise SandboxError(f"there is no {program} here")
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)
    if done.returncode not in fine:
        said = f"{done.stdout}{done.stderr}".strip()
        raise SandboxError(f"{program} {' '.join(arguments)}: {done.returncode}: {said}")
