"""The release channel a device listens to (docs/contract/system.md 4.1)."""

from __future__ import annotations

from typing import Final

from reagent.model.device import Identity

# A part of the endpoint, and the channel it means; the first that is found counts. The platform's
# new name counts as production: the reference moved devices there and forgot this table.
_CHANNEL_OF_ENDPOINT: Final = (
    ("datapods", "test"),
    ("record-evolution", "production"),
    ("ironflock", "production"),
)


def environment(identity: Identity) -> str:
    """The word in the device file, whatever it is; else what the endpoint's name suggests."""
    if identity.environment:
        return identity.environment
    for part, channel in _CHANNEL_OF_ENDPOINT:
        if part in identity.device_endpoint_url:
            return channel
    return "local"
