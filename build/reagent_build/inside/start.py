"""What every start does, learnt by doing it once: run as a script in the container's own Python.

    python3.13 -I -S -B start.py

Standard input and output are marshalled. In: the names to import, the package's folder, for every
module of the executable the file it comes from (other Python code is not found), and how many bits
an address of the target has. Out: the names of all modules that came along, and what
`_reagent.generated` was asked, with the answers that it should give (build/static/patches.toml).

Imports nothing itself that a patch changes: what is loaded before the watch begins is not watched.
"""

import marshal
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType


class Executable:
    """Finds what the executable will hold, where it holds it."""

    def __init__(self, table: dict[str, tuple[str, bool]]) -> None:
        self._table = table

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer for the table's names, None for C modules."""
        if name not in self._table:
            return None
        path, is_package = self._table[name]
        spec = ModuleSpec(name, SourceFileLoader(name, path), origin=path, is_package=is_package)
        spec.has_location = True
        return spec


class Payload(ModuleType):
    """Stands in for `_reagent`: knows the resources, and keeps what it is asked to have ready."""

    def __init__(self, package: str) -> None:
        super().__init__("_reagent")
        self._package = package
        self.asked: set[str] = set()

    def resource(self, name: str) -> bytes:
        """The bytes of one file of the package."""
        with open(f"{self._package}/{name}", "rb") as file:  # noqa: PTH123 - see above
            return file.read()

    def resource_names(self) -> tuple[str, ...]:
        """Nobody needs them to start."""
        return ()

    def generated(self, key: str) -> None:
        """Nothing is ready yet."""
        self.asked.add(key)


def answer(key: str, bits: int = 64) -> CodeType | tuple[object, ...]:
    """What `_reagent.generated` should say: code for a text, arguments of `_sre.compile` else."""
    flags, colon, pattern = key.partition(":")
    if colon and flags.isdecimal():
        return _pattern(int(flags), pattern, bits)
    return compile(key, "<string>", "exec", dont_inherit=True, optimize=2)


def _pattern(flags: int, written: str, bits: int) -> tuple[object, ...]:
    from re import _compiler, _constants, _parser  # type: ignore[attr-defined]  # noqa: PLC0415

    # "Any number of times" is the largest size of the machine that runs it (SRE_MAXREPEAT).
    if bits < 64:
        many = _constants._NamedIntConstant(2 ** (bits - 1) - 1, "MAXREPEAT")  # noqa: SLF001
        _constants.MAXREPEAT = _parser.MAXREPEAT = _compiler.MAXREPEAT = many
    engine = _compiler._sre  # noqa: SLF001
    taken: list[tuple[object, ...]] = []

    class Watched:
        """`_sre`, looked over the shoulder."""

        def __getattr__(self, name: str) -> object:
            return getattr(engine, name)

        def compile(self, text: object, flags: int, code: list[int], *groups: object) -> object:
            # The words of the code are named numbers; marshal takes plain ones.
            taken.append((text, int(flags), [int(word) for word in code], *groups))
            return engine.compile(text, flags, code, *groups)

    _compiler._sre = Watched()  # noqa: SLF001
    try:
        _compiler.compile(eval(written), flags)
    finally:
        _compiler._sre = engine  # noqa: SLF001
    return taken[-1]


def main() -> int:
    """Import, watch, write."""
    wanted, package, table, bits = marshal.load(sys.stdin.buffer)
    payload = Payload(package)
    sys.modules["_reagent"] = payload
    sys.meta_path.insert(0, Executable(table))
    for name in wanted:
        __import__(name)
    asked = sorted(payload.asked)
    marshal.dump(
        (sorted(sys.modules), [(key, answer(key, bits)) for key in asked]), sys.stdout.buffer
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
