"""The table: plain on a terminal, Markdown in docs/benchmarks.md between its two marks."""

import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.figures import Figure, Table
from sandbox.paths import REPOSITORY

PAGE: Final = REPOSITORY / "docs/benchmarks.md"
BEGIN: Final = "<!-- the table: written by `nox -s bench -- --write` -->"
END: Final = "<!-- end of the table -->"
HEAD: Final = ("what", "the agent", "reference", "the reference is", "ratio", "budget")


def plain(figures: Sequence[Figure], tables: Sequence[Table] = ()) -> str:
    """Aligned columns."""
    parts = []
    if figures:
        parts.append(_aligned([HEAD, *(figure.cells() for figure in figures)]))
        parts += [f"  {figure.what}: {figure.note}" for figure in figures if figure.note]
    for table in tables:
        parts += ["", table.title, _aligned([table.head, *table.rows]), table.note]
    return "\n".join(parts).replace("**", "")


def markdown(figures: Sequence[Figure], tables: Sequence[Table], run: Sequence[str]) -> str:
    """A table, its notes, under which conditions it was measured, and what goes where."""
    lines = _rows(HEAD, [figure.cells() for figure in figures])
    notes = [f"* {figure.what}: {figure.note}" for figure in figures if figure.note]
    lines += ["", *(["Notes", "", *notes, ""] if notes else []), *run]
    for table in tables:
        lines += ["", f"### {table.title}", "", *_rows(table.head, table.rows)]
        lines += ["", table.note] if table.note else []
    return "\n".join(lines)


def write(
    figures: Sequence[Figure], tables: Sequence[Table], run: Sequence[str], page: Path = PAGE
) -> None:
    """Put the tables into the page, in place of those before.

    Raises:
        ValueError: the page has lost its marks.
    """
    head, begun, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, ended, tail = rest.partition(END)
    if not begun or not ended:
        raise ValueError(f"{page} has no place for the table")
    text = markdown(figures, tables, run)
    page.write_text(f"{head}{BEGIN}\n\n{text}\n\n{END}{tail}", encoding="utf-8")


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


def _aligned(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _rows(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    lines = ["| " + " | ".join(row) + " |" for row in (head, *rows)]
    return [lines[0], "|" + "---|" * len(head), *lines[1:]]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
