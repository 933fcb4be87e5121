"""What Windows is asked through its own libraries: figures, a mutex, jobs, names.

With `interfaces`, `registry`, `pipes`, `scm` and `dispatcher` what exists on Windows alone.
"""

# Elsewhere the checker sees nothing behind the first lines.
# mypy: disable-error-code="unreachable"

from __future__ import annotations

import sys

if sys.platform != "win32":
    raise ImportError("there is no kernel32 here")

import ctypes
from ctypes import wintypes
from typing import Final

_kernel32: Final = ctypes.WinDLL("kernel32", use_last_error=True)
_ACCESS_DENIED: Final = 5
_ALREADY_EXISTS: Final = 183
_SYNCHRONIZE: Final = 0x00100000
_MAY_END_AND_JOIN: Final = 0x0001 | 0x0100  # PROCESS_TERMINATE | PROCESS_SET_QUOTA
_EXTENDED_LIMITS: Final = 9
_KILL_ON_CLOSE: Final = 0x2000
_REPLACE: Final = 0x1
_WRITE_THROUGH: Final = 0x8

_enclosed = 0

_kernel32.CreateMutexW.restype = wintypes.HANDLE
_kernel32.CreateMutexW.argtypes = (wintypes.LPVOID, wintypes.BOOL, wintypes.LPCWSTR)
_kernel32.OpenMutexW.restype = wintypes.HANDLE
_kernel32.OpenMutexW.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.LPCWSTR)
_kernel32.CloseHandle.argtypes = (wintypes.HANDLE,)
_kernel32.GetCurrentProcess.restype = wintypes.HANDLE
_kernel32.CreateJobObjectW.restype = wintypes.HANDLE
_kernel32.CreateJobObjectW.argtypes = (wintypes.LPVOID, wintypes.LPCWSTR)
_kernel32.SetInformationJobObject.argtypes = (
    wintypes.HANDLE, ctypes.c_int, wintypes.LPVOID, wintypes.DWORD,
)  # fmt: skip
_kernel32.MoveFileExW.argtypes = (wintypes.LPCWSTR, wintypes.LPCWSTR, wintypes.DWORD)
_kernel32.OpenProcess.restype = wintypes.HANDLE
_kernel32.OpenProcess.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
_kernel32.AssignProcessToJobObject.argtypes = (wintypes.HANDLE, wintypes.HANDLE)
_kernel32.TerminateJobObject.argtypes = (wintypes.HANDLE, wintypes.UINT)
_kernel32.K32GetProcessMemoryInfo.argtypes = (wintypes.HANDLE, wintypes.LPVOID, wintypes.DWORD)


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX."""

    _fields_ = (
        ("length", wintypes.DWORD), ("load", wintypes.DWORD), ("total", ctypes.c_uint64),
        ("available", ctypes.c_uint64), ("rest", ctypes.c_uint64 * 5),
    )  # fmt: skip


class _MemoryCounters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS."""

    _fields_ = (
        ("length", wintypes.DWORD), ("faults", wintypes.DWORD), ("peak", ctypes.c_size_t),
        ("working_set", ctypes.c_size_t), ("rest", ctypes.c_size_t * 6),
    )  # fmt: skip


class _JobLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

    _fields_ = (
        ("times", ctypes.c_int64 * 2), ("flags", wintypes.DWORD), ("sets", ctypes.c_size_t * 2),
        ("processes", wintypes.DWORD), ("affinity", ctypes.c_size_t),
        ("classes", wintypes.DWORD * 2),
        ("counters", ctypes.c_uint64 * 6), ("memory", ctypes.c_size_t * 4),
    )  # fmt: skip


def memory() -> tuple[int, int]:
    """Bytes of the machine's memory: all of it, and what is available; zeros when unknown."""
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    if not _kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return 0, 0
    return int(status.total), int(status.available)


def times() -> tuple[int, int]:
    """Ticks of all processors since the start: all, and idle ones; zeros when unknown."""
    idle, system, user = ctypes.c_uint64(), ctypes.c_uint64(), ctypes.c_uint64()
    words = (ctypes.byref(idle), ctypes.byref(system), ctypes.byref(user))
    if not _kernel32.GetSystemTimes(*words):
        return 0, 0
    return system.value + user.value, idle.value  # the system's time holds the idle one


def resident() -> int:
    """Bytes of this process that are in memory; 0 when unknown."""
    counters = _MemoryCounters(length=ctypes.sizeof(_MemoryCounters))
    ours = _kernel32.GetCurrentProcess()
    if not _kernel32.K32GetProcessMemoryInfo(ours, ctypes.byref(counters), counters.length):
        return 0
    return int(counters.working_set)


def hold_mutex(name: str) -> tuple[int, bool]:
    """Make a named mutex and hold it until `close`, or this process's end.

    Returns:
        Its handle, 0 when somebody else has it; and whether that is certain: False when this user
        may not even ask.

    Raises:
        OSError: there can be no such mutex.
    """
    handle = _kernel32.CreateMutexW(None, 0, name)
    error = ctypes.get_last_error()
    if handle and error != _ALREADY_EXISTS:
        return int(handle), True
    if handle:
        _kernel32.CloseHandle(handle)
        return 0, True
    if error != _ACCESS_DENIED:
        raise ctypes.WinError(error)
    there = _kernel32.OpenMutexW(_SYNCHRONIZE, 0, name)
    if there:
        _kernel32.CloseHandle(there)
    return 0, bool(there) or ctypes.get_last_error() == _ACCESS_DENIED


def close(handle: int) -> None:
    """Let go of something of the kernel's."""
    _kernel32.CloseHandle(handle)


def move(path: str, to: str) -> None:
    """Give a file another name, over whatever file has it; on the disk when this returns.

    Raises:
        OSError: it has the name that it had.
    """
    if not _kernel32.MoveFileExW(path, to, _REPLACE | _WRITE_THROUGH):
        raise ctypes.WinError(ctypes.get_last_error())


def make_job() -> int:
    """A job; all that is in it ends when its handle is closed, or we end.

    Raises:
        OSError: there can be none.
    """
    job = _kernel32.CreateJobObjectW(None, None)
    if not job:
        raise ctypes.WinError(ctypes.get_last_error())
    limits = _JobLimits(flags=_KILL_ON_CLOSE)
    size = ctypes.sizeof(limits)
    _kernel32.SetInformationJobObject(job, _EXTENDED_LIMITS, ctypes.byref(limits), size)
    return int(job)


def enclose() -> None:
    """Whatever this process begins from now on ends with it, however it ends.

    Its own job is never closed but by its end. Where this process is in a job that allows no
    other one (before Windows 8), that job is all there is.
    """
    global _enclosed  # noqa: PLW0603 - once in a process
    if _enclosed:
        return
    _enclosed = make_job()
    _kernel32.AssignProcessToJobObject(_enclosed, _kernel32.GetCurrentProcess())


def put_into_job(job: int, process: int) -> None:
    """A process and what it begins from now on.

    Raises:
        OSError: it cannot be; it may have ended.
    """
    handle = _kernel32.OpenProcess(_MAY_END_AND_JOIN, 0, process)
    if not handle:
        raise ctypes.WinError(ctypes.get_last_error())
    joined = _kernel32.AssignProcessToJobObject(job, handle)
    error = ctypes.get_last_error()
    _kernel32.CloseHandle(handle)
    if not joined:
        raise ctypes.WinError(error)


def end_job(job: int) -> None:
    """End whatever is in it."""
    _kernel32.TerminateJobObject(job, 1)
