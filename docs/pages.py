"""Prints the reference pages from the code: `python docs/pages.py` rewrites docs/reference/.

A test fails when a page and the code differ.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from reagent.api.apps import AppStates
from reagent.api.commands import Commands
from reagent.api.device import Device
from reagent.api.firmware import Firmware
from reagent.api.handshake import Handshake
from reagent.api.images import Images
from reagent.api.logs import Logs
from reagent.api.pending import PENDING
from reagent.api.power import Power
from reagent.api.procedure import marks_of
from reagent.api.storage import Storage
from reagent.api.tunnels import Tunnels
from reagent.api.update import Update
from reagent.model.call import Privilege
from reagent.settings.flags import DECLARED, Flags

FOLDER: Final = Path(__file__).parent / "reference"
SERVED: Final = (
    Handshake,
    AppStates,
    Images,
    Device,
    Logs,
    Update,
    Power,
    Firmware,
    Storage,
    Tunnels,
    Commands,
)
_HEAD: Final = "<!-- printed by docs/pages.py -->\n\n"


def procedures() -> str:
    """What callers may ask, what they need for it, and what is not here yet."""
    lines = ["# Procedures", "", "Each is `re.mgmt.<serial_number>.<name>`.", ""]
    lines += ["| name | needs | answers within |", "|---|---|---|"]
    for capability in SERVED:
        for mark in marks_of(capability):
            needs = mark.needs
            word = "" if needs is None else needs if isinstance(needs, Privilege) else "by target"
            lines.append(f"| `{mark.suffix}` | {word} | {mark.within:g} s |")
    lines += [
        "",
        "`request_app_state` needs OPERATE to run an app and INSTALL for every other target.",
    ]
    lines += ["", "## Not in this version", ""]
    lines += ["Registered, guarded, and answered with an error that says so.", ""]
    lines += ["| name | needs |", "|---|---|"]
    lines += [f"| `{suffix}` | {needs or ''} |" for suffix, needs in PENDING.items()]
    return _HEAD + "\n".join(lines) + "\n"


def flags() -> str:
    """Every flag with its default on Linux."""
    lines = [
        "# Flags",
        "",
        "Go's syntax: `-x v`, `--x v`, `-x=v`; booleans `-x` or `-x=false`.",
        "",
    ]
    lines += ["| flag | default | what it does |", "|---|---|---|"]
    for attribute, flag in DECLARED.items():
        value = getattr(Flags(), attribute)
        default = str(value).lower() if isinstance(value, bool) else value
        lines.append(f"| `-{flag.name}` | {default} | {flag.usage} |")
    return _HEAD + "\n".join(lines) + "\n"


PAGES: Final[Mapping[str, Callable[[], str]]] = {"procedures.md": procedures, "flags.md": flags}


def stale() -> Iterator[str]:
    """Names of pages that do not say what the code says."""
    for name, page in PAGES.items():
        file = FOLDER / name
        if not file.exists() or file.read_text(encoding="utf-8") != page():
            yield name


def main() -> int:
    """Write what is stale."""
    for name in list(stale()):
        (FOLDER / name).write_text(PAGES[name](), encoding="utf-8")
        sys.stdout.write(f"{name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
