"""What a version has to know about its place on Windows: where it lies, who started it, which boot.

The service's launcher says by `REAGENT_SERVICE` which file of the folder it started as the agent.
Whoever was started otherwise, in a console say, has no say in versions.
"""

# Elsewhere the checker sees nothing behind a question for Windows.
# mypy: disable-error-code="unreachable"
# Paths are those that the command line said.
# ruff: noqa: PTH100, PTH118, PTH119, PTH121

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Final

from reagent.adapters.windows.candidate import SERVICE, heed
from reagent.contracts.files import Files
from reagent.updates import links
from reagent.updates.vocabulary import ACTIVE

_UNKNOWN: Final = "unknown"


def place(agent_dir: str, files: Files) -> tuple[str, str, str]:
    """The folder, our file in it, and why we have no say there; empty when we have."""
    told = os.environ.pop(SERVICE, "")
    folder = os.path.abspath(agent_dir)
    if not told:
        return folder, "", "this process was not started by the service"
    heed()
    own = os.path.basename(told)
    try:
        if not os.path.samefile(os.path.join(folder, own), sys.executable):
            return folder, "", f"{sys.executable} is not {own} of -agentDir"
    except OSError as error:
        return folder, "", f"{own}: {error.strerror or error}"
    active = links.look(files, folder).active
    if active not in ("", own):
        return folder, "", f"{active} is the active version, and it could not be started"
    if not active:  # before the first commit; or the launcher fell back to us, as repair would
        with suppress(OSError):
            links.set_link(files, folder, ACTIVE, own)
    return folder, own, ""


def boot_id() -> str:
    """What is another one after the next start of Windows."""
    if sys.platform != "win32":
        return _UNKNOWN
    from reagent.adapters.windows import registry  # noqa: PLC0415 - on Windows alone

    try:
        return registry.boot_id()
    except OSError:
        return _UNKNOWN
