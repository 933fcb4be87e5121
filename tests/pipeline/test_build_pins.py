"""What executables carry is what the source tree is tested with."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def test_both_pin_the_same_versions() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    named = dict(each.split("==") for each in project["dependencies"])
    carried = dict(
        re.findall(
            r"^(\S+)==(\S+) --hash=sha256:[0-9a-f]{64}$",
            (REPOSITORY / "build/requirements-runtime.txt").read_text(),
            re.MULTILINE,
        )
    )

    assert {"tuf", "securesystemslib"} <= named.keys()
    assert {name: carried.get(name) for name in named} == named
