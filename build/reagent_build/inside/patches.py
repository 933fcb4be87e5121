"""Small changes to modules of the standard library (build/static/patches.toml)."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from reagent_build.inside.contents import Module
from reagent_build.inside.toolchain import BuildError


def patched(
    modules: Mapping[str, Module], patches: Iterable[Mapping[str, str]], work: Path
) -> dict[str, Module]:
    """The modules, those with a patch from a changed copy in `work`.

    Raises:
        BuildError: the text to be replaced does not occur exactly once.
    """
    result = dict(modules)
    for patch in patches:
        module = result[patch["module"]]
        source = "" if module.path is None else module.path.read_text()
        if source.count(patch["find"]) != 1:
            raise BuildError(
                f"patches.toml: {module.name} of this CPython does not hold, or holds more than"
                f" once:\n{patch['find']}"
            )
        copy = work / f"patched.{module.name}.py"
        copy.write_text(source.replace(patch["find"], patch["replace"]))
        result[module.name] = replace(module, path=copy)
    return result
