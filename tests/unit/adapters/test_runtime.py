"""reagent.adapters.runtime: what the log says an agent runs on."""

from __future__ import annotations

import re
import subprocess
import sys

from reagent.adapters.runtime import versions
from reagent.adapters.sqlite.driver import library

_ASK = (
    "import sys, reagent.process\n"
    "from reagent.adapters.sqlite.driver import library; library(); opened = set(sys.modules)\n"
    "from reagent.adapters.runtime import versions; versions()\n"
    "print(sorted(set(sys.modules) - opened))\n"
)


def test_it_names_the_three_that_get_security_updates() -> None:
    found = versions()

    assert set(found) == {"python", "openssl", "sqlite"}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+\w*", version) for version in found.values())
    assert found["sqlite"] == library().sqlite_version


def test_it_imports_nothing_that_a_start_has_not_imported() -> None:
    said = subprocess.run(
        [sys.executable, "-c", _ASK], capture_output=True, text=True, check=True
    ).stdout

    assert said == "[]\n"
