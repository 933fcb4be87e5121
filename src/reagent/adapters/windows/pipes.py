"""Named pipes that only SYSTEM and administrators can open, and lines through them in bounded time.

The descriptor of a pipe says who may open it, and who made it: an administrator or SYSTEM, so that
whoever calls can tell it from a pipe of that name which somebody else has made.
"""

# Elsewhere the checker sees nothing behind the first lines.
# mypy: disable-error-code="unreachable"

from __future__ import annotations

import sys

if sys.platform != "win32":
    raise ImportError("there are no named pipes here")

import _winapi
import ctypes
import time
from asyncio import windows_utils
from collections.abc import Iterator
from ctypes import wintypes
from typing import Final, Protocol, Self

from reagent.errors import Unavailable

_advapi32: Final = ctypes.WinDLL("advapi32", use_last_error=True)
_kernel32: Final = ctypes.WinDLL("kernel32", use_last_error=True)

_ADMINISTRATORS: Final = "S-1-5-32-544"
# Owner; nothing is inherited; all rights to SYSTEM and to administrators, none to anybody else.
_DESCRIPTOR: Final = "O:BAD:P(A;;GA;;;SY)(A;;GA;;;BA)"
_REVISION: Final = 1
_REJECT_REMOTE_CLIENTS: Final = 0x8
_ALL_THERE_MAY_BE: Final = 255
_BUFFER: Final = 64 * 1024
# Whoever made the pipe learns who we are, and cannot act as us: SECURITY_SQOS_PRESENT with
# SECURITY_IDENTIFICATION.
_NO_IMPERSONATION: Final = 0x00100000 | 0x00010000
_KERNEL_OBJECT: Final = 6
_OWNER: Final = 0x1
# While all instances are taken the next one is about to be made.
_FREE_WITHIN_S: Final = 10.0
_LOOK_EVERY_MS: Final = 50


class _Attributes(ctypes.Structure):
    """SECURITY_ATTRIBUTES."""

    _fields_ = (
        ("length", wintypes.DWORD), ("descriptor", wintypes.LPVOID), ("inherit", wintypes.BOOL),
    )  # fmt: skip


_advapi32.ConvertStringSecurityDescriptorToSecurityDescriptorW.argtypes = (
    wintypes.LPCWSTR, wintypes.DWORD, wintypes.LPVOID, wintypes.LPVOID,
)  # fmt: skip
_advapi32.ConvertSidToStringSidW.argtypes = (wintypes.LPVOID, wintypes.LPVOID)
_advapi32.GetSecurityInfo.restype = wintypes.DWORD
_advapi32.GetSecurityInfo.argtypes = (
    wintypes.HANDLE, ctypes.c_int, wintypes.DWORD, wintypes.LPVOID, wintypes.LPVOID,
    wintypes.LPVOID, wintypes.LPVOID, wintypes.LPVOID,
)  # fmt: skip
_kernel32.LocalFree.argtypes = (wintypes.LPVOID,)


class Pipe(Protocol):
    """A handle of an instance, that is closed once."""

    def close(self) -> None:
        """Let go of it."""
        ...


class _Transfer(Protocol):
    """What is being read or written; `_winapi.Overlapped`."""

    @property
    def event(self) -> int:
        """Set when it is over."""
        ...

    def cancel(self) -> None:
        """Have it over."""
        ...

    def GetOverlappedResult(self, wait: bool, /) -> tuple[int, int]:  # noqa: FBT001, N802
        """Bytes, and why it is over."""
        ...


def make(name: str, *, first: bool) -> Pipe:
    """One more instance of a pipe, for the loop to talk through.

    Args:
        name: of the pipe.
        first: nobody else may have made one of that name.

    Raises:
        OSError: there is one, or this process is no administrator's.
    """
    descriptor = wintypes.LPVOID()
    if not _advapi32.ConvertStringSecurityDescriptorToSecurityDescriptorW(
        _DESCRIPTOR, _REVISION, ctypes.byref(descriptor), None
    ):
        raise ctypes.WinError(ctypes.get_last_error())
    attributes = _Attributes(ctypes.sizeof(_Attributes), descriptor, False)  # noqa: FBT003
    opened = _winapi.PIPE_ACCESS_DUPLEX | _winapi.FILE_FLAG_OVERLAPPED
    if first:
        opened |= _winapi.FILE_FLAG_FIRST_PIPE_INSTANCE
    try:
        handle = _winapi.CreateNamedPipe(
            name, opened, _REJECT_REMOTE_CLIENTS, _ALL_THERE_MAY_BE, _BUFFER, _BUFFER, 0,
            ctypes.addressof(attributes),
        )  # fmt: skip
    finally:
        _kernel32.LocalFree(descriptor)
    return windows_utils.PipeHandle(handle)


class Line:
    """The calling end of a pipe.

    Args:
        name: of the pipe.
        within: seconds that the other end may let us wait for a word.

    Raises:
        FileNotFoundError: there is none.
        PermissionError: whoever calls may not open it.
        OSError: nobody answers.
        Unavailable: whoever made it is no administrator, so it is not the agent.
    """

    def __init__(self, name: str, within: float) -> None:
        self._within_ms = int(within * 1000)
        self._handle = _opened(name)
        try:
            _demand_an_agents(self._handle, name)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        _winapi.CloseHandle(self._handle)

    def say(self, text: bytes) -> None:
        """Send this.

        Raises:
            OSError: it does not get there.
        """
        sending, error = _winapi.WriteFile(self._handle, text, overlapped=True)
        self._over(sending, error)

    def lines(self, longest: int) -> Iterator[bytes]:
        """What the other end says, to its end, line by line.

        Raises:
            OSError: it says nothing for too long.
            ValueError: a line is longer than that.
        """
        rest = b""
        while said := self._heard():
            *whole, rest = (rest + said).split(b"\n")
            yield from whole
            if len(rest) > longest:
                raise ValueError("a line does not end")

    def _heard(self) -> bytes:
        try:
            hearing, error = _winapi.ReadFile(self._handle, _BUFFER, overlapped=True)
            self._over(hearing, error)
        except BrokenPipeError:  # the other end has closed it
            return b""
        return bytes(hearing.getbuffer() or b"")

    def _over(self, transfer: _Transfer, error: int) -> None:
        if error == _winapi.ERROR_IO_PENDING:
            try:
                # Ctrl-C ends this wait as well.
                waited = _winapi.WaitForMultipleObjects([transfer.event], False, self._within_ms)  # noqa: FBT003
            except BaseException:
                transfer.cancel()
                transfer.GetOverlappedResult(True)  # noqa: FBT003
                raise
            if waited == _winapi.WAIT_TIMEOUT:
                transfer.cancel()
        _, error = transfer.GetOverlappedResult(True)  # noqa: FBT003
        if error == _winapi.ERROR_OPERATION_ABORTED:
            raise TimeoutError(f"nothing within {self._within_ms // 1000} s")


def _opened(name: str) -> int:
    until = time.monotonic() + _FREE_WITHIN_S
    how = _winapi.FILE_FLAG_OVERLAPPED | _NO_IMPERSONATION
    access = _winapi.GENERIC_READ | _winapi.GENERIC_WRITE
    while True:
        try:
            return _winapi.CreateFile(
                name, access, 0, _winapi.NULL, _winapi.OPEN_EXISTING, how, _winapi.NULL
            )
        except OSError as error:
            if error.winerror != _winapi.ERROR_PIPE_BUSY or time.monotonic() > until:
                raise
        try:
            _winapi.WaitNamedPipe(name, _LOOK_EVERY_MS)
        except OSError as error:
            if error.winerror != _winapi.ERROR_SEM_TIMEOUT:
                raise


def _demand_an_agents(handle: int, name: str) -> None:
    """Nobody but an administrator can make a pipe that is administrators'.

    Raises:
        Unavailable: somebody else has made it.
        OSError: it is not said who.
    """
    owner = _owner(handle)
    if owner != _ADMINISTRATORS:
        raise Unavailable(f"{name} was made by {owner}, so it is not the agent's")


def _owner(handle: int) -> str:
    """Who made what this handle is of, as a SID in words; a word where there is nobody (wine).

    Raises:
        OSError: it is not said.
    """
    sid, descriptor, text = wintypes.LPVOID(), wintypes.LPVOID(), wintypes.LPWSTR()
    error = _advapi32.GetSecurityInfo(
        handle, _KERNEL_OBJECT, _OWNER, ctypes.byref(sid), None, None, None,
        ctypes.byref(descriptor),
    )  # fmt: skip
    if error:
        raise ctypes.WinError(error)
    try:
        if sid.value is None:
            return "nobody"
        if not _advapi32.ConvertSidToStringSidW(sid, ctypes.byref(text)):
            raise ctypes.WinError(ctypes.get_last_error())
        try:
            return str(text.value)
        finally:
            _kernel32.LocalFree(text)
    finally:
        _kernel32.LocalFree(descriptor)
