"""What we trust and what we show when a connection is encrypted."""

from __future__ import annotations

import os
import ssl
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from reagent import log
from reagent.errors import DialFailed

_log = log.get(__name__)

# Where systems keep their authorities in one file. OpenSSL's own default is Debian's path and finds
# nothing elsewhere, so a file is always named.
CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
BUNDLED = "cacert.pem"
# The legacy endpoints hold keys of their years; by default OpenSSL takes none of them any more.
_ANY_STRENGTH: Final = "DEFAULT:@SECLEVEL=0"
# What OpenSSL says of a certificate that is not valid yet, or no longer.
DATES: Final = frozenset({9, 10})


def trusting(environment: Mapping[str, str], files: Iterable[str] = CA_FILES) -> ssl.SSLContext:
    """A context that verifies the router against the device's authorities.

    The first usable of `SSL_CERT_FILE`, the well-known files and the bundled list is taken: one
    file, because a whole store costs memory for nothing.

    Raises:
        DialFailed: there are no authorities at all.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    named = environment.get("SSL_CERT_FILE")
    for path in (named, *files) if named else files:
        try:
            context.load_verify_locations(cafile=path)
        except FileNotFoundError:
            continue
        except (OSError, ssl.SSLError) as error:
            _log.warning("unusable file of authorities", path=path, error=str(error))
            continue
        return context
    bundled = _bundled()
    if not bundled:
        raise DialFailed("no certificate authorities on this device: wss:// cannot be verified")
    context.load_verify_locations(cadata=bundled)
    if sys.platform == "win32":  # what the machine's owner trusts beside: its store fills up slowly
        context.load_default_certs()
    return context


def believing() -> ssl.SSLContext:
    """A context that encrypts and verifies nothing: for what is signed, and nothing secret."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def refusal(error: ssl.SSLCertVerificationError) -> str:
    """What is wrong with a certificate; where dates are, also what this device takes for today."""
    text = f"its certificate is refused: {error.verify_message}"
    if error.verify_code in DATES:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        text += f"; the clock of this device says {now}"
    return text


def showing(certificate: str, private_key: str) -> ssl.SSLContext:
    """A context for the legacy endpoints: shows the device certificate and verifies nothing.

    Args:
        certificate: PEM, from the device file.
        private_key: PEM, from the device file.

    Raises:
        DialFailed: the pair is not one.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(_ANY_STRENGTH)
    with _as_file(f"{certificate.strip()}\n{private_key.strip()}\n") as path:
        try:
            context.load_cert_chain(path)
        except (OSError, ValueError) as error:
            raise DialFailed("the device certificate and its key are no pair") from error
    return context


@contextmanager
def _as_file(text: str) -> Iterator[str]:
    # OpenSSL reads keys from files only. This one is memory: no disk ever holds it.
    if sys.platform != "linux":
        raise DialFailed("a legacy endpoint: only on Linux can the device certificate be shown")
    descriptor = os.memfd_create("pair", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _bundled() -> str:
    from reagent import resources  # noqa: PLC0415 - wanted on systems without authorities only

    try:
        return resources.read(BUNDLED).decode("ascii", "replace")
    except KeyError:
        return ""
