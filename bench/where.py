"""Where a start's time and an idle agent's memory go: by import, by owner, by kind of page.

The executable's own runtime runs the executable's own code under `bench/reference/watched.py`,
until CONNECTED for the time, until it idles for the memory. Kinds of pages are those of the
executable itself, with nothing of ours in it.
"""

import asyncio
import json
import statistics
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, TypedDict

from bench.figures import Table
from bench.idle import AFTER_S
from bench.probes import agent_with
from bench.processes import pages
from sandbox.cloud import Cloud
from sandbox.program import Program

WATCHED: Final = Path(__file__).parent / "reference/watched.py"
_WITHIN_S: Final = 30.0
_POLL_S: Final = 0.05
# What is less than this of the whole stands in one row with its like.
_SMALL: Final = 0.01
_OTHERS: Final = "others"
_WRITTEN: Final = "methods that dataclasses and named tuples write"


class Account(TypedDict):
    """What `watched.py` writes: nanoseconds of CPU, bytes."""

    begun: int
    used: int
    spent: dict[str, int]
    code: dict[str, int]
    held: dict[str, int]


async def measure(cloud: Cloud, program: Program, runs: int) -> list[Table]:
    """Three tables: imports, owners of the heap, kinds of pages.

    Raises:
        BuildError: the program is not a static executable.
    """
    with tempfile.TemporaryDirectory() as folder:
        watched = agent_with(program, WATCHED.read_text(encoding="utf-8"), Path(folder))
        starts = [await _account(cloud, watched, Path(folder, f"{run}")) for run in range(runs)]
        heap = await _account(cloud, watched, Path(folder, "heap"), after=AFTER_S)
    return [imports(starts), owners(heap), await _pages(cloud, program)]


def owner(module: str) -> str:
    """Who answers for a module: its package, and of our own the layer."""
    words = module.split(".")
    return ".".join(words[:2]) if words[0] == "reagent" and len(words) > 1 else words[0]


def module_of(file: str) -> str:
    """The module of a file name as tracebacks show it: <reagent/agent.py>."""
    path = file.strip("<>").removeprefix("frozen ").removesuffix(".py").removesuffix("/__init__")
    return _WRITTEN if path == "string" else path.replace("/", ".")


def imports(starts: list[Account]) -> Table:
    """CPU time of a start by what was imported, medians of all starts."""
    times: dict[str, list[float]] = defaultdict(list)
    for account in starts:
        by_owner: Counter[str] = Counter()
        for module, spent in account["spent"].items():
            by_owner[owner(module)] += spent
        for name, nanoseconds in by_owner.items():
            times[name].append(nanoseconds / 1e6)
    found = {name: statistics.median(values) for name, values in times.items()}
    modules = Counter(owner(module) for module in starts[-1]["spent"])
    before = statistics.median(account["begun"] / 1e6 for account in starts)
    whole = statistics.median(account["used"] / 1e6 for account in starts)
    importing = sum(found.values())

    def row(what: str, number: int | None, spent: float) -> tuple[str, ...]:
        return (what, "" if number is None else str(number), f"{spent:.1f}", _percent(spent, whole))

    return Table(
        "Where a start's CPU time goes, launch to CONNECTED",
        ("what", "modules", "ms", "of the whole"),
        (
            row("**all of it**", None, whole),
            row("the kernel and the interpreter, up to the first line", None, before),
            row("running: settings, database, dial, join, register, report", None,
                whole - before - importing),
            row("importing", modules.total(), importing),
            *(
                row(f"… {name}", sum(modules[each] for each in members),
                    sum(found[each] for each in members))
                for name, members in _grouped(found, whole)
            ),
        ),
        f"Medians of {len(starts)} starts; a module's own time, without what it imports in turn."
        " Keeping the account is in it.",
    )  # fmt: skip


def owners(account: Account) -> Table:
    """Python's heap of an idle agent by whose code lies there, and whose lines asked for the rest.

    Whoever makes a table of the interpreter's double in size is charged with it.
    """
    code: Counter[str] = Counter()
    objects: Counter[str] = Counter()
    for module, size in account["code"].items():
        code[owner(module)] += size
    for file, size in account["held"].items():
        objects[owner(module_of(file))] += size
    # The program that keeps the account took all code up, and has no name of its own.
    objects[_WRITTEN] -= code.total()
    modules = Counter(owner(module) for module in account["code"])
    both = code + objects
    whole = both.total()

    def row(what: str, members: Iterable[str]) -> tuple[str, ...]:
        number, own, asked = (
            sum(found[each] for each in members) for found in (modules, code, objects)
        )
        return (what, str(number), *(f"{size / 1e6:.2f}" for size in (own, asked, own + asked)))

    return Table(
        f"Who owns Python's heap, {AFTER_S:.0f} s after CONNECTED",
        ("owner", "modules", "code, MB", "objects, MB", "MB"),
        (
            row("**all of it**", both),
            *(row(name, members) for name, members in _grouped(both, whole)),
        ),
        "tracemalloc in the executable's own runtime. Code: what taking up a module's bytecode"
        " leaves behind; objects: what its lines asked for, classes and functions included. What C"
        " libraries ask for themselves (OpenSSL, SQLite) is in the next table only.",
    )


async def _account(cloud: Cloud, watched: Program, tell: Path, after: float = 0.0) -> Account:
    device = cloud.new_device(watched)
    device.environment["BENCH_TELL"] = str(tell)
    if after:
        device.environment["BENCH_HEAP"] = "1"
    await device.start()
    await cloud.backend.status(device.identity, "CONNECTED", within=_WITHIN_S)
    await asyncio.sleep(after)
    tell.with_name(f"{tell.name}.now").touch()
    async with asyncio.timeout(_WITHIN_S):
        while True:
            if (found := _told(tell)) is not None:
                break
            await asyncio.sleep(_POLL_S)
    await device.stop()
    return found


def _told(tell: Path) -> Account | None:
    if not tell.exists():
        return None
    found: Account = json.loads(tell.read_text(encoding="utf-8"))
    return found


async def _pages(cloud: Cloud, program: Program) -> Table:
    device = cloud.new_device(program)
    await device.start()
    await cloud.backend.status(device.identity, "CONNECTED")
    await asyncio.sleep(AFTER_S)
    found = pages(device.pid)
    await device.stop()
    whole = sum(found.values())
    return Table(
        f"What an idle agent's memory is, {AFTER_S:.0f} s after CONNECTED",
        ("pages", "MB", "of the whole"),
        (
            *(
                (what, f"{size / 1e6:.2f}", _percent(size, whole))
                for what, size in (("**all of it (PSS)**", whole), *found.items())
            ),
        ),
    )


def _grouped(found: Mapping[str, float], whole: float) -> list[tuple[str, tuple[str, ...]]]:
    """Names, largest first, each with who stands behind it; all that is small behind one."""
    ordered = sorted(found, key=lambda name: (-found[name], name))
    large: list[tuple[str, tuple[str, ...]]] = [
        (name, (name,)) for name in ordered if found[name] >= _SMALL * whole
    ]
    small = tuple(name for name in ordered if found[name] < _SMALL * whole)
    return [*large, (_OTHERS, small)] if small else large


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %"
