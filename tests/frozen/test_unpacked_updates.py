"""Updates of a build that unpacks itself: what boot loaders leave behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.program import Program
from tests.frozen.steps import until
from tests.frozen.updating import Press, Unit, started

pytestmark = pytest.mark.timeout(300)


async def test_update_after_update_only_the_version_that_runs_has_its_files_unpacked(
    cloud: Cloud, program: Program, user: Caller, tmp_path: Path
) -> None:
    if not program.unpacks_itself:
        pytest.skip("this build runs from its file")
    press, unit = Press.of(cloud, program), Unit(cloud, program)
    unit.device.environment["TMPDIR"] = str(tmp_path)
    await started(unit)

    for version in ("1.1.0", "1.2.0", "1.3.0"):
        press.release(version)
        await user.ask(unit.device.identity, "update_agent")
        await unit.on(version, within=60.0)
        await until(lambda: len(unpacked(tmp_path)) == 1, 30.0, "one folder is in use")
    await unit.device.stop()

    await until(lambda: list(tmp_path.glob("_MEI*")) == [], 30.0, "no folder is left")


def unpacked(temporary: Path) -> list[Path]:
    """The folders with an agent's files."""
    return [each for each in temporary.glob("_MEI*") if len(list(each.iterdir())) > 1]
