"""What a start costs: nothing of what the first look into a bucket needs is there before it."""

from __future__ import annotations

import os
import subprocess
import sys

STARTED = """
import sys
import reagent.__main__, reagent.launcher, reagent.process, reagent.agent
late = ("tuf", "securesystemslib", "urllib3", "reagent.adapters.tuf", "reagent.adapters.http.downloads",
        "reagent.updates.trust.", "reagent.updates.plain", "reagent.updates.fetch")
print([name for name in sys.modules if name.startswith(late)])
"""


def test_a_start_imports_nothing_that_the_first_look_needs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STARTED],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=25,
    )

    assert done.stdout == "[]\n"
