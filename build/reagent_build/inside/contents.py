"""Which Python modules go into an executable, and which of them lie there ready to run.

Decided by `reagent.spec` and by what stands in the source folders; nothing is imported.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Module:
    """One Python module: `path` is None for a package that has no file of its own."""

    name: str
    path: Path | None
    is_package: bool
    shown_as: str


def covers(prefixes: Iterable[str], name: str) -> bool:
    """A prefix stands for the module of that name and everything below it."""
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def modules_under(folder: Path, left_out: tuple[str, ...] = ()) -> dict[str, Module]:
    """Read a folder that would stand on sys.path.

    Folders of modules without `__init__` are packages too; shared objects and data are not
    modules. Names that `left_out` covers are not looked into.
    """
    return {
        module.name: module
        for module in _walk(folder, folder, "", left_out)
        if not covers(left_out, module.name)
    }


def _walk(root: Path, folder: Path, prefix: str, left_out: tuple[str, ...]) -> Iterator[Module]:
    for path in sorted(folder.iterdir()):
        shown_as = f"<{path.relative_to(root).as_posix()}>"
        if path.is_dir():
            name = prefix + path.name
            if not path.name.isidentifier() or covers(left_out, name):
                continue
            inside = list(_walk(root, path, name + ".", left_out))
            own = path / "__init__.py"
            if own.exists():
                yield Module(
                    name, own, is_package=True, shown_as=f"<{own.relative_to(root).as_posix()}>"
                )
            elif inside:
                yield Module(name, None, is_package=True, shown_as=shown_as)
            yield from inside
        elif path.suffix == ".py" and path.stem.isidentifier() and path.stem != "__init__":
            yield Module(prefix + path.stem, path, is_package=False, shown_as=shown_as)


def merged(*layers: Mapping[str, Module]) -> dict[str, Module]:
    """Later layers win, whole packages at a time: a stand-in replaces what is below it too."""
    result: dict[str, Module] = {}
    for layer in layers:
        replaced = {name.partition(".")[0] for name in layer}
        result = {
            name: module
            for name, module in result.items()
            if name.partition(".")[0] not in replaced
        }
        result.update(layer)
    return result
