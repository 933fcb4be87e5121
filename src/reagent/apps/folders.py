"""Where apps keep their files on this device (docs/contract/apps.md, notation)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reagent.errors import Failed


def plain(name: str) -> str:
    """The name, if it can be part of a path without leaving its folder.

    Raises:
        Failed: it names a path.
    """
    if not name or name in {".", ".."} or "/" in name or "\\" in name or "\0" in name:
        raise Failed(f"{name!r} is no name of a folder")
    return name


@dataclass(frozen=True, slots=True)
class Folders:
    """Everything derives from `-appsDir` and `-compressedBuildExtension`."""

    apps: Path
    archive_extension: str = "tgz"

    @property
    def shared(self) -> Path:
        """What all apps of the device share."""
        return self.apps / "shared"

    @property
    def build(self) -> Path:
        """Uploaded archives of working copies."""
        return self.apps / "build"

    @property
    def compose(self) -> Path:
        """Definitions of installed compose apps."""
        return self.apps / "compose"

    def data(self, stage: str, name: str) -> Path:
        """The app's own folder, `/data` inside; by stage and lower-case name, not by key."""
        return self.apps / stage.lower() / plain(name.lower())

    def archive(self, name: str) -> Path:
        """The uploaded archive of a working copy; case kept."""
        return self.build / f"{plain(name)}.{self.archive_extension}"

    def project(self, stage: str, name: str) -> Path:
        """The compose folder; case kept."""
        return (self.build if stage == "DEV" else self.compose) / plain(name)
