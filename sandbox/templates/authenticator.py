# ruff: noqa: INP001 - Crossbar loads it from a run folder, never as a module of ours
"""Who may join the sandbox's router: one JSON file for each authid. Runs inside Crossbar.

Read at every join, so that a test adds a device, or spoils its secret, without a restart.
"""

import json
from collections.abc import Callable
from pathlib import Path

Principal = dict[str, object]


def create(
    config: dict[str, str], _controller: object
) -> Callable[[str, str, dict[str, object]], Principal]:
    """Crossbar calls this once; what it returns answers each join."""
    folder = Path(config["users"])

    def authenticate(_realm: str, authid: str, _details: dict[str, object]) -> Principal:
        """The secret and role of `authid`, with salt where the file has one; unknown ones raise."""
        file = folder / f"{authid}.json"
        if not authid or "/" in authid or not file.is_file():
            raise ValueError(f'no principal with authid "{authid}" exists')
        found: Principal = json.loads(file.read_text(encoding="utf-8"))
        return found

    return authenticate
