"""A mark in the registry that is gone after the next start of Windows."""

# Elsewhere the checker sees nothing behind the first lines.
# mypy: disable-error-code="unreachable"

from __future__ import annotations

import sys

if sys.platform != "win32":
    raise ImportError("there is no registry here")

import ctypes
import os
import winreg
from ctypes import wintypes
from typing import Final

_advapi32: Final = ctypes.WinDLL("advapi32")
_KEY: Final = "SOFTWARE\\IronFlock Reagent Boot"
_NAME: Final = "id"
_VOLATILE: Final = 1
_LOCAL_MACHINE: Final = 0x80000002

_advapi32.RegCreateKeyExW.argtypes = (
    wintypes.HANDLE, wintypes.LPCWSTR, wintypes.DWORD, wintypes.LPWSTR, wintypes.DWORD,
    wintypes.DWORD, wintypes.LPVOID, wintypes.LPVOID, wintypes.LPVOID,
)  # fmt: skip


def boot_id() -> str:
    """A word that this boot of Windows keeps.

    Raises:
        OSError: this user may not keep any.
    """
    place = wintypes.HANDLE()
    access = winreg.KEY_READ | winreg.KEY_WRITE
    error = _advapi32.RegCreateKeyExW(
        _LOCAL_MACHINE, _KEY, 0, None, _VOLATILE, access, None, ctypes.byref(place), None
    )
    if error:
        raise ctypes.WinError(error)
    handle = place.value or 0
    try:
        return str(winreg.QueryValueEx(handle, _NAME)[0])
    except FileNotFoundError:
        word = os.urandom(8).hex()
        winreg.SetValueEx(handle, _NAME, 0, winreg.REG_SZ, word)
        return word
    finally:
        winreg.CloseKey(handle)
