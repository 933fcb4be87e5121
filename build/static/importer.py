"""Finds modules in the executable's own payload: the frozen executable's finder of Python code.

Frozen under the name `_reagent_importer` and imported by the launcher before the application.
CPython's own table of frozen modules is searched from its beginning for every name, and holds no
compressed entries; `_reagent` answers by binary search and inflates what is rarely used.
"""

import sys
from _frozen_importlib import ModuleSpec

import _reagent


class Importer:
    """A meta path finder and loader in one, without state."""

    @staticmethod
    def find_spec(name, path=None, target=None):  # noqa: ANN001, ANN205, ARG004 - a start's first lines
        """Answer for names in the payload, None for all others."""
        is_package = _reagent.locate(name)
        if is_package is None:
            return None
        return ModuleSpec(name, Importer, origin="reagent", is_package=is_package)

    @staticmethod
    def create_module(spec) -> None:  # noqa: ANN001
        """Leave it to the import system."""

    @staticmethod
    def exec_module(module) -> None:  # noqa: ANN001
        """Run the module's code in its own namespace."""
        exec(_reagent.code(module.__spec__.name), module.__dict__)

    @staticmethod
    def get_code(name):  # noqa: ANN001, ANN205
        """For runpy and tracebacks."""
        return _reagent.code(name)

    @staticmethod
    def get_source(name) -> None:  # noqa: ANN001
        """Source is not shipped."""

    @staticmethod
    def is_package(name) -> bool:  # noqa: ANN001
        """Say whether the payload holds it as a package."""
        return _reagent.locate(name) is True


# Built-in and CPython's own frozen modules are left to their finders; nothing looks at paths.
sys.meta_path[:] = [Importer, *sys.meta_path[:2]]
sys.path_hooks.clear()
