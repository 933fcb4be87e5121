"""From sources to one darwin executable: lay out, compile and link with zig, judge.

It cannot be run here, so it is judged by what stands in it (reagent_build/darwin_checks.py).
"""

import io
import json
import marshal
import re
import sys
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Final

from reagent_build import darwin_checks
from reagent_build.inside.application import Runtime, Written, write_payload
from reagent_build.inside.darwin_sources import PACKAGES, wanted_version
from reagent_build.inside.inventory import common_licences
from reagent_build.inside.toolchain import PYTHON, BuildError, run

LIBRARIES: Final = Path("/opt/darwin")
_UNPACKED: Final = Path("/opt/src")
_ZIG: Final = Path("/opt/zig/ziglang")
_SOURCES: Final = ("launcher.c", "darwin.c", "openssl.c", "reagentmodule.c", "payload.S")
# Libraries of extensions.toml that are linked -> their source packages. libm is part of libSystem,
# and nothing refers to libzstd yet.
_SOURCE_OF: Final = {
    "ssl": "openssl", "crypto": "openssl", "sqlite3": "sqlite3", "expat": "expat", "z": "zlib",
}  # fmt: skip
_COMPILE_FLAGS: Final = ("-DNDEBUG", "-fwrapv", "-fno-strict-overflow")
_LINK_FLAGS: Final = ("-Wl,-dead_strip", "-s")


@dataclass(frozen=True, slots=True)
class Order:
    """What the host asks for."""

    arch: str
    commit: str


def assemble(inputs: Path, work: Path, order: Order) -> Path:
    """Build the executable in `work` from what the host sent to `inputs`, and return its path.

    Raises:
        BuildError: with the tool's own words, or what is wrong with the file.
    """
    runtime = Runtime(
        arch=order.arch,
        commit=order.commit,
        freezer="zig",
        sysconfigdata="_sysconfigdata__darwin_darwin",
        stand_ins=("build/static/stand_ins", "build/darwin/stand_ins"),
    )
    written = write_payload(inputs, work, runtime)
    objects = [_compiled(inputs, work, inputs / "build/static" / name) for name in _SOURCES]
    objects.append(_compiled(inputs, work, work / "payload.c"))
    executable = work / "reagent"
    names = [PYTHON, *(name for name in written.libraries if name in _SOURCE_OF)]
    run(
        "darwin-cc", *_LINK_FLAGS, *objects,
        f"-L{LIBRARIES / 'lib'}", *(f"-l{name}" for name in names), "-o", executable,
    )  # fmt: skip
    faults = [
        *darwin_checks.faults(executable.read_bytes(), order.arch, written.payload.block),
        *_faults_of_stamp(written, order),
    ]
    if faults:
        raise BuildError("\n".join(["the executable is not what it should be:", *faults]))
    return executable


def _compiled(inputs: Path, work: Path, source: Path) -> Path:
    target = work / f"{source.name.replace('.', '_')}.o"
    folders = (
        inputs / "build/static",
        LIBRARIES / f"include/{PYTHON}",
        LIBRARIES / f"include/{PYTHON}/internal",
        LIBRARIES / "include",
    )
    run(
        "darwin-cc", *_COMPILE_FLAGS, *(f"-I{folder}" for folder in folders), f"-Wa,-I{work}",
        f"-ffile-prefix-map={work}=reagent", f"-ffile-prefix-map={inputs}=reagent",
        "-c", source, "-o", target,
    )  # fmt: skip
    return target


def _faults_of_stamp(written: Written, order: Order) -> Sequence[str]:
    """What is in the block is in the file; what the block says is asked here."""
    (entry,) = (entry for entry in written.payload.modules if entry.name == "reagent._built")
    if entry.inflated:
        return ["reagent._built is not among what every start imports"]
    code = marshal.loads(written.payload.block[entry.offset : entry.offset + entry.size])
    said = code.co_consts if isinstance(code, CodeType) else ()
    missing = [word for word in (order.arch, order.commit, "zig") if word not in said]
    return [f"its stamp does not say {', '.join(missing)}"] if missing else []


def sources(folder: Path = _UNPACKED, zig: Path = _ZIG) -> dict[str, dict[str, str]]:
    """What is linked was compiled from, and what zig adds, with their papers."""
    versions = json.loads((folder / "versions.json").read_text())
    found = {}
    for name in sorted(_linked()):
        control = (folder / name / "debian/control").read_text()
        homepage = re.search(r"^Homepage: (.+)$", control, re.MULTILINE)
        text = (folder / name / "debian/copyright").read_text(errors="replace")
        named = (
            f"/usr/share/common-licenses/{title}\n\n{licence}"
            for title, licence in common_licences([text]).items()
        )
        found[name] = {
            "version": versions[name],
            "homepage": homepage[1].strip() if homepage else "",
            "copyright": "\n\n".join([text, *named]),
        }
    found["zig"] = {
        "version": run("zig", "version").strip(),
        "homepage": "https://ziglang.org",
        "copyright": (zig / "LICENSE").read_text(errors="replace"),
    }
    return found


def stand_ins(versions: Mapping[str, str], wanted: Callable[[str], str]) -> list[str]:
    """What to say about sources that are older than Debian's newest package.

    Args:
        versions: source package -> what the image has.
        wanted: what a binary package of today is made from.
    """
    pairs = [(name, versions[name], wanted(PACKAGES[name])) for name in sorted(_linked())]
    return [
        f"warning: {name} {version}, as no mirror had the source of {newest}"
        for name, version, newest in pairs
        if version != newest
    ]


def _linked() -> set[str]:
    return {PYTHON, *_SOURCE_OF.values()}


def main(inputs: Path) -> int:
    """Build what `inputs` orders; the executable goes to standard output in a tar stream."""
    order = Order(**json.loads((inputs / "order.json").read_text()))
    work = inputs.with_name("work")
    work.mkdir()
    try:
        executable = assemble(inputs, work, order)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    except SyntaxError as error:
        print(f"{error.filename}, line {error.lineno}: {error.msg}", file=sys.stderr)
        return 1
    versions = json.loads((_UNPACKED / "versions.json").read_text())
    for line in stand_ins(versions, lambda name: wanted_version(run("apt-cache", "show", name))):
        print(line, file=sys.stderr)
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as stream:
        stream.add(executable, "reagent")
        content = json.dumps(sources()).encode()
        member = tarfile.TarInfo("sources.json")
        member.size = len(content)
        stream.addfile(member, io.BytesIO(content))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
