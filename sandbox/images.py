"""Tiny images, made without an engine: a static busybox, its links, and a script.

An image here is what a registry stores: a compressed layer, a configuration, and a manifest that
names both by digest. The same input gives the same digests, so a layer is uploaded once.
"""

import gzip
import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from sandbox import packages
from sandbox.processes import SandboxError
from sandbox.under_test import target

SCRIPTS: Final = Path(__file__).resolve().parent / "apps"

_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "armv6l": "arm"}
_LINKS: Final = (
    "sh cat cut date echo env false grep head hostname httpd id kill ls mkdir mount nc netstat "
    "ping ps pwd rm seq sleep sort stty tail test touch tr true tty umount uname vi wc wget whoami"
)


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes with the digest that names them."""

    content: bytes

    @property
    def digest(self) -> str:
        """`sha256:<hex>`."""
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Image:
    """What a registry stores of an image."""

    blobs: tuple[Blob, ...]
    manifest: bytes


def script(name: str) -> str:
    """The text of one of the ready-made apps in `sandbox/apps`, e.g. `counter`."""
    return (SCRIPTS / f"{name}.sh").read_text(encoding="utf-8")


def app(name: str, *, env: Mapping[str, str] | None = None) -> Image:
    """An image that runs one of the ready-made apps."""
    return make(["/bin/sh", "/app.sh"], files={"app.sh": script(name)}, env=env)


def make(
    command: Sequence[str],
    *,
    files: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Image:
    """An image of busybox and `files`, that runs `command`."""
    layers = [_base_layer()]
    if files:
        layers.append(_tar({name: text.encode() for name, text in files.items()}))
    packed = [Blob(gzip.compress(layer, 1, mtime=0)) for layer in layers]
    variables = {"PATH": "/bin", **(env or {})}
    config = Blob(
        _json(
            {
                "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
                "os": "linux",
                "created": "2026-01-01T00:00:00Z",
                "config": {
                    "Cmd": list(command),
                    "Env": [f"{name}={value}" for name, value in variables.items()],
                    "Labels": dict(labels or {}),
                },
                "rootfs": {"type": "layers", "diff_ids": [Blob(layer).digest for layer in layers]},
                "history": [{"created": "2026-01-01T00:00:00Z"} for _ in layers],
            }
        )
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": _describe(config, "application/vnd.docker.container.image.v1+json"),
        "layers": [
            _describe(layer, "application/vnd.docker.image.rootfs.diff.tar.gzip")
            for layer in packed
        ],
    }
    return Image((*packed, config), _json(manifest))


def architecture() -> str:
    """The architecture and variant under test, as image names carry it.

    Where another one than this machine's is emulated, images have its name and this machine's
    content: the engine runs them, and it is this machine's.
    """
    return target().stamp


@cache
def _base_layer() -> bytes:
    busybox = packages.busybox()
    if busybox is None:
        raise SandboxError(f"Missing:\n{packages.describe([packages.BUSYBOX])}")
    return _tar(
        {"bin/busybox": busybox.read_bytes()}, links=_LINKS.split(), folders=("tmp", "data")
    )


def _tar(
    files: Mapping[str, bytes], links: Sequence[str] = (), folders: Sequence[str] = ()
) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in folders:
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o777
            archive.addfile(folder)
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
        for name in links:
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
    return buffer.getvalue()


def _describe(blob: Blob, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "size": len(blob.content), "digest": blob.digest}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
