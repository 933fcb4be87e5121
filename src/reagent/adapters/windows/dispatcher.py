"""This process as a service: what Windows' service manager is told, and what it orders.

The service runs as soon as it is asked to; what it needs for that is its own affair. An end that
nobody ordered is not reported: the manager then starts it again as it was told to.
"""

# Elsewhere the checker sees nothing behind the first lines.
# mypy: disable-error-code="unreachable"

from __future__ import annotations

import sys

if sys.platform != "win32":
    raise ImportError("there is no service manager here")

import ctypes
import os
from collections.abc import Callable
from ctypes import wintypes
from typing import Final

_advapi32: Final = ctypes.WinDLL("advapi32", use_last_error=True)
_NOT_A_SERVICE: Final = 1063
_OWN_PROCESS: Final = 0x10
_STOPPED: Final = 1
_STOP_PENDING: Final = 3
_RUNNING: Final = 4
_ACCEPTS: Final = 0x1 | 0x4  # stop, and that Windows ends
_STOPS: Final = frozenset({1, 5})
_ASK: Final = 4
_DONE: Final = 0
_UNKNOWN: Final = 120
# The manager waits for so long before it takes a stopping service for dead.
_HINT_MS: Final = 20_000

_Main = ctypes.WINFUNCTYPE(None, wintypes.DWORD, ctypes.POINTER(wintypes.LPWSTR))
_Handler = ctypes.WINFUNCTYPE(
    wintypes.DWORD, wintypes.DWORD, wintypes.DWORD, wintypes.LPVOID, wintypes.LPVOID
)


class _Entry(ctypes.Structure):
    """SERVICE_TABLE_ENTRYW."""

    _fields_ = (("name", wintypes.LPWSTR), ("main", _Main))


class _Status(ctypes.Structure):
    """SERVICE_STATUS."""

    _fields_ = (
        ("type", wintypes.DWORD), ("state", wintypes.DWORD), ("accepts", wintypes.DWORD),
        ("status", wintypes.DWORD), ("own_status", wintypes.DWORD), ("step", wintypes.DWORD),
        ("hint", wintypes.DWORD),
    )  # fmt: skip


_advapi32.StartServiceCtrlDispatcherW.argtypes = (wintypes.LPVOID,)
_advapi32.RegisterServiceCtrlHandlerExW.restype = wintypes.HANDLE
_advapi32.RegisterServiceCtrlHandlerExW.argtypes = (wintypes.LPCWSTR, _Handler, wintypes.LPVOID)
_advapi32.SetServiceStatus.argtypes = (wintypes.HANDLE, wintypes.LPVOID)


class Stop:
    """Whether the manager ordered a stop."""

    def __init__(self) -> None:
        self.stop = False


def serve(name: str, work: Callable[[Stop], int]) -> bool:
    """Be the service until the manager ends it.

    Args:
        name: of the service.
        work: ends once it is told to, and returns 0; anything else, or an exception, is a crash.

    Returns:
        False when the service manager did not start this process; then nothing was done.

    Raises:
        OSError: the manager does not talk to us.
    """
    service = _Service(name, work)
    main = _Main(service.main)
    table = (_Entry * 2)(_Entry(name, main), _Entry(None, _Main()))
    if _advapi32.StartServiceCtrlDispatcherW(table):
        return True
    error = ctypes.get_last_error()
    if error == _NOT_A_SERVICE:
        return False
    raise ctypes.WinError(error)


class _Service:
    def __init__(self, name: str, work: Callable[[Stop], int]) -> None:
        self._name = name
        self._work = work
        self._stop = Stop()
        self._handler = _Handler(self._order)
        self._handle = 0

    def main(self, _number: int, _words: object) -> None:
        """The manager calls this in a thread of its own."""
        status = 1
        try:
            self._handle = _advapi32.RegisterServiceCtrlHandlerExW(self._name, self._handler, None)
            self._say(_RUNNING)
            status = self._work(self._stop)
        finally:
            if status:
                os._exit(status)
            self._say(_STOPPED)

    def _order(self, order: int, _kind: int, _data: object, _context: object) -> int:
        if order in _STOPS:
            self._say(_STOP_PENDING)
            self._stop.stop = True
            return _DONE
        return _DONE if order == _ASK else _UNKNOWN

    def _say(self, state: int) -> None:
        accepts = _ACCEPTS if state == _RUNNING else 0
        hint = _HINT_MS if state == _STOP_PENDING else 0
        status = _Status(_OWN_PROCESS, state, accepts, 0, 0, 0, hint)
        _advapi32.SetServiceStatus(self._handle, ctypes.byref(status))
