"""Stands in for certifi, which copies its bundle into a temporary file: names the device's own.

Where a device has none, the bundled roots are a resource of the executable ("cacert.pem"); whoever
needs TLS to the outside passes them as data.
"""

import os

_KNOWN = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def where() -> str:
    """The first of the well-known files that exists; the first name where none does."""
    return next((path for path in _KNOWN if os.path.exists(path)), _KNOWN[0])  # noqa: PTH110 - no pathlib here
