"""Everything it takes to link an executable again, with a C library that was changed.

Static glibc is under the LGPL: whoever receives an executable may exchange that library. The answer
is one archive: every file that the linker was given, and the command, which needs binutils alone.
"""

import gzip
import io
import shlex
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from reagent_build.inside.linking import LINKER_FLAGS, STRIP_FLAGS
from reagent_build.inside.toolchain import BuildError

_LOAD: Final = "LOAD "
_START, _END = "START GROUP", "END GROUP"
# What the linker makes up itself while it links.
_NO_FILE: Final = "linker stubs"
# Half of the usual level's time, for a file that is a twentieth larger.
_LEVEL: Final = 4

_README: Final = """\
Everything that this executable was linked from, but for what `ld` does.

    sh relink.sh                  makes `reagent` here; LD and STRIP name other tools
    ar r linked/libc.a changed.o  exchanges an object of the GNU C Library; link again then

What `ld` says about getaddrinfo and others comes with every static glibc; launcher.c answers it.
With the tools named in versions.txt and nothing exchanged, the result is the published file, byte
by byte. linked/ holds our own objects (launcher, tables, C modules, and the payload, which is the
Python code) and Debian's archives; their sources are the Debian source packages that the SBOM of
the executable names.
"""


def inputs(map_text: str) -> Iterator[str]:
    """What the linker was given, in its order, and where its groups begin and end.

    A group within a group is what a linker script of glibc stands for: its files follow.
    """
    depth = 0
    for line in map_text.splitlines():
        if line == _START:
            depth += 1
            if depth == 1:
                yield "--start-group"
        elif line == _END:
            depth -= 1
            if depth == 0:
                yield "--end-group"
        elif line.startswith(_LOAD) and line.removeprefix(_LOAD) != _NO_FILE:
            yield line.removeprefix(_LOAD)


def is_script(path: Path) -> bool:
    """Whether the linker reads the file as text."""
    with path.open("rb") as file:
        return file.read(4) not in {b"!<ar", b"\x7fELF"}


def command(words: Iterable[str], compiler: str) -> str:
    """The script that links; `words` with the files' names in linked/.

    Without the target's own tools those of the machine do where it is one of the same kind.
    """
    flags = shlex.join(LINKER_FLAGS)
    files = " \\\n    ".join(shlex.quote(word) for word in words)
    return (
        "set -eu\n"
        'cd "$(dirname "$0")"\n'
        f'tool() {{ command -v "{compiler}-$1" || echo "$1"; }}\n'
        f'"${{LD:-$(tool ld)}}" -static {flags} \\\n    {files} \\\n    -o reagent.linked\n'
        f'"${{STRIP:-$(tool strip)}}" {shlex.join(STRIP_FLAGS)} reagent.linked\n'
        "mv reagent.linked reagent\n"
    )


def archive(map_text: str, compiler: str, versions: str) -> bytes:
    """A compressed tar stream; the same inputs make the same bytes.

    Raises:
        BuildError: two files of one name were linked, or one is gone.
    """
    files: dict[str, Path] = {}
    words = []
    for word in inputs(map_text):
        path = Path(word)
        if word.startswith("--"):
            words.append(word)
        elif not is_script(path):
            if files.setdefault(path.name, path) != path:
                raise BuildError(f"{files[path.name]} and {path} have one name")
            words.append(f"linked/{path.name}")
    texts = {"README": _README, "relink.sh": command(words, compiler), "versions.txt": versions}
    stream = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=_LEVEL, mtime=0) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name, text in texts.items():
            _add(tar, name, text.encode())
        for name, path in files.items():
            _add(tar, f"linked/{name}", path.read_bytes())
    return stream.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
