"""From sources to one executable: lay out, compile, link, check, strip."""

import json
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from reagent_build.inside import linking, toolchain
from reagent_build.inside.application import Runtime, write_payload
from reagent_build.inside.toolchain import BuildError


@dataclass(frozen=True, slots=True)
class Order:
    """What the host asks for."""

    compiler: str
    multiarch: str
    arch: str
    commit: str


def assemble(inputs: Path, work: Path, order: Order) -> Path:
    """Build the executable in `work` from what the host sent to `inputs`, and return its path.

    Raises:
        BuildError: with the tool's own words.
    """
    runtime = Runtime(
        arch=order.arch,
        commit=order.commit,
        freezer="static",
        sysconfigdata=f"_sysconfigdata__linux_{order.multiarch}",
    )
    written = write_payload(inputs, work, runtime)
    return _linked(inputs, work, order, written.libraries)


def _linked(inputs: Path, work: Path, order: Order, libraries: tuple[str, ...]) -> Path:
    objects = []
    for source in (
        *(
            inputs / "build/static" / name
            for name in ("launcher.c", "linux.c", "openssl.c", "reagentmodule.c")
        ),
        inputs / "build/static/refuse_dlopen.c",
        inputs / "build/static/left_out.c",
        inputs / "build/static/payload.S",
        work / "payload.c",
    ):
        objects.append(work / f"{source.stem}{source.suffix.replace('.', '_')}.o")
        flags = (
            f"-I{inputs / 'build/static'}", f"-Wa,-I{work}",
            f"-ffile-prefix-map={work}=reagent", f"-ffile-prefix-map={inputs}=reagent",
        )  # fmt: skip
        toolchain.compile_c(order.compiler, order.multiarch, source, objects[-1], flags)
    executable = work / "reagent"
    compiled_modules = sorted((toolchain.RUNTIME / order.multiarch).glob("*.o"))
    linking.link(
        order.compiler, order.multiarch, [*objects, *compiled_modules], libraries, executable
    )
    linking.check_nothing_loads(order.compiler, executable)
    linking.strip(order.compiler, executable)
    return executable


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
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as stream:
        stream.add(executable, "reagent")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
