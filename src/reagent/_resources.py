"""Where the data of the package lies: beside its modules, in a source tree and under PyInstaller.

The static executable carries another module of this name, which reads its own payload. Neither
imports anything that a start does not import anyway.
"""

import os

_FOLDER = os.path.dirname(__file__)  # noqa: PTH120 - pathlib costs more than everything else here
_CODE = (".py", ".pyi", ".pyc")
# The authorities that certifi brings, where the build did not put them beside us.
_AUTHORITIES = "cacert.pem"


def load(name: str) -> bytes:
    """The bytes of one file.

    Raises:
        KeyError: there is none of that name.
    """
    if os.path.isabs(name) or ".." in name.split("/"):  # noqa: PTH117
        raise KeyError(name)
    path = os.path.join(_FOLDER, *name.split("/"))  # noqa: PTH118
    if name == _AUTHORITIES and not os.path.exists(path):  # noqa: PTH110
        import certifi  # noqa: PLC0415 - a source tree only, and rarely

        path = certifi.where()
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read()
    except OSError as error:
        raise KeyError(name) from error


def every_name() -> tuple[str, ...]:
    """The name of every file that is data, sorted."""
    found = {_AUTHORITIES}
    for folder, subfolders, files in os.walk(_FOLDER):
        subfolders[:] = [subfolder for subfolder in subfolders if subfolder != "__pycache__"]
        within = os.path.relpath(folder, _FOLDER).replace(os.sep, "/")
        prefix = "" if within == "." else within + "/"
        found.update(prefix + file for file in files if not file.endswith(_CODE))
    return tuple(sorted(found))
