"""Where new versions are announced and where they lie (docs/contract/system.md 4.2, 4.4). Pure."""

from __future__ import annotations

import json
from typing import Final

from reagent.errors import BadRelease
from reagent.model.device import Identity

BUCKET: Final = "re-agent"
MANIFEST: Final = "availableVersions.json"
SIDECAR: Final = ".sha256"
# The key that counts where a channel has none of its own.
_EVERYBODY: Final = "all"
# So much of a `.sha256` file is read (docs/contract/system.md 4.6); the rest is not ours to judge.
_SIDECAR_READ: Final = 1024
_HEX: Final = frozenset("0123456789abcdef")


def base_of(identity: Identity, flag: str) -> str:
    """The address that everything of the bucket lies below, without a slash at its end.

    Args:
        identity: whose `update_url` comes first.
        flag: `-remoteUpdateURL`.
    """
    return (identity.update_url or flag).rstrip("/")


def manifest_url(base: str) -> str:
    """Where the channels' versions are listed."""
    return f"{base}/{BUCKET}/{MANIFEST}"


def delta_path(version: str, base: str, *, system: str, arch: str) -> str:
    """Where what differs between two versions lies, below the bucket's folder.

    Args:
        version: the new one, exactly as it was announced.
        base: the one that runs.
        system: linux, windows, darwin.
        arch: as stamped by the build.
    """
    folder = executable_path(version, system=system, arch=arch).rpartition("/")[0]
    return f"{folder}/from-{base}.zst"


def executable_url(base: str, version: str, *, system: str, arch: str) -> str:
    """Where the agent of a version lies.

    Args:
        base: see `base_of`.
        version: exactly as it was announced.
        system: linux, windows, darwin.
        arch: as stamped by the build, `armv7` and not `arm`.
    """
    return object_url(base, BUCKET, "reagent", version, system=system, arch=arch)


def executable_path(version: str, *, system: str, arch: str) -> str:
    """The name of that object in the bucket, and what is signed for."""
    return _path("reagent", version, system=system, arch=arch)


def object_url(base: str, bucket: str, file: str, version: str, *, system: str, arch: str) -> str:
    """Where a program of any bucket lies."""
    return f"{base}/{bucket}/{_path(file, version, system=system, arch=arch)}"


def _path(file: str, version: str, *, system: str, arch: str) -> str:
    extension = ".exe" if system == "windows" else ""
    return f"{system}/{arch}/{version}/{file}{extension}"


def announced(manifest: bytes, environment: str) -> str:
    """The version of a channel, or the one for everybody; as it stands there.

    What is no text is as good as missing, whatever else the object holds.

    Raises:
        BadRelease: this is no list of versions, or none for this channel.
    """
    try:
        versions = json.loads(manifest)
    except (ValueError, RecursionError) as error:
        raise BadRelease(f"{MANIFEST} is no JSON: {_glimpse(manifest)}") from error
    if not isinstance(versions, dict):
        raise BadRelease(f"{MANIFEST} is no object of versions: {_glimpse(manifest)}")
    for key in (environment, _EVERYBODY):
        version = versions.get(key)
        if isinstance(version, str) and version:
            return version
    raise BadRelease(
        f"{MANIFEST} names no version for {environment!r}, and none for {_EVERYBODY!r}"
    )


def digest_in(sidecar: bytes) -> str:
    """The SHA-256 in a `.sha256` file: its first word, in lower case.

    Raises:
        BadRelease: there is none.
    """
    words = sidecar[:_SIDECAR_READ].split(None, 1)
    digest = words[0].decode("ascii", "replace").lower() if words else ""
    if len(digest) != 64 or not set(digest) <= _HEX:
        raise BadRelease(f"the checksum file holds no SHA-256: {_glimpse(sidecar)}")
    return digest


def _glimpse(content: bytes) -> str:
    """So much of something unexpected that a person sees what it is."""
    if not content.strip():
        return "it is empty"
    return repr(content[:40].decode("utf-8", "replace"))
