"""The linker's part: objects, payload and archives into an executable."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from reagent_build.inside.toolchain import PYTHON, BuildError, run

LINKER_FLAGS: Final = (
    "--gc-sections", "-O1", "--build-id=none", "-z", "relro", "-z", "now", "-z", "noexecstack",
    # A place of its own behind everything else: a change of the application moves no other address,
    # so the difference between two releases stays as small as the change. i386 begins at 0x8048000.
    "--section-start=.reagent=0x10000000",
    # The tables of its modules grow with it.
    "--section-start=.tables=0x0f000000",
)  # fmt: skip
STRIP_FLAGS: Final = ("--strip-all", "--remove-section=.comment")
# armel has no atomic instructions of its own.
EXTRA_LIBRARIES: Final = {"arm-linux-gnueabi": ("atomic",)}


def link(
    compiler: str, multiarch: str, objects: Sequence[Path], libraries: Sequence[str], target: Path
) -> None:
    """Objects first, archives in one group after them, nothing stripped yet.

    What the linker took from where stands in its map, see `map_of`. Without the plug-in for
    link-time optimisation, which nothing here uses, `ld` alone makes the same file (relink.py).
    """
    archive = Path(f"/usr/lib/{PYTHON}/config-3.13-{multiarch}/lib{PYTHON}.a")
    names = (*libraries, *EXTRA_LIBRARIES.get(multiarch, ()))
    command: tuple[str | Path, ...] = (
        f"{compiler}-gcc", "-static", "-no-pie", "-fno-use-linker-plugin",
        f"-Wl,{','.join(LINKER_FLAGS)}", f"-Wl,-Map={map_of(target)}", *objects,
        "-Wl,--start-group", archive, *(f"-l{name}" for name in names), "-Wl,--end-group",
        "-o", target,
    )  # fmt: skip
    try:
        run(*command)
    except BuildError as error:
        raise BuildError(_without_places(str(error))) from error


def _without_places(said: str) -> str:
    """Where glibc's warnings stand: they come with every link, and what they say is left out."""
    return "\n".join(line for line in said.splitlines() if ": in function `" not in line)


def set_apart(compiler: str, tables: Path) -> None:
    """Have the constants of an object in a section that moves nothing else when it grows."""
    flags = "alloc,load,readonly,data,contents"
    run(f"{compiler}-objcopy", "--rename-section", f".rodata=.tables,{flags}", tables)


def address_bits(compiler: str) -> int:
    """How wide an address of the target is.

    Raises:
        BuildError: the compiler does not say.
    """
    for line in run(f"{compiler}-gcc", "-dM", "-E", "-x", "c", "/dev/null").splitlines():
        if line.startswith("#define __SIZEOF_POINTER__ "):
            return 8 * int(line.split()[-1])
    raise BuildError(f"{compiler}-gcc does not say how wide an address is")


def map_of(executable: Path) -> Path:
    """Where the linker says what it took from where."""
    return executable.with_name(f"{executable.name}.map")


def check_nothing_loads(compiler: str, executable: Path) -> None:
    """The loader inside glibc must not have been linked (build/static/refuse_dlopen.c).

    Raises:
        BuildError: it was.
    """
    symbols = {line.split()[-1] for line in run(f"{compiler}-nm", executable).splitlines() if line}
    if "_dl_open" in symbols:
        raise BuildError("the executable could load shared objects: glibc's _dl_open is linked in")
    if "nss_database_check_reload_and_get" in symbols:
        raise BuildError("the executable would look names up as the host's nsswitch.conf says")


def strip(compiler: str, executable: Path) -> None:
    """Symbols are for the checks only."""
    run(f"{compiler}-strip", *STRIP_FLAGS, executable)


def versions(compiler: str) -> str:
    """What linked it, as the tools say themselves."""
    tools = ("ld", "gcc", "strip")
    return "".join(run(f"{compiler}-{each}", "--version").splitlines()[0] + "\n" for each in tools)
