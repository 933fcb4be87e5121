"""What signs: a key in a file, in a variable, or whatever securesystemslib knows by its URI.

    file:private/targets-1.pem       a PEM of PKCS 8, encrypted or not; relative to the keyring
    env:REAGENT_KEY_TARGETS          the same, in a variable
    hv:reagent-targets/1             HashiCorp Vault; so is every other scheme that is known there

Keys are Ed25519 alone: devices verify it without compiled code, and nothing else.
"""

import getpass
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import (
    SIGNER_FOR_URI_SCHEME,
    CryptoSigner,
    Key,
    Signer,
    SSlibKey,
)

from reagent_release.errors import Misused, ReleaseError

FILE: Final = "file"
VARIABLE: Final = "env"
PASSPHRASE: Final = "REAGENT_KEY_PASSPHRASE"  # noqa: S105 - a name
_OF_OTHERS: Final = 0o077

Secrets = Callable[[str], str]
"""Asks for a passphrase; told what it is for."""


@dataclass(frozen=True, slots=True)
class Here:
    """Where private keys are looked for.

    Attributes:
        folder: of the keyring.
        environment: for `env:` keys and the passphrase.
        ask: asks a person, where there is one.
    """

    folder: Path
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    ask: Secrets | None = None

    def passphrase(self, what: str) -> bytes:
        """The one of an encrypted key.

        Raises:
            ReleaseError: nobody says it.
        """
        said = self.environment.get(PASSPHRASE, "")
        if not said and self.ask is not None:
            said = self.ask(f"passphrase of {what}: ")
        if not said:
            raise ReleaseError(f"{what} is encrypted, and {PASSPHRASE} is not set")
        return said.encode()


def ask_at_terminal() -> Secrets | None:
    """Asks who sits there; None where nobody does."""
    return getpass.getpass if sys.stdin.isatty() else None


def said(uri: str, error: BaseException) -> str:
    """What a signer's library says, in one line."""
    return " ".join(f"{uri}: {type(error).__name__}: {error}".split())


def new() -> Ed25519PrivateKey:
    """A new key."""
    return Ed25519PrivateKey.generate()


def pem(key: Ed25519PrivateKey, passphrase: bytes = b"") -> bytes:
    """A private key as a file holds it; encrypted where there is a passphrase."""
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )


def signer(uri: str, public: Key, here: Here) -> Signer:
    """Whatever signs for a URI.

    Raises:
        ReleaseError: it cannot be had here, or belongs to another key.
    """
    try:
        if uri.partition(":")[0] in (FILE, VARIABLE) and isinstance(public, SSlibKey):
            return CryptoSigner(_private(uri, here), public)
        return Signer.from_priv_key_uri(uri, public, here.ask)
    except ReleaseError:
        raise
    except Exception as error:
        raise ReleaseError(said(uri, error)) from error


def public(uri: str, here: Here) -> SSlibKey:
    """The public half of a key that exists.

    Raises:
        Misused: no signer of ours or theirs knows the scheme, or the key is of another kind.
        ReleaseError: it cannot be had here.
    """
    scheme, _, name = uri.partition(":")
    if scheme in (FILE, VARIABLE):
        return SSlibKey.from_crypto(_private(uri, here).public_key())
    kind = SIGNER_FOR_URI_SCHEME.get(scheme)
    learn = getattr(kind, "import_", None)
    if learn is None:
        raise Misused(f"{uri}: nobody knows how to ask {scheme!r} for a public key")
    try:
        found = learn(name.partition("/")[0])[1]
    except Exception as error:
        raise ReleaseError(said(uri, error)) from error
    if not isinstance(found, SSlibKey) or found.scheme != "ed25519":
        raise Misused(f"{uri} is no Ed25519 key, and devices verify nothing else")
    return found


def _private(uri: str, here: Here) -> Ed25519PrivateKey:
    content = _content(uri, here)
    try:
        try:
            key = serialization.load_pem_private_key(content, None)
        except TypeError:  # that is how it says "encrypted"
            key = serialization.load_pem_private_key(content, here.passphrase(uri))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        # Its own text may quote what it read.
        raise ReleaseError(f"{uri} is no private key, or the passphrase is wrong") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Misused(f"{uri} is no Ed25519 key, and devices verify nothing else")
    return key


def _content(uri: str, here: Here) -> bytes:
    scheme, _, where = uri.partition(":")
    if scheme == VARIABLE:
        if not (said := here.environment.get(where, "")):
            raise ReleaseError(f"{uri}: {where} is not set")
        return said.encode()
    path = here.folder / where
    try:
        if path.stat().st_mode & _OF_OTHERS and os.name == "posix":
            raise ReleaseError(f"{path} can be read by others: chmod 600 it, or take it for stolen")
        return path.read_bytes()
    except OSError as error:
        raise ReleaseError(f"{path} cannot be read: {error.strerror}") from error
