"""The sidecar that agents in the field ask for: the bare SHA-256 in hex, and a newline."""

import hashlib
from pathlib import Path


def sha256(path: Path) -> str:
    """The digest of a file, in lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sidecar(path: Path) -> Path:
    """Where the digest of `path` is written."""
    return path.with_name(path.name + ".sha256")


def put(partial: Path, final: Path) -> str:
    """Move a finished file to its name and write its sidecar, each at one stroke.

    Returns the digest. The sidecar goes out of the way first: no moment shows a file beside the
    digest of another.
    """
    digest = sha256(partial)
    partial.chmod(0o755)
    note = partial.with_name(partial.name + ".sha256")
    try:
        note.write_text(digest + "\n")
        sidecar(final).unlink(missing_ok=True)
        partial.replace(final)
        note.replace(sidecar(final))
    finally:
        note.unlink(missing_ok=True)
    return digest
