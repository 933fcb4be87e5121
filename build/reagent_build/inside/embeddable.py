"""The embeddable CPython for Windows: unpack, demand its makers' signatures, lay out.

Run when the image is built: `python3.13 -m reagent_build.inside.embeddable ARCHIVE PYTHON.TOML ROOT
TARGET`. The archive is python.org's zip, or a source package that holds one or a folder of one.
"""

import io
import re
import subprocess
import sys
import tarfile
import time
import tomllib
import zipfile
from calendar import timegm
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

AUTHORITIES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
_SIGNED: Final = frozenset({".exe", ".dll", ".pyd"})
# Crashes older wine, and `platform` does without; hidden so that nothing comes to depend on it.
_HIDDEN: Final = "_wmi.pyd"
_ORGANISATION: Final = re.compile(
    r"Signer's certificate:\s+-*\s+Signer #0:\s+Subject: [^\n]*?/O=([^/\n]+)"
)
_DIGESTS: Final = re.compile(
    r"Current message digest +: (\w+) *\nCalculated message digest +: (\w+)"
)
_VERDICTS: Final = re.compile(r"^Signature verification: (\w+)", re.MULTILINE)
_MOMENT: Final = re.compile(r"Timestamp time: (\w+ +\d+ \d+:\d+:\d+ \d+) GMT")


class BadPythonError(Exception):
    """This is not the CPython it should be; the text says why."""


def files_in(archive: bytes) -> Iterator[tuple[str, bytes]]:
    """The files beside `python.exe`, by name, wherever that lies in the archive.

    Raises:
        BadPythonError: it lies nowhere.
    """
    if archive[:2] == b"\x1f\x8b":
        archive = _zip_in(archive)
    with zipfile.ZipFile(io.BytesIO(archive)) as content:
        names = content.namelist()
        homes = [PurePosixPath(name).parent for name in names if name.endswith("python.exe")]
        if not homes:
            raise BadPythonError("the archive holds no python.exe")
        for name in names:
            path = PurePosixPath(name)
            if path.parent == homes[0] and not name.endswith("/"):
                yield path.name, content.read(name)


def _zip_in(package: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(package)) as members:
        for member in members:
            if member.name.endswith("/data.zip"):
                stream = members.extractfile(member)
                if stream is not None:
                    return stream.read()
    raise BadPythonError("the source package holds no data.zip")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signs the files whose names begin with `files`.

    `rooted`: up to an authority that we know; else only the digest is compared.
    """

    files: str
    organisation: str
    rooted: bool


def demanded(name: str, signers: Iterable[Signer]) -> Signer | None:
    """Who has to have signed a file; None for those that carry no signature."""
    if PurePosixPath(name).suffix not in _SIGNED:
        return None
    return next(signer for signer in signers if name.startswith(signer.files))


def signed_at(said: str) -> int:
    """When a file was signed, in seconds since 1970, by what osslsigncode says of its timestamp.

    Raises:
        BadPythonError: it has none.
    """
    found = _MOMENT.search(said)
    if found is None:
        raise BadPythonError("it has no signature with a timestamp")
    return timegm(time.strptime(found[1], "%b %d %H:%M:%S %Y"))


def fault(said: str, signer: Signer) -> str:
    """What is wrong with a signature, by what osslsigncode says of it; empty when nothing is.

    Its exit status is not asked: of a file with two signatures it is 0 when both fail.
    """
    digests = _DIGESTS.findall(said)
    if not digests or any(stands != calculated for stands, calculated in digests):
        return "it was changed after it was signed"
    verdicts = _VERDICTS.findall(said)
    if signer.rooted and (not verdicts or set(verdicts) != {"ok"}):
        return "its signature does not verify"
    organisations = set(_ORGANISATION.findall(said))
    if organisations != {signer.organisation}:
        names = ", ".join(sorted(organisations)) or "nobody"
        return f"{names} signed it, it should be {signer.organisation}"
    return ""


def demand_signature(path: Path, signer: Signer, authorities: Path) -> None:
    """Verify as of the moment of signing: leaf certificates live for days, their timestamps count.

    Raises:
        BadPythonError: the file was changed, or somebody else signed it.
    """
    verify = ("osslsigncode", "verify", "-in", str(path))
    moment = signed_at(_said(verify))
    # Lists of withdrawn certificates would have to be fetched; the archive's digest is pinned.
    wrong = fault(
        _said(
            (*verify, "-ignore-crl", "-time", str(moment), "-CAfile", str(authorities),
             "-TSA-CAfile", str(authorities))
        ),
        signer,
    )  # fmt: skip
    if wrong:
        raise BadPythonError(wrong)


def _said(command: tuple[str, ...]) -> str:
    # Its messages cut into its answers where both go to one place.
    done = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
    return done.stdout


def unpack(archive: Path, signers: Iterable[Signer], root: Path, target: Path) -> int:
    """Lay the interpreter out in `target`: `python/`, and its standard library in `stdlib/`.

    Returns:
        How many signatures were verified.

    Raises:
        BadPythonError: one of them does not hold, or something is missing.
    """
    home = target / "python"
    home.mkdir(parents=True)
    authorities = target / "authorities.pem"
    authorities.write_bytes(AUTHORITIES.read_bytes() + root.read_bytes())
    rows = tuple(signers)
    verified = 0
    for name, content in files_in(archive.read_bytes()):
        path = home / name
        path.write_bytes(content)
        signer = demanded(name, rows)
        if signer is not None:
            try:
                demand_signature(path, signer, authorities)
            except BadPythonError as error:
                raise BadPythonError(f"{name}: {error}") from error
            verified += 1
    (home / _HIDDEN).unlink(missing_ok=True)
    libraries = sorted(home.glob("python3?*.zip"))
    if len(libraries) != 1:
        raise BadPythonError("the archive holds no standard library")
    with zipfile.ZipFile(libraries[0]) as library:
        library.extractall(target / "stdlib")
    # Where this interpreter looks for modules, in its own words; PyInstaller lies in `site`.
    paths = next(home.glob("python3*._pth"))
    paths.write_text(f"{libraries[0].name}\n.\n../site\n", newline="\r\n")
    return verified


def main(archive: str, facts: str, root: str, target: str) -> int:
    """Say what was verified, or what is wrong."""
    rows = tomllib.loads(Path(facts).read_text())["signer"]
    try:
        verified = unpack(Path(archive), [Signer(**row) for row in rows], Path(root), Path(target))
    except (BadPythonError, zipfile.BadZipFile, tarfile.TarError) as error:
        print(f"{archive}: {error}", file=sys.stderr)
        return 1
    print(f"{verified} signatures verified")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
