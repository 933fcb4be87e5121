"""Where the sandbox keeps things: `.cache/` outlives a run, a run folder does not."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sandbox.reaper import Reaper

REPOSITORY: Final = Path(__file__).resolve().parent.parent
CACHE: Final = REPOSITORY / ".cache"
TEMPLATES: Final = Path(__file__).resolve().parent / "templates"

RUN_PREFIX: Final = "reagent-sandbox-"


def cache(name: str) -> Path:
    """The folder `name` of the cache, made if it is not there. Git ignores all of it."""
    folder = CACHE / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def run_folder() -> Iterator[Path]:
    """A folder for the length of a `with` block; see `new_run_dir`."""
    folder = new_run_dir()
    try:
        yield folder
    finally:
        remove_run_dir(folder)


def new_run_dir() -> Path:
    """A folder for one run, with a path short enough for Unix sockets (108 bytes).

    It lies in /run, which a restart of the machine empties, where we may write there.
    """
    home = Path("/run") if os.access("/run", os.W_OK) else Path("/tmp")
    folder = Path(tempfile.mkdtemp(prefix=RUN_PREFIX, dir=home))
    Reaper.here().own("folder", str(folder))
    return folder


def remove_run_dir(folder: Path) -> None:
    """Remove a run folder; refuses anything that is not one of ours."""
    if not folder.name.startswith(RUN_PREFIX):
        raise ValueError(f"{folder} is not a run folder of the sandbox")
    shutil.rmtree(folder, ignore_errors=True)
    Reaper.here().disown("folder", str(folder))
