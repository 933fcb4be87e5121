"""reagent_build.checksum: the sidecar, and the moment a file gets its name."""

import hashlib
from pathlib import Path

from reagent_build.checksum import put, sha256, sidecar


def test_the_sidecar_is_the_bare_digest_and_a_newline(tmp_path: Path) -> None:
    partial, final = tmp_path / ".partial", tmp_path / "reagent-linux-amd64"
    partial.write_bytes(b"an executable")

    put(partial, final)

    wanted = hashlib.sha256(b"an executable").hexdigest()
    assert (tmp_path / "reagent-linux-amd64.sha256").read_text() == wanted + "\n"


def test_a_finished_file_can_be_run_and_nothing_else_is_left(tmp_path: Path) -> None:
    partial, final = tmp_path / ".partial", tmp_path / "reagent"
    partial.write_bytes(b"#!/bin/sh\n")
    partial.chmod(0o600)

    put(partial, final)

    assert final.stat().st_mode & 0o777 == 0o755
    assert sorted(path.name for path in tmp_path.iterdir()) == ["reagent", "reagent.sha256"]


def test_a_new_build_replaces_file_and_digest_together(tmp_path: Path) -> None:
    partial, final = tmp_path / ".partial", tmp_path / "reagent"
    partial.write_bytes(b"old")
    put(partial, final)
    partial.write_bytes(b"new")

    digest = put(partial, final)

    assert final.read_bytes() == b"new"
    assert sidecar(final).read_text().strip() == digest == sha256(final)
