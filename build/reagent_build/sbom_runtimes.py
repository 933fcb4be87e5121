"""What an executable has of the Python it is frozen with, where that is not Debian's static one."""

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from reagent_build.errors import BuildError
from reagent_build.sbom_facts import Runtime

# Run by that Python; the licence lies in another place with every publisher.
_ASK: Final = """
import json, os, platform, sqlite3, ssl, sysconfig
folder = sysconfig.get_path("stdlib")
places = [f"{folder}/LICENSE.txt", f"{folder}/../../LICENSE.txt", f"{folder}/../LICENSE.txt"]
text = next((open(each).read() for each in places if os.path.exists(each)), "")
openssl = ssl.OPENSSL_VERSION.split()[1]
print(json.dumps([platform.python_version(), openssl, sqlite3.sqlite_version, text]))
"""


_SAID: Final = re.compile(r"CPython (\S+), OpenSSL (\S+), SQLite (\S+)")


def said(text: str) -> tuple[Runtime, ...]:
    """CPython and what it brings along, as a runtime said in its check.

    Raises:
        BuildError: it did not.
    """
    found = _SAID.search(text)
    if found is None:
        raise BuildError("the runtime does not say of which versions it is made")
    return tuple(runtimes(python=found[1], openssl=found[2], sqlite=found[3]))


def boot_loader(version: str) -> Runtime:
    """What PyInstaller puts in front of an executable."""
    return Runtime(
        name="pyinstaller",
        version=version,
        licence="GPL-2.0-or-later WITH Bootloader-exception",
        purl=f"pkg:pypi/pyinstaller@{version}",
        homepage="https://pyinstaller.org",
    )


def with_pysqlite(version: str, sqlite: str) -> tuple[Runtime, ...]:
    """pysqlite3, and the SQLite that is compiled into it."""
    return (
        Runtime(
            name="pysqlite3",
            version=version,
            licence="Zlib",
            purl=f"pkg:pypi/pysqlite3@{version}",
            homepage="https://github.com/coleifer/pysqlite3",
        ),
        _sqlite(sqlite),
    )


def of_python(command: Sequence[str | Path]) -> tuple[Runtime, ...]:
    """CPython and what it brings along, as that interpreter says itself.

    Raises:
        BuildError: it cannot say.
    """
    done = subprocess.run(
        [*map(str, command), "-c", _ASK], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BuildError(f"the Python of the build does not say what it is: {done.stderr[-500:]}")
    python, openssl, sqlite, text = json.loads(done.stdout)
    return tuple(runtimes(python=python, openssl=openssl, sqlite=sqlite, python_licence=text))


def runtimes(
    *, python: str, openssl: str, sqlite: str, python_licence: str = ""
) -> Iterator[Runtime]:
    """The three that every executable has, with the versions that it really has."""
    yield Runtime(
        name="python",
        version=python,
        licence="Python-2.0.1",
        purl=f"pkg:generic/python@{python}",
        homepage="https://www.python.org",
        vendor="python",
        notice=python_licence,
    )
    yield Runtime(
        name="openssl",
        version=openssl,
        licence="Apache-2.0",
        purl=f"pkg:generic/openssl@{openssl}",
        homepage="https://openssl-library.org",
        vendor="openssl",
    )
    yield _sqlite(sqlite)


def _sqlite(version: str) -> Runtime:
    return Runtime(
        name="sqlite",
        version=version,
        licence="blessing",
        purl=f"pkg:generic/sqlite@{version}",
        homepage="https://www.sqlite.org",
        vendor="sqlite",
    )
