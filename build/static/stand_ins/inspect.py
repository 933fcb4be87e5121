"""Stands in for inspect at the start: the real one brings a parser, a disassembler and a tokenizer.

Here is what asyncio, dataclasses and autobahn ask in ordinary operation. Any other name loads the
real module, which the executable carries as `_full_inspect`.
"""

# ruff: noqa: D103 - each means what its name means in the real module

import sys
from collections.abc import Awaitable
from functools import partial
from types import CoroutineType, FunctionType, GeneratorType, MethodType

CO_COROUTINE = 128
CO_ITERABLE_COROUTINE = 256

currentframe = sys._getframe  # noqa: SLF001 - its public name is this module's


def isfunction(thing: object) -> bool:
    return isinstance(thing, FunctionType)


def ismethod(thing: object) -> bool:
    return isinstance(thing, MethodType)


def isclass(thing: object) -> bool:
    return isinstance(thing, type)


def isgenerator(thing: object) -> bool:
    return isinstance(thing, GeneratorType)


def iscoroutine(thing: object) -> bool:
    return isinstance(thing, CoroutineType)


def isawaitable(thing: object) -> bool:
    if isinstance(thing, GeneratorType):
        return bool(thing.gi_code.co_flags & CO_ITERABLE_COROUTINE)
    return isinstance(thing, CoroutineType | Awaitable)


def iscoroutinefunction(thing: object) -> bool:
    while isinstance(thing, MethodType | partial):
        thing = thing.__func__ if isinstance(thing, MethodType) else thing.func
    if getattr(thing, "_is_coroutine_marker", None) is not None:
        return True
    return isinstance(thing, FunctionType) and bool(thing.__code__.co_flags & CO_COROUTINE)


def unwrap(function, *, stop=None):  # noqa: ANN001, ANN201
    """Follow `__wrapped__`; a ring of wrappers is left to the real one to complain about."""
    seen = set()
    while hasattr(function, "__wrapped__") and not (stop and stop(function)):
        if id(function) in seen:
            return __getattr__("unwrap")(function, stop=stop)
        seen.add(id(function))
        function = function.__wrapped__
    return function


def get_annotations(thing, *, globals=None, locals=None, eval_str=False):  # noqa: A002, ANN001, ANN201
    """A class's own annotations, as dataclasses wants them; the real one for everything else."""
    if isinstance(thing, type) and not eval_str:
        return dict(thing.__dict__.get("__annotations__") or {})  # noqa: RUF063 - this is it
    return __getattr__("get_annotations")(thing, globals=globals, locals=locals, eval_str=eval_str)


def __getattr__(name: str) -> object:
    import _full_inspect  # noqa: PLC0415

    return getattr(_full_inspect, name)
