"""What the executables carry besides the standard library: pinned, checked, pure Python.

Fetched by the host's own pip, so its index, certificates and proxies are the ones it always uses.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from reagent_build.errors import BuildError

_BUILT_FROM_SOURCE: Final = "autobahn"


def ensure_wheels(requirements: Path, cache: Path) -> tuple[Path, ...]:
    """The wheels of a requirements file with hashes, made once for each content of it.

    Raises:
        BuildError: pip is missing or failed, or a wheel holds compiled code.
    """
    folder = cache / f"wheels-{hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=cache, prefix="partial-", ignore_cleanup_errors=True
        ) as partial:
            _fetch(requirements, Path(partial))
            # Whoever came first is as good.
            with suppress(OSError):
                Path(partial).rename(folder)
    wheels = tuple(sorted(folder.glob("*.whl")))
    compiled = [wheel.name for wheel in wheels if not wheel.name.endswith("-none-any.whl")]
    if compiled or not wheels:
        raise BuildError(f"only pure Python can be carried, not {', '.join(compiled) or 'nothing'}")
    return wheels


def _fetch(requirements: Path, target: Path) -> None:
    command = (
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--require-hashes",
        "--only-binary=:all:", f"--no-binary={_BUILT_FROM_SOURCE}",
        f"--wheel-dir={target}", f"--requirement={requirements}",
    )  # fmt: skip
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"AUTOBAHN_USE_NVX": "0"},
    )
    if done.returncode:
        raise BuildError(
            f"pip cannot get the wheels:\n{(done.stdout + done.stderr)[-3000:].strip()}"
        )
