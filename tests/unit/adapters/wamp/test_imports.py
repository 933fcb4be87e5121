"""What comes into a device's memory with the session, and what must not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import reagent

SOURCE = """
import json, sys
import reagent.adapters.wamp.connect, reagent.adapters.wamp.backend, reagent.connection.link
print(json.dumps(sorted(sys.modules)))
"""


@pytest.fixture(scope="module")
def imported() -> set[str]:
    ran = subprocess.run(
        [sys.executable, "-OO", "-c", SOURCE],
        capture_output=True,
        check=True,
        text=True,
        env={"PYTHONPATH": str(Path(reagent.__path__[0]).parent)},
    )
    return set(json.loads(ran.stdout))


@pytest.mark.parametrize(
    "heavy",
    [
        "cryptography",
        "hyperlink",
        "idna",
        "twisted",
        "msgpack",
        "flatbuffers",
        "autobahn.asyncio",
        "autobahn.nvx",
        "autobahn.wamp.auth",
        "autobahn.wamp.protocol",
        "autobahn.wamp.serializer",
        "autobahn.wamp.component",
        "email",
        "http.client",
        "urllib.request",
    ],
)
def test_nothing_heavy_is_imported(imported: set[str], heavy: str) -> None:
    assert heavy not in imported


def test_the_websocket_is_autobahns(imported: set[str]) -> None:
    assert "autobahn.websocket.protocol" in imported
