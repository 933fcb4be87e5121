"""What this system calls itself, in the words the platform knows (docs/contract/wamp.md 3.5)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

# Distributions that carry a Debian version and have one of their own.
_NOT_JUST_DEBIAN: Final = frozenset({"ubuntu", "linuxmint"})


def describe(root: Path) -> str:
    """`linux debian 13.3 6.1.0-28-amd64`: family, platform, its version, kernel; unknown left out.

    Args:
        root: `/`, but for tests.
    """
    family = os.uname().sysname.lower()
    platform, version = _platform(root)
    words = (family, platform if platform != family else "", version, os.uname().release)
    return " ".join(word for word in words if word)


def _platform(root: Path) -> tuple[str, str]:
    release = _assignments(root / "etc/os-release") or _assignments(root / "usr/lib/os-release")
    lsb = _assignments(root / "etc/lsb-release")
    name = (lsb.get("DISTRIB_ID") or release.get("ID", "")).lower()
    debian = _first_line(root / "etc/debian_version")
    if debian:
        if name in _NOT_JUST_DEBIAN:
            return name, lsb.get("DISTRIB_RELEASE") or release.get("VERSION_ID", "")
        is_raspbian = name == "raspbian" or (root / "usr/bin/raspi-config").exists()
        return ("raspbian" if is_raspbian else "debian"), debian
    alpine = _first_line(root / "etc/alpine-release")
    if alpine:
        return "alpine", alpine
    return release.get("ID", "").lower(), release.get("VERSION_ID", "")


def _assignments(path: Path) -> dict[str, str]:
    pairs = (line.partition("=") for line in _text(path).splitlines() if "=" in line)
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


def _first_line(path: Path) -> str:
    return _text(path).partition("\n")[0].strip()


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
