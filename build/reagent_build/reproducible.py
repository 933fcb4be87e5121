"""`python -m reagent_build.reproducible`: build one commit twice, and compare every byte.

Two clean clones under two paths, each with another umask, time zone, language, hash seed and file
dates; nothing that one of them made is there for the other, but for the build image. Prints the
digests; where they differ, in which section of the executable. Then each is linked again from its
objects by the linker of its image, which must make that file once more (docs/guide/licences.md).
"""

import argparse
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from reagent_build.checksum import sha256
from reagent_build.container import Docker
from reagent_build.errors import BuildError
from reagent_build.images import ensure_static
from reagent_build.progress import PlainProgress
from reagent_build.sbom_facts import objects_of
from reagent_build.sbom_papers import PAPERS
from reagent_build.targets import DEBIAN, Target, UnknownTargetError, check_known

REPOSITORY: Final = Path(__file__).resolve().parents[2]
TARGETS: Final = ("linux/amd64", "linux/arm/7")
# The archive comes in, the digest of what `ld` makes of it goes out.
_RELINK: Final = (
    "mkdir /relink && tar -C /relink -xzf - && sh /relink/relink.sh >&2"
    " && sha256sum /relink/reagent"
)
_FAILED: Final = 1
_MISUSED: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where and as whom a build runs; nothing of it may be seen in what it makes."""

    folder: str
    umask: int
    environment: Mapping[str, str]
    dates: float
    """Of all files, in seconds since 1970."""


TWO: Final = (
    Surroundings(
        folder="a",
        umask=0o022,
        environment={"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "1"},
        dates=946_684_800,
    ),
    Surroundings(
        folder="another/folder, deeper down",
        umask=0o077,
        environment={
            "TZ": "Pacific/Auckland",
            "LC_ALL": "C",
            "LANG": "de_DE",
            "PYTHONHASHSEED": "2",
        },
        dates=4_102_444_800,
    ),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 the same, 1 not or not built, 2 misused."""
    parser = argparse.ArgumentParser(prog="reproducible", description="Build twice and compare.")
    parser.add_argument("targets", nargs="*", default=TARGETS, metavar="os/arch")
    parser.add_argument("--engine", metavar="ADDRESS", help="Docker engine, as for the build")
    options = parser.parse_args(arguments)
    try:
        targets = tuple(map(Target.parse, options.targets))
        check_known(targets)
        with tempfile.TemporaryDirectory(prefix="reproducible-") as folder:
            commit = _run(
                ["git", "rev-parse", "HEAD"], REPOSITORY, os.environ, TWO[0].umask
            ).strip()
            print(f"{commit}, twice", flush=True)
            engine = options.engine or os.environ.get("DOCKER_HOST")
            outputs = [_built(Path(folder), each, commit, targets, engine) for each in TWO]
            same = _verdict(targets, *outputs)
            return 0 if _relinked(targets, outputs[0], Docker(options.engine)) and same else _FAILED
    except UnknownTargetError as error:
        print(f"reproducible: {error}", file=sys.stderr)
        return _MISUSED
    except BuildError as error:
        print(f"reproducible: {error}", file=sys.stderr)
        return _FAILED


def _built(
    folder: Path,
    surroundings: Surroundings,
    commit: str,
    targets: Sequence[Target],
    engine: str | None,
) -> Path:
    clone = folder / surroundings.folder
    clone.parent.mkdir(parents=True, exist_ok=True)
    words = ["git", "clone", "--quiet", "--no-hardlinks", str(REPOSITORY), str(clone)]
    _run(words, folder, os.environ, surroundings.umask)
    # Whatever is committed in the meantime.
    _run(["git", "checkout", "--quiet", "--detach", commit], clone, os.environ, surroundings.umask)
    for path in clone.rglob("*"):
        if ".git" not in path.parts:
            os.utime(path, (surroundings.dates, surroundings.dates), follow_symlinks=False)
    print(
        f"build in {clone} {surroundings.environment}, umask {surroundings.umask:03o}", flush=True
    )
    search = os.pathsep.join(str(clone / each) for each in ("src", "build", "release", "."))
    environment = {**os.environ, **surroundings.environment, "PYTHONPATH": search}
    named = ["--engine", engine] if engine else []
    command = [sys.executable, "-m", "reagent_build", *named, *map(str, targets)]
    _run(command, clone, environment, surroundings.umask)
    return clone / "build/out"


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str], umask: int) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment, umask=umask, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise BuildError(f"{' '.join(command)}:\n{(done.stdout + done.stderr)[-3000:].strip()}")
    return done.stdout


def _verdict(targets: Sequence[Target], one: Path, other: Path) -> bool:
    same = True
    for target in targets:
        name = target.file_name
        for place in (Path, *PAPERS):
            first, second = place(one / name), place(other / name)
            if not first.exists() and not second.exists():
                continue
            same = _compared(first, second) and same
    print("the same bytes" if same else "NOT the same bytes", flush=True)
    return same


def _relinked(targets: Sequence[Target], output: Path, docker: Docker) -> bool:
    well = True
    for target in targets:
        executable = output / target.file_name
        if not objects_of(executable).exists():
            continue
        image = ensure_static(docker, DEBIAN[target], REPOSITORY / ".cache/build", PlainProgress())
        said, _ = docker.filter(image, ("sh", "-c", _RELINK), objects_of(executable).read_bytes())
        same = said.decode().split()[0] == sha256(executable)
        print(
            f"{'same     ' if same else 'DIFFERENT'} {target.file_name}, linked again", flush=True
        )
        well = well and same
    return well


def _compared(first: Path, second: Path) -> bool:
    digests = [sha256(each) if each.exists() else "missing" for each in (first, second)]
    same = digests[0] == digests[1]
    print(f"{'same     ' if same else 'DIFFERENT'} {first.name} {' '.join(dict.fromkeys(digests))}")
    if not same and "missing" not in digests:
        for line in differences(first.read_bytes(), second.read_bytes()):
            print(f"    {line}")
    return same


def differences(one: bytes, other: bytes) -> Iterator[str]:
    """Where two files differ: by section where both are ELF, by the first byte else."""
    first, second = _sections(one), _sections(other)
    found = False
    for name in sorted({*first, *second}):
        left, right = first.get(name, b""), second.get(name, b"")
        if left != right:
            found = True
            yield f"{name}: {len(left)} and {len(right)} bytes, {_from(left, right)}"
    if not found and one != other:
        yield f"outside of all sections: {_from(one, other)}"


def _sections(content: bytes) -> dict[str, bytes]:
    try:
        return {
            section.name: section.data()
            for section in ELFFile(io.BytesIO(content)).iter_sections()
            if section["sh_type"] not in {"SHT_NULL", "SHT_NOBITS"}
        }
    except ELFError:
        return {}


def _from(left: bytes, right: bytes) -> str:
    shorter = min(len(left), len(right))
    at = next((at for at in range(shorter) if left[at] != right[at]), shorter)
    return f"different from byte {at}"


if __name__ == "__main__":
    sys.exit(main())
