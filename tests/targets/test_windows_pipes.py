"""What carries orders on Windows, judged under wine by the tests that judge the socket.

They need an interpreter for Windows: `REAGENT_WINDOWS_INTERPRETER=.../python.exe` names one, such
as /opt/windows/python of the image that reagent.exe is built in (`docker cp`). Without it they are
skipped; what the executable makes of a pipe is in test_windows.py.
"""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Final

import pytest

from sandbox.processes import SandboxError
from sandbox.windows import windows

pytestmark = pytest.mark.timeout(400)

INTERPRETER: Final = os.environ.get("REAGENT_WINDOWS_INTERPRETER", "")
ROOT: Final = Path(__file__).parents[2]
# An embeddable interpreter hears of no folder but by what it runs.
RUN: Final = """
import os, sys
sys.path[:0] = {paths}
os.chdir(sys.path[0])
import pytest
sys.exit(pytest.main([*{options}, *{files}]))
"""
OPTIONS: Final = (
    "-q", "--noconftest", "--basetemp=C:/t", "--disable-plugin-autoload", "-p", "pytest_asyncio.plugin",
    "-p", "pytest_timeout", "-p", "no:cacheprovider",
)  # fmt: skip
FILES: Final = ("tests/contract/test_control.py", "tests/contract/test_control_pipe.py")


def test_a_pipe_does_all_that_the_socket_does(tmp_path: Path) -> None:
    if not INTERPRETER:
        pytest.skip("REAGENT_WINDOWS_INTERPRETER names no python.exe")
    places = (ROOT, ROOT / "src", Path(sysconfig.get_path("purelib")))
    script = tmp_path / "run.py"
    paths = [f"Z:{each}" for each in places]
    script.write_text(RUN.format(paths=paths, options=OPTIONS, files=FILES))

    try:
        with windows(tmp_path / "prefix") as environment:
            done = subprocess.run(
                ["wine", INTERPRETER, f"Z:{script}"], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True,
                timeout=300, env=os.environ | environment | {"PYTHONDONTWRITEBYTECODE": "1"},
            )  # fmt: skip
    except SandboxError as error:
        pytest.skip(str(error))

    assert done.returncode == 0, done.stdout
    assert " passed in " in done.stdout
    assert "skipped" not in done.stdout
