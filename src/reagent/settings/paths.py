"""Every path the agent owns, made from the flags; and the folders among them.

Relative paths are meant from the folder the agent was started in. That goes for -dbFileName too:
the reference turned `x.db` into a path that cannot be opened (docs/contract/system.md 8.1), which
nobody can have relied on.

Folders get modes of their own instead of the umask's (docs/contract/system.md 2.4). 0755 for what
apps mount, as devices have it today: a container's user may be any. 0700 for what only the agent
reads: uploads, compose files with environments in them, downloads that will be executed. A folder
of the first kind that exists keeps its mode, an app may have changed it; one of the second kind is
closed. None of them is needed to reach the cloud, so a disk that refuses is said, and that is all.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from reagent import log
from reagent.settings.flags import Flags

_log = log.get(__name__)

_SHARED: Final = 0o755
_PRIVATE: Final = 0o700


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Absolute paths; nothing is looked up or made before `make_folders`.

    Attributes:
        log_file: None where `-logFile` is blank, which is no path.
    """

    agent_dir: Path
    apps_dir: Path
    database: Path
    log_file: Path | None
    device_file: Path

    @classmethod
    def of(cls, flags: Flags) -> Paths:
        """The paths that these flags mean, links kept as they are."""
        return cls(
            agent_dir=Path(flags.agent_dir).absolute(),
            apps_dir=Path(flags.apps_dir).absolute(),
            database=Path(flags.db_file_name).absolute(),
            log_file=Path(flags.log_file).absolute() if flags.log_file.strip() else None,
            device_file=Path(flags.config).absolute(),
        )

    @property
    def build(self) -> Path:
        """Uploaded build archives."""
        return self.apps_dir / "build"

    @property
    def compose(self) -> Path:
        """Compose files, with the environments of apps in them."""
        return self.apps_dir / "compose"

    @property
    def shared(self) -> Path:
        """What every app sees as `/shared`."""
        return self.apps_dir / "shared"

    @property
    def downloads(self) -> Path:
        """Partial and unproven files of an update live here and nowhere else."""
        return self.agent_dir / "downloads"

    @property
    def device_backup(self) -> Path:
        """The copy of this device file and no other: a mistyped -config is not another device.

        Its name holds neither `reswarm` nor `flock`, which boot scripts look for.
        """
        place = sha256(bytes(self.device_file)).hexdigest()[:12]
        return self.agent_dir / f".device-{place}.json"

    def make_folders(self) -> None:
        """Make what is missing, parents included; say what cannot be made, once each."""
        for folder, mode in (
            (self.agent_dir, _SHARED),
            (self.downloads, _PRIVATE),
            (self.apps_dir, _SHARED),
            (self.build, _PRIVATE),
            (self.compose, _PRIVATE),
            (self.shared, _SHARED),
        ):
            try:
                _make(folder, mode)
            except OSError as error:
                _log.warning("a folder cannot be made", folder=folder, error=error)


def _make(folder: Path, mode: int) -> None:
    try:
        folder.mkdir()
    except FileNotFoundError:
        _make(folder.parent, _SHARED)
        folder.mkdir()
    except FileExistsError:
        if not folder.is_dir():
            raise
        if mode == _PRIVATE and folder.stat().st_mode & 0o077:
            folder.chmod(mode)
        return
    folder.chmod(mode)  # not by mkdir: the umask has no say
