"""The Authenticode signature of reagent.exe, made by osslsigncode on the machine that builds.

The key stays on that machine: no engine and no container ever sees it. What osslsigncode is told on
its command line are names of files, never what is in them. Without a certificate nothing is signed,
and the plan says so.
"""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reagent_build.errors import BuildError

CERTIFICATE: Final = "REAGENT_SIGN_CERTIFICATE"
KEY: Final = "REAGENT_SIGN_KEY"
PASSWORD: Final = "REAGENT_SIGN_PASSWORD"
TIMESTAMP: Final = "REAGENT_SIGN_TIMESTAMP"
TOOL: Final = "osslsigncode"
_WITHIN_S: Final = 120
_TOGETHER: Final = frozenset({".pfx", ".p12"})
_DIGESTS: Final = re.compile(
    r"Current message digest +: (\w+) *\nCalculated message digest +: (\w+)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """With what is signed; all are names of files, but the last.

    Attributes:
        certificate: PEM with the chain behind the leaf, or PKCS#12 (.pfx, .p12) with the key in it.
        key: PEM; None with PKCS#12.
        password: a file whose first line opens the key.
        timestamps: addresses of RFC 3161 authorities, tried in turn; without one the signature ends
            with its certificate.
    """

    certificate: Path
    key: Path | None
    password: Path | None
    timestamps: tuple[str, ...]

    def __str__(self) -> str:
        stamped = "" if self.timestamps else ", without a timestamp: it ends with the certificate"
        return f"signed with {self.certificate.name}{stamped}"

    @property
    def identity(self) -> str:
        """Another one makes another executable."""
        return hashlib.sha256(self.certificate.read_bytes()).hexdigest()


def chosen(
    certificate: str | None, key: str | None, environment: Mapping[str, str]
) -> Signing | None:
    """What the command line names, else the environment; None: nothing is to be signed.

    Raises:
        BuildError: something is named that is not there, that others may read, or that cannot be
            used; nothing was begun.
    """
    named = certificate or environment.get(CERTIFICATE, "")
    key = key or environment.get(KEY, "")
    if not named:
        if key:
            raise BuildError(f"a key to sign with, and no certificate (--sign-cert, {CERTIFICATE})")
        return None
    together = Path(named).suffix.lower() in _TOGETHER
    if not together and not key:
        raise BuildError(f"a certificate to sign with, and no key (--sign-key, {KEY})")
    password = environment.get(PASSWORD, "")
    signing = Signing(
        certificate=_file(named),
        key=None if together else _secret(key),
        password=_secret(password) if password else None,
        timestamps=tuple(environment.get(TIMESTAMP, "").split()),
    )
    if together:
        _secret(named)
    if shutil.which(TOOL) is None:
        raise BuildError(f"{TOOL} is not installed (Debian: apt-get install {TOOL})")
    return signing


def _file(name: str) -> Path:
    path = Path(name)
    if not path.is_file():
        raise BuildError(f"{path}: there is no such file to sign with")
    return path


def _secret(name: str) -> Path:
    path = _file(name)
    if path.stat().st_mode & 0o077:
        raise BuildError(f"{path}: others may read it; chmod 600 it")
    return path


def command(signing: Signing, source: Path, target: Path) -> list[str]:
    """What osslsigncode is told."""
    words = [TOOL, "sign", "-h", "sha256", "-n", "reagent"]
    if signing.key is None:
        words += ["-pkcs12", str(signing.certificate)]
    else:
        words += ["-certs", str(signing.certificate), "-key", str(signing.key)]
    if signing.password is not None:
        words += ["-readpass", str(signing.password)]
    for address in signing.timestamps:
        words += ["-ts", address]
    return [*words, "-in", str(source), "-out", str(target)]


def sign(signing: Signing, file: Path) -> None:
    """Put the signature into the file.

    Raises:
        BuildError: it is as it was; the text is osslsigncode's.
    """
    signed = file.with_name(f"{file.name}.signed")
    try:
        _run(command(signing, file, signed), "it cannot be signed")
        said = _run([TOOL, "verify", "-in", str(signed)], "", demanded=False)
        if not holds(said):
            raise BuildError(f"it was signed, and the signature does not hold:\n{said[-2000:]}")
        signed.replace(file)
    finally:
        signed.unlink(missing_ok=True)


def holds(said: str) -> bool:
    """Whether the file is what was signed, by what `osslsigncode verify` says.

    Who signed it is another question, which takes the authority's certificate.
    """
    digests = _DIGESTS.findall(said)
    return bool(digests) and all(stands == calculated for stands, calculated in digests)


def _run(words: list[str], complaint: str, *, demanded: bool = True) -> str:
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            errors="replace", timeout=_WITHIN_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{complaint}: {TOOL} did not end within {_WITHIN_S} s") from error
    if demanded and done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()[-6:]
        raise BuildError("\n".join([f"{complaint}:", *said]))
    return done.stdout
