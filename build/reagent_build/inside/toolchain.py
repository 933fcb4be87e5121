"""The compiler's part: C modules into objects, objects and payload into an executable."""

import os
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Sequence
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
LINK_FLAGS: Final = (
    "-static", "-no-pie",
    "-Wl,--gc-sections,-O1,--build-id=none,-z,relro,-z,now,-z,noexecstack",
)  # fmt: skip
# A place of its own behind everything else: a change of the application moves no other address, so
# the difference between two releases stays as small as the change.
PAYLOAD_ADDRESS: Final = "0x8000000"
# armel has no atomic instructions of its own.
EXTRA_LIBRARIES: Final = {"arm-linux-gnueabi": ("atomic",)}


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


def link(
    compiler: str, multiarch: str, objects: Sequence[Path], libraries: Sequence[str], target: Path
) -> None:
    """Objects first, archives in one group after them, nothing stripped yet."""
    archive = Path(f"/usr/lib/{PYTHON}/config-3.13-{multiarch}/lib{PYTHON}.a")
    names = (*libraries, *EXTRA_LIBRARIES.get(multiarch, ()))
    run(
        f"{compiler}-gcc", *LINK_FLAGS, f"-Wl,--section-start=.reagent={PAYLOAD_ADDRESS}",
        *objects, "-Wl,--start-group", archive, *(f"-l{name}" for name in names), "-Wl,--end-group",
        "-o", target,
    )  # fmt: skip


def check_nothing_loads(compiler: str, executable: Path) -> None:
    """The loader inside glibc must not have been linked (build/static/refuse_dlopen.c).

    Raises:
        BuildError: it was.
    """
    symbols = {line.split()[-1] for line in run(f"{compiler}-nm", executable).splitlines() if line}
    if "_dl_open" in symbols:
        raise BuildError("the executable could load shared objects: glibc's _dl_open is linked in")
    if "__nss_configure_lookup" not in symbols:
        raise BuildError("the executable would look names up as the host's nsswitch.conf says")


def strip(compiler: str, executable: Path) -> None:
    """Symbols are for the checks only."""
    run(f"{compiler}-strip", "--strip-all", "--remove-section=.comment", executable)


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
