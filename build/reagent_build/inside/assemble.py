"""From sources to one executable: collect, compile, lay out, link, check, strip."""

import json
import marshal
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from reagent_build.inside import linking, toolchain
from reagent_build.inside.contents import Module, merged, modules_under
from reagent_build.inside.patches import patched
from reagent_build.inside.payload import c_tables, compiled, laid_out
from reagent_build.inside.toolchain import BuildError

STDLIB: Final = Path("/usr/lib/python3.13")
# Made by functions that do not follow the rule PyInit_<name>.
_CORE_BUILTINS: Final = {
    "_ast": "PyInit__ast", "_imp": "PyInit__imp", "_tokenize": "PyInit__tokenize",
    "_warnings": "_PyWarnings_Init", "builtins": "NULL", "marshal": "PyMarshal_Init", "sys": "NULL",
    "_reagent": "PyInit__reagent",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Order:
    """What the host asks for."""

    compiler: str
    multiarch: str
    arch: str
    commit: str


@dataclass(frozen=True, slots=True)
class Spec:
    """`reagent.spec`, parsed."""

    command: str
    at_start: tuple[str, ...]
    left_out: tuple[str, ...]
    left_out_of_stdlib: tuple[str, ...]
    bootstrap: tuple[str, ...]
    resources: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> "Spec":
        """Every key must be there; an unknown one is a slip of the pen.

        Raises:
            TypeError: a key is missing or unknown.
        """
        raw = tomllib.loads(path.read_text())
        command = raw.pop("command")
        return cls(command, **{key: tuple(_strings(value)) for key, value in raw.items()})


def assemble(inputs: Path, work: Path, order: Order) -> Path:
    """Build the executable in `work` from what the host sent to `inputs`, and return its path.

    Raises:
        BuildError: with the tool's own words.
    """
    spec = Spec.read(inputs / "build/reagent.spec")
    site = work / "site"
    for wheel in sorted((inputs / "wheels").glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    modules = _modules(inputs, site, work, spec, order)
    stored, generated = _learn_the_start(inputs, work, spec, modules)
    payload = laid_out(
        {name: (compiled(module), module.is_package) for name, module in modules.items()},
        _resources(inputs, site, spec),
        generated,
        stored | set(spec.bootstrap),
    )
    print(
        f"{len(modules)} modules, {len(stored)} of them and {len(generated)} generated texts"
        " ready to run,"
        f" {len(payload.block) / 1e6:.1f} MB",
        file=sys.stderr,
    )
    (work / "payload.bin").write_bytes(payload.block)
    extensions = tomllib.loads((inputs / "build/static/extensions.toml").read_text())
    (work / "payload.c").write_text(
        c_tables(
            payload,
            bootstrap=spec.bootstrap,
            builtins=_builtins(extensions),
            command=spec.command,
        )
    )
    return _linked(inputs, work, order, extensions["libraries"])


def _linked(inputs: Path, work: Path, order: Order, libraries: list[str]) -> Path:
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


def _written_by_the_build(order: Order) -> dict[str, str]:
    """Modules of the package whose source tree versions are stand-ins."""
    return {
        "reagent._built": (
            f"ARCH = {order.arch!r}\nCOMMIT = {order.commit!r}\nFREEZER = 'static'\n"
        ),
        "reagent._resources": (
            "from _reagent import resource as load, resource_names as every_name\n"
        ),
    }


def _modules(inputs: Path, site: Path, work: Path, spec: Spec, order: Order) -> dict[str, Module]:
    stdlib = modules_under(STDLIB, spec.left_out_of_stdlib)
    stand_ins = modules_under(inputs / "build/static/stand_ins")
    zones = stand_ins.pop("_sysconfigdata")
    found = merged(
        stdlib,
        modules_under(site, spec.left_out),
        modules_under(inputs / "src", spec.left_out),
        stand_ins,
    )
    # A stand-in for a module of the standard library finds the real one under another name.
    found |= {
        f"_full_{name}": replace(stdlib[name], name=f"_full_{name}")
        for name in stand_ins
        if name in stdlib
    }
    found["_reagent_importer"] = Module(
        "_reagent_importer",
        inputs / "build/static/importer.py",
        is_package=False,
        shown_as="<importer.py>",
    )
    name = f"_sysconfigdata__linux_{order.multiarch}"
    found[name] = replace(zones, name=name)
    for name, text in _written_by_the_build(order).items():
        path = work / f"{name}.py"
        path.write_text(text)
        found[name] = replace(found[name], path=path)
    patches = tomllib.loads((inputs / "build/static/patches.toml").read_text())["patch"]
    return dict(sorted(patched(found, patches, work).items()))


def _learn_the_start(
    inputs: Path, work: Path, spec: Spec, modules: Mapping[str, Module]
) -> tuple[set[str], dict[str, bytes]]:
    """Start once, in the container's own Python; see start.py.

    Returns the modules that came along, and what was generated on the way, marshalled.
    """
    nothing = work / "nothing.py"
    nothing.touch()
    table = {
        name: (str(module.path or nothing), module.is_package) for name, module in modules.items()
    }
    script = inputs / "build/reagent_build/inside/start.py"
    done = subprocess.run(
        ["python3.13", "-I", "-S", "-B", script],
        input=marshal.dumps((spec.at_start, str(inputs / "src/reagent"), table)),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise BuildError(f"what every start imports cannot be imported:\n{done.stderr.decode()}")
    names, generated = marshal.loads(done.stdout)
    return set(names) & set(modules), {key: marshal.dumps(value) for key, value in generated}


def _resources(inputs: Path, site: Path, spec: Spec) -> dict[str, bytes]:
    package = inputs / "src/reagent"
    found = {
        path.relative_to(package).as_posix(): path.read_bytes()
        for pattern in spec.resources
        for path in package.glob(pattern)
        if path.is_file()
    }
    found["cacert.pem"] = (site / "certifi/cacert.pem").read_bytes()
    return found


def _builtins(extensions: Mapping[str, object]) -> dict[str, str]:
    names = {*_strings(extensions["archive"]), *_keys(extensions["compile"])}
    through_openssl = set(_strings(_table(extensions["openssl"])["modules"]))
    return _CORE_BUILTINS | {
        name: f"reagent_init_{name}" if name in through_openssl else f"PyInit_{name}"
        for name in names - set(_CORE_BUILTINS)
    }


def _strings(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BuildError(f"extensions.toml: a list of names is wanted, not {value!r}")
    return value


def _table(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise BuildError(f"extensions.toml: a table is wanted, not {value!r}")
    return value


def _keys(value: object) -> list[str]:
    return list(_table(value))


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
