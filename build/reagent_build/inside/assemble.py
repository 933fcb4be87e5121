"""From sources to one executable: lay out, compile, link, check, strip."""

import io
import json
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reagent_build.inside import linking, relink, toolchain
from reagent_build.inside.application import STDLIB, Runtime, write_payload
from reagent_build.inside.inventory import inventory
from reagent_build.inside.toolchain import BuildError

# Archives of another version than that of the other targets; written by images/same-versions.sh.
STOOD_IN: Final = Path("/opt/build/stood-in")


@dataclass(frozen=True, slots=True)
class Order:
    """What the host asks for."""

    compiler: str
    multiarch: str
    arch: str
    commit: str


@dataclass(frozen=True, slots=True)
class Made:
    """What goes back to the host."""

    executable: Path
    inventory: dict[str, object]
    objects: bytes
    """What it was linked from, see relink.py."""


def assemble(inputs: Path, work: Path, order: Order) -> Made:
    """Build the executable in `work` from what the host sent to `inputs`.

    Raises:
        BuildError: with the tool's own words.
    """
    runtime = Runtime(
        arch=order.arch,
        commit=order.commit,
        freezer="static",
        sysconfigdata=f"_sysconfigdata__linux_{order.multiarch}",
        bits=linking.address_bits(order.compiler),
        builtins=("_delta",),
    )
    written = write_payload(inputs, work, runtime)
    executable = _linked(inputs, work, order, written.libraries)
    map_text = linking.map_of(executable).read_text()
    stdlib = [
        module.path
        for module in written.modules.values()
        if module.path is not None and module.path.is_relative_to(STDLIB)
    ]
    return Made(
        executable,
        inventory(map_text, work, order.multiarch, stdlib),
        relink.archive(map_text, order.compiler, linking.versions(order.compiler)),
    )


def _linked(inputs: Path, work: Path, order: Order, libraries: tuple[str, ...]) -> Path:
    objects = []
    for source in (
        *(
            inputs / "build/static" / name
            for name in ("launcher.c", "linux.c", "openssl.c", "reagentmodule.c", "deltamodule.c")
        ),
        inputs / "build/static/refuse_dlopen.c",
        inputs / "build/static/left_out.c",
        inputs / "build/static/payload.S",
        work / "payload.c",
    ):
        objects.append(work / f"{source.stem}{source.suffix.replace('.', '_')}.o")
        flags: tuple[str, ...] = (
            f"-I{inputs / 'build/static'}", f"-Wa,-I{work}",
            f"-ffile-prefix-map={work}=reagent", f"-ffile-prefix-map={inputs}=reagent",
        )  # fmt: skip
        if source.name == "payload.c":
            flags = (*flags, "-fno-data-sections", "-fno-merge-constants")
        toolchain.compile_c(order.compiler, order.multiarch, source, objects[-1], flags)
    linking.set_apart(order.compiler, objects[-1])
    executable = work / "reagent"
    compiled_modules = sorted((toolchain.RUNTIME / order.multiarch).glob("*.o"))
    linking.link(
        order.compiler, order.multiarch, [*objects, *compiled_modules], libraries, executable
    )
    linking.check_nothing_loads(order.compiler, executable)
    linking.strip(order.compiler, executable)
    return executable


def main(inputs: Path) -> int:
    """Build what `inputs` orders; what was made goes to standard output in a tar stream."""
    order = Order(**json.loads((inputs / "order.json").read_text()))
    work = inputs.with_name("work")
    work.mkdir()
    if STOOD_IN.exists():
        print(STOOD_IN.read_text(), end="", file=sys.stderr)
    try:
        made = assemble(inputs, work, order)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    except SyntaxError as error:
        print(f"{error.filename}, line {error.lineno}: {error.msg}", file=sys.stderr)
        return 1
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as stream:
        stream.add(made.executable, "reagent")
        _add(stream, "inventory.json", json.dumps(made.inventory).encode())
        _add(stream, "objects.tar.gz", made.objects)
    return 0


def _add(stream: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    stream.addfile(member, io.BytesIO(content))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
