"""The compiler's part: C modules into objects. Images hold what it made; see linking.py."""

import os
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, cast

PYTHON: Final = "python3.13"
CPYTHON: Final = Path("/opt/cpython")
RUNTIME: Final = Path("/opt/runtime")

COMPILE_FLAGS: Final = (
    "-O2", "-DNDEBUG", "-fwrapv", "-fno-strict-overflow", "-fno-pie", "-fvisibility=hidden",
    "-ffunction-sections", "-fdata-sections", "-fstack-protector-strong", "-w",
    f"-ffile-prefix-map={CPYTHON}=cpython",
)  # fmt: skip


class BuildError(Exception):
    """The executable cannot be built; the text says why."""


def run(*command: str | Path) -> str:
    """Run a tool and return what it printed.

    Raises:
        BuildError: it failed; the text holds its own words.
    """
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).splitlines()
        raise BuildError("\n".join([shlex.join(words), *filter(_is_about_the_failure, said)]))
    return done.stdout


def _is_about_the_failure(line: str) -> bool:
    """Static glibc's warnings about name services come with every link; launcher.c answers them."""
    return not any(noise in line for noise in ("in statically linked app", ": note: the message"))


def include_flags(multiarch: str) -> list[str]:
    """Headers of the target's Python first; internal ones from the same source version."""
    folders = (
        Path(f"/usr/include/{multiarch}/{PYTHON}"),
        Path(f"/usr/include/{PYTHON}"),
        CPYTHON / "Include/internal",
        CPYTHON / "Include/internal/mimalloc",
        CPYTHON / "Modules/_hacl/include",
        CPYTHON / "Modules",
    )
    return [f"-I{folder}" for folder in folders]


def compile_c(
    compiler: str, multiarch: str, source: Path, target: Path, flags: Iterable[str] = ()
) -> None:
    """One C or assembler source into one object."""
    run(
        f"{compiler}-gcc", *COMPILE_FLAGS, *include_flags(multiarch), *flags,
        "-c", source, "-o", target,
    )  # fmt: skip


def compile_extensions(
    compiler: str, multiarch: str, extensions: dict[str, object], target: Path
) -> None:
    """Every C module that the archive lacks; objects are named after module and source.

    Raises:
        BuildError: with the compiler's words.
    """
    target.mkdir(parents=True, exist_ok=True)
    modules = cast("dict[str, list[str]]", extensions["compile"])
    missing = cast("dict[str, list[str]]", extensions["missing"])
    jobs = [
        (CPYTHON / "Modules" / source, target / f"{module}.{Path(source).stem}.o", flags)
        for table, flags in ((modules, ("-DPy_BUILD_CORE_BUILTIN=1",)), (missing, ()))
        for module, sources in sorted(table.items())
        for source in sources
    ]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(lambda job: compile_c(compiler, multiarch, job[0], job[1], job[2]), jobs))


def main(compiler: str, multiarch: str, extensions: Path) -> int:
    """Make the objects of the C modules, while the image is built."""
    try:
        compile_extensions(
            compiler, multiarch, tomllib.loads(extensions.read_text()), RUNTIME / multiarch
        )
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
