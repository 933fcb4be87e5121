"""The payload of an executable: code and data in one block, and the C tables that point into it.

Everything here is a pure function of its arguments, so two builds of the same sources are the same
bytes: sorted names, no dates, no paths of the build machine.
"""

import marshal
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reagent_build.inside.contents import Module

_ALIGNMENT = 16
_BEST_COMPRESSION = 9
# Compression that saves less than this is not worth an inflate at run time.
_WORTH_PACKING = 0.9


@dataclass(frozen=True, slots=True)
class Entry:
    """Where something lies in the block; `inflated` is 0 when it lies there as it is."""

    name: str
    offset: int
    size: int
    inflated: int
    is_package: bool


@dataclass(frozen=True, slots=True)
class Payload:
    """The block and its tables, each sorted by name in byte order."""

    block: bytes
    modules: tuple[Entry, ...]
    resources: tuple[Entry, ...]
    generated: tuple[Entry, ...]


def compiled(module: Module) -> bytes:
    """Marshalled bytecode without docstrings and asserts.

    The interpreter that runs this leaves out columns, too (-X no_debug_ranges).

    Raises:
        SyntaxError: the module is not for this version of Python.
    """
    source = b"" if module.path is None else module.path.read_bytes()
    code = compile(source, module.shown_as, "exec", dont_inherit=True, optimize=2)
    return marshal.dumps(code)


def laid_out(
    modules: Mapping[str, tuple[bytes, bool]],
    resources: Mapping[str, bytes],
    generated: Mapping[str, bytes],
    stored: Iterable[str],
) -> Payload:
    """Put everything into one block.

    Args:
        modules: name -> bytecode, and whether it is a package.
        resources: name -> content.
        generated: what `_reagent.generated` is asked -> its answer, marshalled.
        stored: names of what lies there as it is; `generated` always does, all else is compressed.
    """
    as_they_are = frozenset(stored)
    block = bytearray()

    def put(name: str, content: bytes, *, packed: bool, is_package: bool) -> Entry:
        squeezed = zlib.compress(content, _BEST_COMPRESSION) if packed else content
        packed = len(squeezed) < len(content) * _WORTH_PACKING
        held = squeezed if packed else content
        block.extend(b"\0" * (-len(block) % _ALIGNMENT))
        offset = len(block)
        block.extend(held)
        return Entry(name, offset, len(held), len(content) if packed else 0, is_package)

    # What every start reads lies together: fewer pages are touched.
    first = {name: name not in as_they_are for name in modules}
    entries = [
        put(name, modules[name][0], packed=packed, is_package=modules[name][1])
        for name, packed in sorted(first.items(), key=lambda item: (item[1], item[0].encode()))
    ]
    ready = [
        put(key, content, packed=False, is_package=False)
        for key, content in sorted(generated.items())
    ]
    data = [
        put(name, resources[name], packed=name not in as_they_are, is_package=False)
        for name in sorted(resources, key=str.encode)
    ]
    return Payload(bytes(block), _in_order(entries), _in_order(data), _in_order(ready))


def _in_order(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=lambda entry: entry.name.encode()))


def c_tables(
    payload: Payload, *, bootstrap: Iterable[str], builtins: Mapping[str, str], command: str
) -> str:
    """Write the C source that goes with the block.

    Args:
        payload: the block's tables.
        bootstrap: modules that CPython's own frozen importer must find.
        builtins: C modules, name -> the function that makes it.
        command: the Python code that runs the application.
    """
    places = {entry.name: entry for entry in payload.modules}
    lines = ['#include "payload.h"', ""]
    lines += _entry_table("modules", "module", payload.modules)
    lines += _entry_table("resources", "resource", payload.resources)
    lines += _entry_table("generated", "generated", payload.generated)
    lines.append("const struct _frozen payload_bootstrap[] = {")
    for name in sorted(bootstrap):
        at = places[name]
        lines.append(f"    {{{_c(name)}, payload + {at.offset}, {at.size}, {int(at.is_package)}}},")
    lines += ["    {NULL, NULL, 0, 0},", "};", ""]
    lines += [
        f"extern PyObject *{function}(void);"
        for function in sorted(set(builtins.values()) - {"NULL"})
    ]
    lines += ["", "struct _inittab payload_inittab[] = {"]
    lines += [f"    {{{_c(name)}, {function}}}," for name, function in sorted(builtins.items())]
    lines += [
        "    {NULL, NULL},",
        "};",
        "",
        f"const wchar_t payload_command[] = L{_c(command)};",
        "",
    ]
    return "\n".join(lines)


def _entry_table(plural: str, singular: str, entries: tuple[Entry, ...]) -> list[str]:
    rows = [
        f"    {{{_c(at.name)}, {at.offset}, {at.size}, {at.inflated}, {int(at.is_package)}}},"
        for at in entries
    ]
    return [
        f"const struct entry payload_{plural}[] = {{",
        *rows,
        "    {NULL, 0, 0, 0, 0},",
        "};",
        f"const size_t payload_{singular}_count = {len(entries)};",
        "",
    ]


def _c(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
