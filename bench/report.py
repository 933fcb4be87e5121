"""The table: plain on a terminal, Markdown in docs/benchmarks.md between its two marks."""

import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.figures import Figure
from sandbox.paths import REPOSITORY

PAGE: Final = REPOSITORY / "docs/benchmarks.md"
BEGIN: Final = "<!-- the table: written by `nox -s bench -- --write` -->"
END: Final = "<!-- end of the table -->"
HEAD: Final = ("what", "the agent", "reference", "the reference is", "ratio", "budget")


def plain(figures: Sequence[Figure]) -> str:
    """Aligned columns."""
    rows = [HEAD, *(figure.cells() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    notes = [f"  {figure.what}: {figure.note}" for figure in figures if figure.note]
    return "\n".join((*lines, *notes)).replace("**", "")


def markdown(figures: Sequence[Figure], run: Sequence[str]) -> str:
    """A table, its notes, and under which conditions it was measured."""
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    lines += ["| " + " | ".join(figure.cells()) + " |" for figure in figures]
    notes = [f"* {figure.what}: {figure.note}" for figure in figures if figure.note]
    return "\n".join((*lines, "", *(["Notes", "", *notes, ""] if notes else []), *run))


def write(figures: Sequence[Figure], run: Sequence[str], page: Path = PAGE) -> None:
    """Put the table into the page, in place of the one before.

    Raises:
        ValueError: the page has lost its marks.
    """
    head, begun, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, ended, tail = rest.partition(END)
    if not begun or not ended:
        raise ValueError(f"{page} has no place for the table")
    table = markdown(figures, run)
    page.write_text(f"{head}{BEGIN}\n\n{table}\n\n{END}{tail}", encoding="utf-8")


def conditions(program: str) -> list[str]:
    """What the figures hold for: the program, the machine, and how busy it was."""
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
    )
    where = f"{_processor()}, {os.cpu_count()} cores, Linux {platform.release()}"
    return [
        f"Measured: {program}, repository at `{found.stdout.strip() or 'unknown'}`, on {where}.",
        f"Load at the end {os.getloadavg()[0]:.1f}. Medians, lowest and highest in brackets.",
    ]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
