"""The application as payload.bin and payload.c: collect, patch, compile, lay out."""

import marshal
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from reagent_build.inside.contents import Module, merged, modules_under
from reagent_build.inside.patches import patched
from reagent_build.inside.payload import Payload, c_tables, compiled, laid_out
from reagent_build.inside.toolchain import BuildError

STDLIB: Final = Path("/usr/lib/python3.13")
# Made by functions that do not follow the rule PyInit_<name>.
_CORE_BUILTINS: Final = {
    "_ast": "PyInit__ast", "_imp": "PyInit__imp", "_tokenize": "PyInit__tokenize",
    "_warnings": "_PyWarnings_Init", "builtins": "NULL", "marshal": "PyMarshal_Init", "sys": "NULL",
    "_reagent": "PyInit__reagent",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What one kind of executable holds besides the application."""

    arch: str
    """The stamp, as `-arch` prints it."""
    commit: str
    freezer: str
    sysconfigdata: str
    """The module that its sysconfig asks."""
    bits: int = 64
    """How wide an address is."""
    stand_ins: tuple[str, ...] = ("build/static/stand_ins",)
    """Folders of the input."""
    builtins: tuple[str, ...] = ()
    """C modules of ours besides `_reagent`."""


@dataclass(frozen=True, slots=True)
class Written:
    """What lies in the work folder now."""

    modules: Mapping[str, Module]
    payload: Payload
    libraries: tuple[str, ...]
    """To be linked, as `-l` wants them."""


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


def write_payload(inputs: Path, work: Path, runtime: Runtime) -> Written:
    """Write payload.bin and payload.c to `work` from what the host sent to `inputs`.

    Raises:
        BuildError: with what is missing or what cannot be imported.
        SyntaxError: a module is not for this version of Python.
    """
    spec = Spec.read(inputs / "build/reagent.spec")
    site = work / "site"
    for wheel in sorted((inputs / "wheels").glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    modules = _modules(inputs, site, work, spec, runtime)
    stored, generated = _learn_the_start(inputs, work, spec, modules, runtime.bits)
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
            builtins=_builtins(extensions) | {name: f"PyInit_{name}" for name in runtime.builtins},
            command=spec.command,
        )
    )
    return Written(modules, payload, tuple(_strings(extensions["libraries"])))


def _written_by_the_build(runtime: Runtime) -> dict[str, str]:
    """Modules of the package whose source tree versions are stand-ins."""
    return {
        "reagent._built": (
            f"ARCH = {runtime.arch!r}\nCOMMIT = {runtime.commit!r}\nFREEZER = {runtime.freezer!r}\n"
        ),
        "reagent._resources": (
            "from _reagent import resource as load, resource_names as every_name\n"
        ),
    }


def _modules(
    inputs: Path, site: Path, work: Path, spec: Spec, runtime: Runtime
) -> dict[str, Module]:
    stdlib = modules_under(STDLIB, spec.left_out_of_stdlib)
    stand_ins = {
        name: module
        for folder in runtime.stand_ins
        for name, module in modules_under(inputs / folder).items()
    }
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
    found[runtime.sysconfigdata] = replace(zones, name=runtime.sysconfigdata)
    for name, text in _written_by_the_build(runtime).items():
        path = work / f"{name}.py"
        path.write_text(text)
        found[name] = replace(found[name], path=path)
    patches = tomllib.loads((inputs / "build/static/patches.toml").read_text())["patch"]
    return dict(sorted(patched(found, patches, work).items()))


def _learn_the_start(
    inputs: Path, work: Path, spec: Spec, modules: Mapping[str, Module], bits: int
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
        input=marshal.dumps((spec.at_start, str(inputs / "src/reagent"), table, bits)),
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
