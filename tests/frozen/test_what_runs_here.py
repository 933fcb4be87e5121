"""An executable says in its log what it is made of, and its bill of materials says the same."""

from __future__ import annotations

import json
import re

import pytest

from reagent_build.sbom_papers import bill_of
from sandbox.device import Device
from sandbox.program import Program

pytestmark = pytest.mark.timeout(60)


async def test_the_log_of_a_start_names_python_openssl_and_sqlite(device: Device) -> None:
    await device.start("-offline")

    entry = await device.logged("the agent starts")

    assert entry["level"] == "info"
    for name in ("python", "openssl", "sqlite"):
        assert re.fullmatch(r"\d+\.\d+\.\d+\w*", str(entry[name])), name


async def test_the_bill_of_materials_names_the_same(device: Device, program: Program) -> None:
    bill = bill_of(program.executable)
    if not bill.exists():
        pytest.skip(f"{bill.name} is not built")
    await device.start("-offline")

    entry = await device.logged("the agent starts")

    cpes = [each.get("cpe", "") for each in json.loads(bill.read_text())["components"]]
    named = {words[4]: words[5] for words in (cpe.split(":") for cpe in cpes if cpe)}
    assert {name: entry[name] for name in ("python", "openssl", "sqlite")} == {
        name: named[name] for name in ("python", "openssl", "sqlite")
    }
