"""What was really linked, and whose it is: the linker's map, and the package data of the image.

Facts alone; what they mean for a bill of materials is decided on the host (reagent_build/sbom*.py).
"""

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from reagent_build.inside.toolchain import RUNTIME, BuildError

# What one input file gave to the executable: address, size, file, and in an archive the member.
# A section of a long name has the rest on a line of its own. What is not loaded lies at address 0.
_GIVEN: Final = re.compile(
    r"^(?: \S+)?\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (/[^\s(]+)(?:\(([^)\n]+)\))?$", re.MULTILINE
)
_MEMORY: Final = "\nLinker script and memory map\n"
_INFO: Final = Path("/var/lib/dpkg/info")
_DOCUMENTS: Final = Path("/usr/share/doc")
_LICENCES: Final = Path("/usr/share/common-licenses")
_NAMED_LICENCE: Final = re.compile(rf"{_LICENCES}/([A-Za-z0-9.+-]*[A-Za-z0-9+])")


def contributions(map_text: str) -> dict[str, dict[str, int]]:
    """File -> member -> bytes in the executable; an object by itself is its own member.

    An archive that is searched and gives nothing is not in the answer.

    Raises:
        BuildError: this is no linker's map.
    """
    start = map_text.find(_MEMORY)
    if start < 0:
        raise BuildError("the linker left no map that can be read")
    found: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for address, size, file, member in _GIVEN.findall(map_text, start):
        if int(address, 16) and int(size, 16):
            found[file][member or Path(file).name] += int(size, 16)
    return {file: dict(members) for file, members in found.items()}


def owners(info: Path = _INFO) -> dict[str, str]:
    """Installed file -> its package, as dpkg-query names it."""
    return {
        line: listing.name.removesuffix(".list")
        for listing in sorted(info.glob("*.list"))
        for line in listing.read_text().splitlines()
    }


def owner(file: str, owners: Mapping[str, str]) -> str:
    """The package that a file came with, whatever links lead to it.

    Raises:
        BuildError: no package has it.
    """
    path = Path(file)
    for place in (path.parent.resolve() / path.name, path.resolve()):
        if str(place) in owners:
            return owners[str(place)]
    raise BuildError(f"{file} was linked, and no Debian package has it")


def inventory(
    map_text: str, work: Path, multiarch: str, stdlib: Iterable[Path]
) -> dict[str, object]:
    """Everything of the image that is in the executable.

    Args:
        map_text: what the linker wrote.
        work: where our own objects lie.
        multiarch: folder of the target's libraries.
        stdlib: modules of the standard library that went into the payload.

    Raises:
        BuildError: something cannot be traced to a package.
    """
    installed = owners()
    linked = [
        {
            "file": Path(file).name,
            "package": package,
            "members": len(members),
            "bytes": sum(members.values()),
        }
        for file, members, package in _linked(contributions(map_text), work, multiarch, installed)
    ]
    modules: defaultdict[str, int] = defaultdict(int)
    for path in stdlib:
        modules[owner(str(path), installed)] += 1
    names = {str(each["package"]) for each in linked} | set(modules)
    described = [_described(row) for row in _rows(names)]
    texts = [text for each in described if (text := each["copyright"])]
    return {
        "linked": sorted(linked, key=lambda each: (each["package"], each["file"])),
        "modules": dict(sorted(modules.items())),
        "packages": described,
        "licences": common_licences(texts),
    }


def _linked(
    given: Mapping[str, Mapping[str, int]], work: Path, multiarch: str, installed: Mapping[str, str]
) -> Iterator[tuple[str, Mapping[str, int], str]]:
    runtime: dict[str, int] = {}
    for file, members in given.items():
        if Path(file).is_relative_to(work):
            continue
        if Path(file).is_relative_to(RUNTIME):
            runtime |= members
        else:
            yield file, members, owner(file, installed)
    if runtime:
        archive = f"/usr/lib/python3.13/config-3.13-{multiarch}/libpython3.13.a"
        yield f"{RUNTIME}/C modules", runtime, owner(archive, installed)


def _rows(names: Iterable[str]) -> list[list[str]]:
    """What dpkg knows about each: name, architecture, version, source, its version, home page."""
    fields = ("binary:Package", "Architecture", "Version", "source:Package", "source:Version")
    form = "\\t".join(f"${{{each}}}" for each in (*fields, "Homepage")) + "\\n"
    done = subprocess.run(
        ["dpkg-query", "--show", f"--showformat={form}", *sorted(names)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BuildError(f"dpkg-query: {done.stderr.strip()}")
    return sorted(line.split("\t") for line in done.stdout.splitlines())


def _described(row: list[str]) -> dict[str, str]:
    name, architecture, version, source, source_version, homepage = row
    short = name.partition(":")[0]
    path = _DOCUMENTS / short / "copyright"
    if not path.is_file():
        raise BuildError(
            f"{name} is linked, and {path}, which says under which licence, is missing"
        )
    return {
        "package": name, "name": short, "architecture": architecture, "version": version,
        "source": source, "source_version": source_version, "homepage": homepage,
        "copyright": path.read_text(errors="replace"),
    }  # fmt: skip


def common_licences(texts: Iterable[str]) -> dict[str, str]:
    """The licences that the copyright files point to instead of quoting them."""
    names = {name for text in texts for name in _NAMED_LICENCE.findall(text)}
    return {
        name: (_LICENCES / name).read_text(errors="replace")
        for name in sorted(names)
        if (_LICENCES / name).is_file()
    }
