"""Which system the device runs, and which it could run (docs/contract/wamp.md 4.28).

Only images of the platform have the second file; everywhere else the answer is empty.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from reagent.api.procedure import procedure
from reagent.errors import Failed
from reagent.model.call import Answer, Call, Privilege

CURRENT: Final = "/etc/os-release"
LATEST: Final = "/etc/os-release-latest.json"
# Both are a few lines; what is larger is something else.
_LONGEST: Final = 256 * 1024


class Firmware:
    """Reads the two files; writes nothing.

    Args:
        current: what the running system says of itself.
        latest: what the platform's update service left about the newest one.
    """

    def __init__(self, current: str = CURRENT, latest: str = LATEST) -> None:
        self._current = Path(current)
        self._latest = Path(latest)

    @procedure("get_os_release", needs=Privilege.READ)
    async def get_os_release(self, _call: Call) -> Answer:
        """Both releases, or nothing where one of the files is not there."""
        current = await asyncio.to_thread(_text_of, self._current)
        latest = await asyncio.to_thread(_text_of, self._latest)
        if current is None or latest is None:
            return Answer()
        releases = {
            "currentRelease": current_release(current),
            "latestRelease": latest_release(latest, str(self._latest)),
        }
        return Answer((releases,))


def current_release(text: str) -> dict[str, str]:
    """`VERSION=v0.9.1-gabcdef-1693000000` is version 0.9.1, built then; every other form neither.

    A line counts when it has exactly one `=`; one pair of double quotes is not part of the value.
    """
    found = {}
    for line in text.splitlines():
        if line.count("=") == 1:
            name, value = line.split("=")
            found[name.strip()] = _unquoted(value.strip())
    parts = found.get("VERSION", "").split("-")
    version, built = (parts[0].strip("v"), parts[2]) if len(parts) == 3 else ("", "")
    return _release(found.get("NAME", ""), version, built)


def latest_release(text: str, name: str) -> dict[str, str]:
    """The newest release, as a JSON object tells it; what it leaves out is empty.

    Raises:
        Failed: it is no JSON object; `name` is the file's.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Failed(f"failed to read {name}: it is no JSON") from error
    if not isinstance(found, Mapping):
        raise Failed(f"failed to read {name}: it is no JSON object")
    return _release(*(_as_text(found.get(key)) for key in ("name", "version", "buildtime")))


def _release(name: str, version: str, built: str) -> dict[str, str]:
    return {"Name": name, "Version": version, "BuildTime": built}


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] == '"'
    return value[1:-1] if quoted else value


def _as_text(value: object) -> str:
    """Texts as they are, numbers without an exponent; what is neither says nothing here."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value)


def _text_of(path: Path) -> str | None:
    """What the file says; None where there is none.

    Raises:
        Failed: it is there and cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Failed(f"failed to read {path}: {error.strerror}") from error
