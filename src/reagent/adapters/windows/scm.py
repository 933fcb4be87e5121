"""The service manager of Windows, as a command gives it orders.

Everything raises `OSError` with Windows' own words.
"""

# Elsewhere the checker sees nothing behind the first lines.
# mypy: disable-error-code="unreachable"

from __future__ import annotations

import sys

if sys.platform != "win32":
    raise ImportError("there is no service manager here")

import ctypes
import winreg
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ctypes import wintypes
from typing import Final

_advapi32: Final = ctypes.WinDLL("advapi32", use_last_error=True)
_shell32: Final = ctypes.WinDLL("shell32")
_MANAGER_CONNECT: Final = 0x0001
_MANAGER_CREATE: Final = 0x0002
_ALL: Final = 0x000F01FF
_DELETE: Final = 0x00010000
_QUERY: Final = 0x0001 | 0x0004  # its configuration and its status
_START: Final = 0x0010
_STOP: Final = 0x0020
_OWN_PROCESS: Final = 0x10
_AUTO_START: Final = 2
_NORMAL_ERRORS: Final = 1
_CONTROL_STOP: Final = 1
_DESCRIPTION: Final = 1
_FAILURE_ACTIONS: Final = 2
_DELAYED: Final = 3
_FAILURES_ARE_ENDS: Final = 4
_RESTART: Final = 1
NOT_THERE: Final = 1060
ALREADY_THERE: Final = 1073
RUNS_ALREADY: Final = 1056
RUNS_NOT: Final = 1062
_STATES: Final = {
    1: "stopped", 2: "starting", 3: "stopping", 4: "running", 5: "continuing", 6: "pausing",
    7: "paused",
}  # fmt: skip

_advapi32.OpenSCManagerW.restype = wintypes.HANDLE
_advapi32.OpenSCManagerW.argtypes = (wintypes.LPCWSTR, wintypes.LPCWSTR, wintypes.DWORD)
_advapi32.OpenServiceW.restype = wintypes.HANDLE
_advapi32.OpenServiceW.argtypes = (wintypes.HANDLE, wintypes.LPCWSTR, wintypes.DWORD)
_advapi32.CreateServiceW.restype = wintypes.HANDLE
_advapi32.CreateServiceW.argtypes = (
    wintypes.HANDLE, wintypes.LPCWSTR, wintypes.LPCWSTR, wintypes.DWORD, wintypes.DWORD,
    wintypes.DWORD, wintypes.DWORD, wintypes.LPCWSTR, wintypes.LPCWSTR, wintypes.LPVOID,
    wintypes.LPCWSTR, wintypes.LPCWSTR, wintypes.LPCWSTR,
)  # fmt: skip
_advapi32.CloseServiceHandle.argtypes = (wintypes.HANDLE,)
_advapi32.DeleteService.argtypes = (wintypes.HANDLE,)
_advapi32.StartServiceW.argtypes = (wintypes.HANDLE, wintypes.DWORD, wintypes.LPVOID)
_advapi32.ControlService.argtypes = (wintypes.HANDLE, wintypes.DWORD, wintypes.LPVOID)
_advapi32.QueryServiceStatus.argtypes = (wintypes.HANDLE, wintypes.LPVOID)
_advapi32.QueryServiceConfigW.argtypes = (
    wintypes.HANDLE, wintypes.LPVOID, wintypes.DWORD, wintypes.LPVOID,
)  # fmt: skip
_advapi32.ChangeServiceConfig2W.argtypes = (wintypes.HANDLE, wintypes.DWORD, wintypes.LPVOID)


class _Status(ctypes.Structure):
    """SERVICE_STATUS."""

    _fields_ = (("type", wintypes.DWORD), ("state", wintypes.DWORD), ("rest", wintypes.DWORD * 5))


class _Config(ctypes.Structure):
    """QUERY_SERVICE_CONFIGW."""

    _fields_ = (
        ("type", wintypes.DWORD), ("start", wintypes.DWORD), ("errors", wintypes.DWORD),
        ("command", wintypes.LPWSTR), ("group", wintypes.LPWSTR), ("tag", wintypes.DWORD),
        ("depends", wintypes.LPWSTR), ("account", wintypes.LPWSTR), ("display", wintypes.LPWSTR),
    )  # fmt: skip


class _Action(ctypes.Structure):
    """SC_ACTION."""

    _fields_ = (("what", ctypes.c_int), ("milliseconds", wintypes.DWORD))


class _Actions(ctypes.Structure):
    """SERVICE_FAILURE_ACTIONSW."""

    _fields_ = (
        ("reset", wintypes.DWORD), ("message", wintypes.LPWSTR), ("command", wintypes.LPWSTR),
        ("number", wintypes.DWORD), ("actions", ctypes.POINTER(_Action)),
    )  # fmt: skip


class _Description(ctypes.Structure):
    """SERVICE_DESCRIPTIONW."""

    _fields_ = (("text", wintypes.LPWSTR),)


def elevated() -> bool:
    """Whether this process may change services."""
    return bool(_shell32.IsUserAnAdmin())


def create(name: str, display: str, command: str) -> None:
    """A service that starts with Windows, a moment after everything else."""
    with _manager(_MANAGER_CONNECT | _MANAGER_CREATE) as manager:
        service = _advapi32.CreateServiceW(
            manager, name, display, _ALL, _OWN_PROCESS, _AUTO_START, _NORMAL_ERRORS, command,
            None, None, None, None, None,
        )  # fmt: skip
        _check(service)
        try:
            delayed = wintypes.BOOL(1)
            _advapi32.ChangeServiceConfig2W(service, _DELAYED, ctypes.byref(delayed))
            description = _Description(display)
            _advapi32.ChangeServiceConfig2W(service, _DESCRIPTION, ctypes.byref(description))
        finally:
            _advapi32.CloseServiceHandle(service)


def recover(name: str, after: Sequence[int], reset: int) -> None:
    """Start it again, so many seconds after its first, second, and further ends."""
    rows = (_Action * len(after))(*[_Action(_RESTART, each * 1000) for each in after])
    actions = _Actions(reset, None, None, len(after), rows)
    whatever = wintypes.BOOL(1)
    with _service(name, _ALL) as service:
        for what, how in ((_FAILURE_ACTIONS, actions), (_FAILURES_ARE_ENDS, whatever)):
            ctypes.set_last_error(0)
            _check(_advapi32.ChangeServiceConfig2W(service, what, ctypes.byref(how)))


def surround(name: str, variables: Sequence[str]) -> None:
    """The variables that the manager starts it with."""
    place = f"SYSTEM\\CurrentControlSet\\Services\\{name}"
    with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, place, access=winreg.KEY_SET_VALUE) as key:
        winreg.SetValueEx(key, "Environment", 0, winreg.REG_MULTI_SZ, list(variables))


def start(name: str) -> None:
    """Ask for it; running already is fine."""
    with _service(name, _START) as service:
        if not _advapi32.StartServiceW(service, 0, None):
            _unless(RUNS_ALREADY)


def stop(name: str) -> None:
    """Ask it to stop; stopped already is fine."""
    with _service(name, _STOP) as service:
        if not _advapi32.ControlService(service, _CONTROL_STOP, ctypes.byref(_Status())):
            _unless(RUNS_NOT)


def delete(name: str) -> None:
    """Have no such service once it stopped."""
    with _service(name, _DELETE) as service:
        _check(_advapi32.DeleteService(service))


def state(name: str) -> str:
    """`running`, `stopped` and so on; empty where there is no such service."""
    try:
        with _service(name, _QUERY) as service:
            status = _Status()
            _check(_advapi32.QueryServiceStatus(service, ctypes.byref(status)))
    except OSError as error:
        if error.winerror == NOT_THERE:
            return ""
        raise
    return _STATES.get(status.state, f"state {status.state}")


def command(name: str) -> str:
    """Its command line."""
    needed = wintypes.DWORD(0)
    with _service(name, _QUERY) as service:
        _advapi32.QueryServiceConfigW(service, None, 0, ctypes.byref(needed))
        buffer = ctypes.create_string_buffer(max(needed.value, ctypes.sizeof(_Config)))
        size = len(buffer)
        _check(_advapi32.QueryServiceConfigW(service, buffer, size, ctypes.byref(needed)))
        return str(_Config.from_buffer(buffer).command or "")


@contextmanager
def _manager(access: int) -> Iterator[int]:
    manager = _advapi32.OpenSCManagerW(None, None, access)
    _check(manager)
    try:
        yield manager
    finally:
        _advapi32.CloseServiceHandle(manager)


@contextmanager
def _service(name: str, access: int) -> Iterator[int]:
    with _manager(_MANAGER_CONNECT) as manager:
        service = _advapi32.OpenServiceW(manager, name, access)
        _check(service)
        try:
            yield service
        finally:
            _advapi32.CloseServiceHandle(service)


def _check(answer: object) -> None:
    if not answer:
        raise ctypes.WinError(ctypes.get_last_error())


def _unless(number: int) -> None:
    error = ctypes.get_last_error()
    if error != number:
        raise ctypes.WinError(error)
