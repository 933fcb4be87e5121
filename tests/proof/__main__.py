"""Try to brick a device in every way there is: `nox -s proof -- syscalls ext4 --minutes 20`.

Every part goes on where it ended; what was found lies in `.cache/proof`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from typing import Final

from tests.proof import page, parts

REPORTS: Final = page.ROOT / ".cache/reports"


def main() -> int:
    """Exit status 0 when nothing was lost in the parts that ran."""
    options = _options()
    status = 0
    if options.parts or not options.write:
        REPORTS.mkdir(parents=True, exist_ok=True)
        tests = [parts.TESTS[part] for part in options.parts or parts.TESTS]
        limit = {"REAGENT_PROOF": "all", "REAGENT_PROOF_S": str(options.minutes * 60)}
        status = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", f"--junitxml={REPORTS / 'proof.xml'}", *tests],
            env=os.environ | limit, cwd=page.ROOT, check=False,
        ).returncode  # fmt: skip
    if options.write:
        page.save(page.load() | page.found())
    return status


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s proof --", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"{', '.join(parts.TESTS)}; all, else"
    )
    parser.add_argument("--minutes", type=float, default=0.0, help="for each test of many places")
    parser.add_argument(
        "--write", action="store_true",
        help="write docs/proof.md and tests/data/proof.json; alone: of what was found before",
    )  # fmt: skip
    options = parser.parse_args()
    if unknown := [each for each in options.parts if each not in parts.TESTS]:
        parser.error(f"there is no part {unknown[0]}, but {', '.join(parts.TESTS)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
