"""Where everything lies in the bucket (docs/contract/system.md 4.4, 6.3). Pure."""

from typing import Final

from reagent_build.targets import Target

BUCKET: Final = "re-agent"
MANIFEST: Final = "availableVersions.json"
"""The release gate: which version each environment runs. Always written last."""
VERSION_FILE: Final = "version.txt"
"""For people; no agent reads it."""
LATEST: Final = "latest"
"""Stands where a version does, for people: a copy of what production runs."""
CACHE_CONTROL: Final = "public, max-age=0"
"""Of every object; without it a store serves public objects stale."""


def executable(target: Target, version: str) -> str:
    """The object that a device of this target downloads."""
    suffix = ".exe" if target.os == "windows" else ""
    return f"{target.os}/{target.stamp}/{version}/reagent{suffix}"


def delta(target: Target, version: str, base: str) -> str:
    """The object that makes a version out of an older one."""
    return f"{target.os}/{target.stamp}/{version}/from-{base}.zst"


def sidecar(name: str) -> str:
    """The object that holds the SHA-256 of another: bare hex and a newline."""
    return f"{name}.sha256"


def content_type(name: str) -> str:
    """What an object is served as."""
    if name.endswith(".json"):
        return "application/json"
    if name.endswith((".txt", ".sha256")):
        return "text/plain"
    return "application/octet-stream"
