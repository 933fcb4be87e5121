"""Runs the agent and keeps account of what its imports cost; `bench/where.py` reads it.

For the executable's own runtime (`reagent_build.probe`), from standard input. `BENCH_TELL` names a
file that is written once `<that file>.now` exists. With `BENCH_HEAP` memory is traced, which makes
times worthless: the two are never measured in one run.
"""

import os
import sys
import time

BEGUN = time.process_time_ns()

import _thread  # noqa: E402 - what comes before is not ours
from _frozen_importlib import BuiltinImporter  # noqa: E402

import _reagent  # noqa: E402

TELL = os.environ.pop("BENCH_TELL")
TRACED = bool(os.environ.pop("BENCH_HEAP", ""))
if TRACED:
    # The module of that name without the underscore imports what the agent imports.
    import _tracemalloc

    _tracemalloc.start(1)

main_thread = _thread.get_ident()
inner: list[int] = []
spent: dict[str, int] = {}
code: dict[str, int] = {}


def watch(importer: object, step: str) -> None:
    """Note the time of a step under the module's name, less what it imported in turn."""
    known = getattr(importer, step)

    def watched(of: object) -> object:
        if _thread.get_ident() != main_thread:
            return known(of)
        name: str = getattr(getattr(of, "__spec__", of), "name", "?")
        begun = time.thread_time_ns()
        inner.append(0)
        try:
            return known(of)
        finally:
            took = time.thread_time_ns() - begun
            spent[name] = spent.get(name, 0) + took - inner.pop()
            if inner:
                inner[-1] += took

    setattr(importer, step, staticmethod(watched))


class Weighed:
    """The executable's importer, with a look at the heap between taking code up and running it."""

    @staticmethod
    def exec_module(module: object) -> None:
        """Run the module's code in its own namespace."""
        name: str = module.__spec__.name  # type: ignore[attr-defined]
        before = _tracemalloc.get_traced_memory()[0]
        taken_up = _reagent.code(name)
        code[name] = _tracemalloc.get_traced_memory()[0] - before
        exec(taken_up, vars(module))


def tell() -> None:
    """Wait until somebody asks, then write everything down."""
    while not os.path.exists(TELL + ".now"):  # noqa: PTH110 - imports nothing that is not there
        time.sleep(0.05)
    used = time.process_time_ns()
    held: dict[str, int] = {}
    if TRACED:
        for _, size, frames, *_ in _tracemalloc._get_traces():  # noqa: SLF001 - as take_snapshot
            held[frames[0][0]] = held.get(frames[0][0], 0) + size
    import json  # noqa: PLC0415 - the agent's, by now

    found = {"begun": BEGUN, "used": used, "spent": spent, "code": code, "held": held}
    with open(TELL + ".partial", "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(found, file)
    os.rename(TELL + ".partial", TELL)  # noqa: PTH104


if TRACED:
    setattr(sys.meta_path[0], "exec_module", Weighed.exec_module)  # noqa: B010 - a class by rank
watch(sys.meta_path[0], "exec_module")
for each_step in ("create_module", "exec_module"):
    watch(BuiltinImporter, each_step)
_thread.start_new_thread(tell, ())

from reagent.__main__ import main  # noqa: E402 - watched

sys.exit(main())
