"""An app's own login at the router, derived and never stored (docs/contract/wamp.md Annex B).

The device secret stays with the agent; an app gets a login that the backend can derive as well
and can rotate by counting its epoch up.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credential:
    """What an app logs in with."""

    auth_id: str
    secret: str = field(repr=False)


def credential(key: str, serial: str, app_key: int, stage: str, epoch: int) -> Credential | None:
    """The login of one app, or None where it cannot be known: then nothing is written anywhere.

    Args:
        key: what the platform handed out for this device; its text is the key, nothing is decoded.
        serial: serial number of the device.
        app_key: key of the app.
        stage: `DEV` or `PROD`.
        epoch: 0, for an absent one, is 1.
    """
    if not key or not serial or app_key == 0:
        return None
    epoch = max(epoch, 1)
    message = f"ironflock/app-cred/v1|{serial}|{app_key}|{stage.upper()}|{epoch}"
    digest = hmac.digest(key.encode(), message.encode(), "sha256")
    return Credential(
        auth_id=f"app-{app_key}-{stage.lower()}-e{epoch}@{serial}",
        secret=base64.b64encode(digest).decode(),
    )
