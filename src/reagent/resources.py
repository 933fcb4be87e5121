"""The data of the package: migrations, certificate authorities, the version.

Nothing else opens files of the package. Names are relative to it, with "/" between: "version.txt",
"adapters/sqlite/migrations/0001_initial.sql". "cacert.pem" holds the certificate authorities for
devices that bring none. A frozen executable has no files of its own, so the package never asks for
`__file__`.
"""

from reagent import _resources


def read(name: str) -> bytes:
    """The bytes of one resource.

    Raises:
        KeyError: there is none of that name, which is a mistake in the program or in the build.
    """
    return _resources.load(name)


def names(prefix: str = "") -> tuple[str, ...]:
    """Every resource whose name begins with `prefix`, sorted."""
    return tuple(name for name in _resources.every_name() if name.startswith(prefix))
