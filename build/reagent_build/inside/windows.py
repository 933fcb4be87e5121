"""From sources to reagent.exe: list everything, let PyInstaller pack it under wine, run it there.

PyInstaller's own analysis takes three quarters of a minute under wine and finds what is known here
anyway; it is given lists instead (docs/decisions/0013).
"""

import json
import os
import py_compile
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from reagent_build.inside.contents import Module, covers, modules_under

HOME: Final = Path("/opt/windows")
# Two builds of the same sources are then the same bytes.
_FIXED: Final = {
    "PYTHONHASHSEED": "0",
    "SOURCE_DATE_EPOCH": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYINSTALLER_ZLIB_COMPRESSION_LEVEL": "6",
}
_PATIENCE_S: Final = 300


class BuildError(Exception):
    """The build cannot go on; the text names what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the host asks for."""

    version: str
    arch: str
    commit: str


def assemble(inputs: Path, work: Path, order: Order) -> Path:
    """Make reagent.exe in `work` from what the host sent to `inputs`, and return its path.

    Raises:
        BuildError: with what a tool said.
    """
    stage, site = work / "stage", work / "site"
    shutil.copytree(inputs / "src", stage)
    (stage / "reagent/_built.py").write_text(
        f"ARCH = {order.arch!r}\nCOMMIT = {order.commit!r}\nFREEZER = 'pyinstaller'\n"
    )
    for wheel in sorted((inputs / "wheels").glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    shared = tomllib.loads((inputs / "build/reagent.spec").read_text())
    own = tomllib.loads((inputs / "build/windows/contents.toml").read_text())
    left_out = (*(set(shared["left_out"]) - set(own["kept"])), *own["left_out"])
    application = modules_under(site, left_out) | modules_under(stage, left_out)
    modules = compiled_under(HOME / "stdlib", tuple(own["left_out_of_stdlib"]))
    modules |= compiled(application)
    (work / "main.py").write_text(shared["command"])
    (work / "version.txt").write_text(version_resource(order.version))
    contents = {
        "modules": [row(module) for _, module in sorted(modules.items())],
        "programs": [
            {"name": name, "script": windows_path(script), "compressed": name == "reagent"}
            for name, script in (
                ("probe", inputs / "build/windows/probe.py"),
                ("reagent", work / "main.py"),
            )
        ],
        "binaries": binaries(HOME / "python", own["binaries"]),
        "data": [
            *data(stage, "reagent", shared["resources"]),
            ("certifi/cacert.pem", windows_path(site / "certifi/cacert.pem"), "DATA"),
        ],
        "version": windows_path(work / "version.txt"),
    }
    (work / "contents.json").write_text(json.dumps(contents, indent=1))
    shutil.copyfile(inputs / "build/windows/onefile.spec", work / "onefile.spec")
    run_wine(
        (
            f"{HOME}/python/python.exe", "-m", "PyInstaller", "--noconfirm", "--log-level=WARN",
            f"--workpath={windows_path(work / 'work')}",
            f"--distpath={windows_path(work / 'dist')}", windows_path(work / "onefile.spec"),
        ),
        "PyInstaller failed",
    )  # fmt: skip
    check(work / "dist", order, [name for name in application if name.startswith("reagent.")])
    return work / "dist/reagent.exe"


def check(folder: Path, order: Order, modules: Iterable[str]) -> None:
    """Ask the file who it is, and its runtime whether everything is in it.

    Raises:
        BuildError: an answer is wrong.
    """
    for flag, wanted in (("-version", order.version), ("-arch", order.arch)):
        said = run_wine((str(folder / "reagent.exe"), flag), f"reagent.exe {flag} failed").strip()
        if said != wanted:
            raise BuildError(f"reagent.exe {flag} says {said!r}, not {wanted!r}")
    words = (order.version, *modules, "autobahn.wamp.protocol", "docker", "requests")
    made_of = run_wine((str(folder / "probe.exe"), *words), "the runtime is not complete")
    print(f"runs under wine: {made_of.strip()}", file=sys.stderr)


def compiled(modules: Mapping[str, Module]) -> dict[str, Module]:
    """The same modules as bytecode, without docstrings and asserts.

    Compiled by this Python, whose bytecode is that of every CPython of the same minor version.

    Raises:
        BuildError: one of them is no Python.
    """
    result = {}
    for name, module in modules.items():
        path = None
        if module.path is not None:
            path = module.path.with_suffix(".pyc")
            try:
                py_compile.compile(
                    str(module.path), str(path), dfile=module.shown_as, doraise=True, optimize=2,
                    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
                )  # fmt: skip
            except py_compile.PyCompileError as error:
                raise BuildError(error.msg) from error
        result[name] = replace(module, path=path)
    return result


def compiled_under(folder: Path, left_out: tuple[str, ...]) -> dict[str, Module]:
    """The modules of an unpacked python3XX.zip, which holds bytecode alone."""
    found = {}
    for path in sorted(folder.rglob("*.pyc")):
        words = path.relative_to(folder).with_suffix("").parts
        is_package = words[-1] == "__init__"
        name = ".".join(words[:-1] if is_package else words)
        if not covers(left_out, name):
            found[name] = Module(name, path, is_package=is_package, shown_as=f"<{name}>")
    return found


def row(module: Module) -> tuple[str, str, str]:
    """A line of PyInstaller's table; a package without a file of its own has `-` for one."""
    path = "-" if module.path is None else windows_path(module.path)
    return module.name, path, "PYMODULE-2"


def binaries(folder: Path, names: Iterable[str]) -> list[tuple[str, str, str]]:
    """Lines for libraries and extension modules, which lie beside each other.

    Raises:
        BuildError: this CPython lacks one.
    """
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise BuildError(f"the embeddable CPython has no {', '.join(missing)}")
    kinds = {".pyd": "EXTENSION", ".dll": "BINARY"}
    return [(name, windows_path(folder / name), kinds[Path(name).suffix]) for name in sorted(names)]


def data(stage: Path, package: str, patterns: Iterable[str]) -> list[tuple[str, str, str]]:
    """Lines for the files that `reagent.resources` finds."""
    found = {
        path for pattern in patterns for path in (stage / package).glob(pattern) if path.is_file()
    }
    return [
        (path.relative_to(stage).as_posix(), windows_path(path), "DATA") for path in sorted(found)
    ]


def windows_path(path: Path) -> str:
    """How wine calls a file of ours."""
    return f"Z:{path}"


def version_resource(version: str) -> str:
    """What Explorer shows under Details, in PyInstaller's words.

    Four numbers are all that Windows compares; what follows them stands in the text.
    """
    release = version.partition("-")[0].partition("+")[0].split(".")
    numbers = tuple([*map(int, release), 0, 0, 0, 0][:4])
    texts = {
        "FileDescription": "IronFlock device agent",
        "FileVersion": version,
        "InternalName": "reagent",
        "OriginalFilename": "reagent.exe",
        "ProductName": "reagent",
        "ProductVersion": version,
    }
    lines = ", ".join(f"StringStruct({key!r}, {value!r})" for key, value in texts.items())
    return (
        f"VSVersionInfo(ffi=FixedFileInfo(filevers={numbers}, prodvers={numbers}, mask=0x3F,"
        " flags=0x0, OS=0x40004, fileType=0x1, subtype=0x0, date=(0, 0)), kids=["
        f"StringFileInfo([StringTable('040904B0', [{lines}])]),"
        " VarFileInfo([VarStruct('Translation', [1033, 1200])])])\n"
    )


def run_wine(command: Sequence[str], complaint: str) -> str:
    """What a Windows program prints.

    Raises:
        BuildError: it failed.
    """
    # Through a file: helpers that wine leaves running keep a pipe open.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            ["wine", *command], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            check=False, env=os.environ | _FIXED, timeout=_PATIENCE_S,
        )  # fmt: skip
        output.seek(0)
        said = output.read().decode(errors="replace")
    if done.returncode:
        raise BuildError(f"{complaint}:\n{said[-3000:].strip()}")
    return said


def main(inputs: Path) -> int:
    """Answer with the executable in a tar stream."""
    order = Order(**json.loads((inputs / "order.json").read_text()))
    work = inputs.with_name("work")
    work.mkdir()
    # Otherwise each program would start and end a Windows of its own.
    subprocess.run(["wineserver", "--persistent=60"], check=False)
    try:
        executable = assemble(inputs, work, order)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as stream:
        stream.add(executable, "reagent.exe")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
