"""CPython's Modules/Setup.local for darwin: the C modules of static/extensions.toml, built in.

    python3.13 -B darwin_setup.py EXTENSIONS SETUP_STDLIB > Setup.local

What each module is compiled from stands in CPython's own Setup.stdlib.in.
"""

import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

# What configure's own detection would add; it is not asked, as it looks at the build machine.
FLAGS: Final = {
    "_hashlib": "-I/opt/darwin/include",
    "_sqlite3": "-I/opt/darwin/include -I$(srcdir)/Modules/_sqlite -DPY_SQLITE_HAVE_SERIALIZE",
    "_ssl": "-I/opt/darwin/include",
    "pyexpat": "-I/opt/darwin/include",
    "zlib": "-I/opt/darwin/include",
}
_LINE: Final = re.compile(r"@MODULE_\w+_TRUE@(?P<name>\w+) (?P<sources>.+)")
# An archive in the build tree, where the executable wants the object.
_SHA2: Final = ("Modules/_hacl/libHacl_Hash_SHA2.a", "_hacl/Hacl_Hash_SHA2.c -D_BSD_SOURCE")


def setup_local(names: Iterable[str], setup_stdlib: str) -> str:
    """The lines for those names; what Setup.stdlib lacks is always built in (Setup.bootstrap)."""
    sources = {
        found["name"]: found["sources"].replace(*_SHA2)
        for found in map(_LINE.fullmatch, setup_stdlib.splitlines())
        if found
    }
    lines = [
        f"{name} {sources[name]} {FLAGS.get(name, '')}".rstrip()
        for name in sorted(names)
        if name in sources
    ]
    return "\n".join(["*static*", *lines, ""])


def main(extensions: Path, setup_stdlib: Path) -> None:
    """Write it to standard output."""
    table = tomllib.loads(extensions.read_text())
    print(setup_local({*table["archive"], *table["compile"]}, setup_stdlib.read_text()), end="")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
