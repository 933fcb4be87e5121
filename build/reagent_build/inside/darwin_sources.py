"""Debian's source packages of what the darwin executables link, while their image is built.

    python3.13 -B darwin_sources.py FOLDER

Wanted is the version that the Linux executables of the same day link. A mirror that is behind may
not have its source yet; then the newest older one that it has is taken and said, but for CPython:
its library and its C code must be of one version. `FOLDER/versions.json` says what was taken.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from functools import cmp_to_key
from pathlib import Path
from typing import Final

# Source package -> the binary package that the Linux executables link.
PACKAGES: Final = {
    "expat": "libexpat1-dev",
    "libzstd": "libzstd-dev",
    "openssl": "libssl-dev",
    "python3.13": "libpython3.13-stdlib",
    "sqlite3": "libsqlite3-dev",
    "zlib": "zlib1g-dev",
}
_EXACT: Final = frozenset({"python3.13"})
# Where a mirror may still know an older source. No binary comes from here, and what is taken is
# never newer than what is wanted, so its lists may be of any age.
_ALSO: Final = ("forky",)
_LISTS: Final = Path("/etc/apt/sources.list.d/darwin-sources.list")


class SourceError(Exception):
    """A source cannot be had; the text says which."""


def field(text: str, name: str) -> list[str]:
    """Every value of a field in the output of apt-cache."""
    return [
        line.partition(":")[2].strip() for line in text.splitlines() if line.startswith(f"{name}:")
    ]


def wanted_version(shown: str) -> str:
    """The source version of the first package in `apt-cache show`: `Source` names it if it differs.

    Raises:
        SourceError: no such package.
    """
    first = shown.partition("\n\n")[0]
    versions, sources = field(first, "Version"), field(first, "Source")
    if not versions:
        raise SourceError("apt knows no such package")
    inside = sources[0].partition("(")[2].rstrip(")") if sources else ""
    return inside or versions[0]


def to_try(known: Iterable[str], wanted: str, *, exact: bool) -> list[str]:
    """The wanted version, then older ones, the newest first."""
    older = {version for version in known if compare(version, wanted) < 0}
    return [wanted, *([] if exact else sorted(older, key=cmp_to_key(compare), reverse=True))]


def compare(one: str, other: str) -> int:
    """Debian's order of versions, as dpkg knows it."""
    if one == other:
        return 0
    less = subprocess.run(("dpkg", "--compare-versions", one, "lt", other), check=False)
    return -1 if less.returncode == 0 else 1


def fetch(package: str, binary: str, folder: Path) -> str:
    """Unpack the source, with Debian's patches, to `folder`/<package>, and return its version.

    Raises:
        SourceError: no version can be had.
    """
    wanted = wanted_version(_said("apt-cache", "show", binary))
    known = field(_said("apt-cache", "showsrc", package), "Version")
    said = ""
    for version in to_try(known, wanted, exact=package in _EXACT):
        work = folder / "partial"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        done = subprocess.run(
            ("apt-get", "source", "--quiet", f"{package}={version}"),
            cwd=work, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            (unpacked,) = (path for path in work.iterdir() if path.is_dir())
            unpacked.rename(folder / package)
            shutil.rmtree(work)
            if version != wanted:
                print(f"warning: {package} {version} in place of {wanted}, which no mirror has")
            return version
        said = (done.stdout + done.stderr)[-500:]
    raise SourceError(f"no mirror has the source of {package} {wanted}:\n{said}")


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SourceError(f"{' '.join(command)}:\n{(done.stdout + done.stderr)[-500:]}")
    return done.stdout


def source_lists(binary_lists: str) -> list[str]:
    """Where sources come from: the places of the binary packages, and `_ALSO` beside the suite.

    Args:
        binary_lists: lines of `address suite component`, the suite itself first.
    """
    rows = [line.split() for line in dict.fromkeys(binary_lists.splitlines()) if line]
    more = [["[check-valid-until=no]", rows[0][0], suite, rows[0][2]] for suite in _ALSO if rows]
    return [f"deb-src {' '.join(row)}" for row in [*rows, *more]]


def _with_sources() -> None:
    said = _said(
        "apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)",
        "Created-By: Packages",
    )  # fmt: skip
    _LISTS.write_text("\n".join(source_lists(said)) + "\n")
    _said("apt-get", "update", "--quiet")


def main(folder: Path) -> int:
    """Fetch all of them."""
    try:
        _with_sources()
        versions = {name: fetch(name, binary, folder) for name, binary in PACKAGES.items()}
    except SourceError as error:
        print(error, file=sys.stderr)
        return 1
    (folder / "versions.json").write_text(json.dumps(versions, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
