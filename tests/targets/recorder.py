"""A pytest plugin that writes down what a file's tests said as soon as the last of them ended.

`-p tests.targets.recorder`, and REAGENT_TEST_RECORD names the file: JSON lines. A run that is cut
leaves every file that it was through with, and no half of another.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from pathlib import Path
from typing import Final

import pytest

RECORD: Final = "REAGENT_TEST_RECORD"


class Recorder:
    """Listens to one run."""

    def __init__(self, record: Path) -> None:
        self._record = record
        self._left: Counter[str] = Counter()
        self._outcomes: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._left.update(_file(item.nodeid) for item in session.items)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file, _, name = report.nodeid.partition("::")
        known = self._outcomes[file].get(name, "passed")
        self._outcomes[file][name] = known if report.passed or known == "failed" else report.outcome
        self._seconds[file] += report.duration
        if report.when == "teardown":
            self._left[file] -= 1
            if not self._left[file]:
                self._write(file)

    def _write(self, file: str) -> None:
        line = {
            "file": file,
            "seconds": round(self._seconds[file]),
            "outcomes": self._outcomes[file],
        }
        with self._record.open("a", encoding="utf-8") as record:
            print(json.dumps(line), file=record)


def pytest_configure(config: pytest.Config) -> None:
    named = os.environ.get(RECORD)
    if named:
        config.pluginmanager.register(Recorder(Path(named)), "recorder")


def _file(node: str) -> str:
    return node.partition("::")[0]
