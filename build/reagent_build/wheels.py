"""What the executables carry besides the standard library: pinned, checked, pure Python.

Fetched by the host's own pip, so its index, certificates and proxies are the ones it always uses.
"""

import hashlib
import re
import sys
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from reagent_build import children
from reagent_build.errors import BuildError
from reagent_build.turns import turn

_PURE: Final = "-py3-none-any.whl"
_PLATFORMS: Final = ("manylinux_2_28_x86_64", "manylinux_2_24_x86_64", "any")
_TAGS: Final = re.compile(rb"^Tag: (?!py3-none-any).*$", re.MULTILINE)
_TAGS_LEFT: Final = re.compile(rb"^Tag: (?!py3-none-any).*\n", re.MULTILINE)


def ensure_wheels(requirements: Path, cache: Path) -> tuple[Path, ...]:
    """The wheels of a requirements file with hashes, made once for each content of it.

    Raises:
        BuildError: pip is missing or failed, or a wheel holds compiled code.
    """
    folder = cache / f"wheels-{hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]}"
    with turn(str(folder)):
        _ensure(folder, requirements, cache)
    wheels = tuple(sorted(folder.glob("*.whl")))
    compiled = [wheel.name for wheel in wheels if not wheel.name.endswith("-none-any.whl")]
    if compiled or not wheels:
        raise BuildError(f"only pure Python can be carried, not {', '.join(compiled) or 'nothing'}")
    return wheels


def _ensure(folder: Path, requirements: Path, cache: Path) -> None:
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=cache, prefix="partial-", ignore_cleanup_errors=True
        ) as partial:
            _fetch(requirements, Path(partial))
            # Whoever came first is as good.
            with suppress(OSError):
                Path(partial).rename(folder)


def _fetch(requirements: Path, target: Path) -> None:
    command = (
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes",
        "--only-binary=:all:", "--python-version=3.13", "--implementation=cp",
        *(f"--abi={each}" for each in ("cp313", "none")),
        *(f"--platform={each}" for each in _PLATFORMS),
        f"--dest={target}", f"--requirement={requirements}",
    )  # fmt: skip
    done = children.run(command)
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace")
        raise BuildError(f"pip cannot get the wheels:\n{said[-3000:].strip()}")
    for wheel in tuple(target.glob("*.whl")):
        if not wheel.name.endswith(_PURE):
            without_compiled_parts(wheel)


def without_compiled_parts(wheel: Path) -> Path:
    """Put a wheel of pure Python in the place of one for a platform.

    Only for packages that run without what is left out; the checks of the build import them.
    """
    name, version = wheel.name.split("-")[:2]
    pure = wheel.with_name(f"{name}-{version}{_PURE}")
    with zipfile.ZipFile(wheel) as whole, zipfile.ZipFile(pure, "w") as part:
        for entry in whole.infolist():
            content = whole.read(entry)
            if entry.is_dir() or content.startswith(b"\x7fELF"):
                continue
            if entry.filename.endswith(".dist-info/WHEEL"):
                content = _TAGS.sub(b"Tag: py3-none-any", content, count=1)
                content = _TAGS_LEFT.sub(b"", content)
                content = content.replace(b"Root-Is-Purelib: false", b"Root-Is-Purelib: true")
            if entry.filename.endswith(".dist-info/RECORD"):
                # Every installed file stands in it; what is not there must not.
                kept = {each.filename for each in part.infolist()} | {entry.filename}
                lines = content.decode().splitlines()
                content = "".join(
                    f"{line.split(',')[0]},,\n" for line in lines if line.split(",")[0] in kept
                ).encode()
            part.writestr(zipfile.ZipInfo(entry.filename), content, zipfile.ZIP_DEFLATED)
    wheel.unlink()
    return pure
