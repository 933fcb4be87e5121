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
        if not authid or "/" in authid:
            raise ValueError("no such user")
        found: Principal = json.loads((folder / f"{authid}.json").read_text(encoding="utf-8"))
        return found

    return authenticate
