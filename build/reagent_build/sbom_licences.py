"""Under which licence something is: what its own papers say, in SPDX's words, and never a guess.

Debian's copyright files say it in a form that can be read (DEP-5) or in prose. For prose, and for
what has no SPDX name in DEP-5, there is a row in `BY_SOURCE`, by somebody who read the file.
What neither gives stops the build.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from cyclonedx import spdx

from reagent_build.errors import BuildError

# DEP-5's short names, where SPDX writes them in another way.
_SHORT_NAMES: Final[Mapping[str, str]] = {
    "expat": "MIT",
    "mit": "MIT",
    "zlib": "Zlib",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "isc": "ISC",
    "apache-2.0": "Apache-2.0",
    "gpl-2": "GPL-2.0-only",
    "gpl-2+": "GPL-2.0-or-later",
    "gpl-3": "GPL-3.0-only",
    "gpl-3+": "GPL-3.0-or-later",
    "lgpl-2.1": "LGPL-2.1-only",
    "lgpl-2.1+": "LGPL-2.1-or-later",
}
# Source package, as a pattern -> what its copyright file says of the code that is linked.
BY_SOURCE: Final[Mapping[str, str]] = {
    r"python3\.\d+": "Python-2.0.1",
    # libgcc, and the startup files: the runtime libraries of the compiler.
    r"gcc-\d+(-cross(-ports)?)?": "GPL-3.0-or-later WITH GCC-exception-3.1",
    # The public domain, as SQLite's authors put it.
    r"sqlite3": "blessing",
}
_NO_SPDX_LICENCE: Final = re.compile(r"LicenseRef-[A-Za-z0-9.-]+")
_OPERATORS: Final = re.compile(r"\s+(and|or)\s+|,\s*(and|or)\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Licence:
    """What holds for the code that is linked, and what else the paper names."""

    expression: str
    """SPDX."""
    named: tuple[str, ...] = ()
    """Every licence that the copyright file has, in its own words: of tests and tools, too."""


def of_source(source: str, copyright_text: str) -> Licence:
    """The licence of a Debian source package.

    Raises:
        BuildError: its copyright file is prose or names what SPDX does not, and no row is here.
    """
    named = tuple(sorted({name for _, name in _files(copyright_text)}))
    for pattern, expression in BY_SOURCE.items():
        if re.fullmatch(pattern, source):
            return Licence(checked(expression, source), named)
    for files, name in _files(copyright_text):
        if "*" in files.split():
            return Licence(checked(_in_spdx(name, source), source), named)
    raise BuildError(
        f"the copyright file of {source} does not say in a form that can be read what holds for the"
        " whole: read it, and put a row into reagent_build/sbom_licences.py"
    )


def checked(expression: str, whose: str) -> str:
    """An SPDX expression, or a name for a licence that SPDX does not have; or nothing goes on.

    Raises:
        BuildError: it is neither.
    """
    named = _NO_SPDX_LICENCE.fullmatch(expression)
    if not (named or spdx.is_supported_id(expression) or spdx.is_expression(expression)):
        raise BuildError(f"{whose}: {expression!r} is no SPDX licence expression")
    return expression


def _in_spdx(words: str, source: str) -> str:
    parts = [part for part in _OPERATORS.split(words) if part]
    try:
        return " ".join(
            part.upper() if part.lower() in {"and", "or"} else _SHORT_NAMES[part.lower()]
            for part in parts
        )
    except KeyError as error:
        raise BuildError(
            f"{source} is under {words!r}, and {error.args[0]!r} has no SPDX name in"
            " reagent_build/sbom_licences.py"
        ) from error


def _files(copyright_text: str) -> Iterator[tuple[str, str]]:
    """Of a DEP-5 file: (files, licence) of every paragraph about files."""
    if not copyright_text.startswith("Format:"):
        return
    for paragraph in re.split(r"\n[ \t]*\n", copyright_text):
        fields = dict(_fields(paragraph))
        if fields.get("files") and fields.get("license"):
            yield fields["files"], fields["license"].splitlines()[0].strip()


def _fields(paragraph: str) -> Iterator[tuple[str, str]]:
    for field in re.split(r"\n(?=[^\s#])", paragraph):
        name, colon, value = field.partition(":")
        if colon:
            yield name.strip().lower(), value.strip()
