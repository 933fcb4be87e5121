"""What the platform told us about ourselves after connecting; apps get it as environment."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Learnt:
    """Kept in memory only; a fetch that failed keeps what was known (docs/contract/apps.md 1.9).

    Attributes:
        base_url: the platform's address, from the answer to a status report.
        credential_key: what the apps' own credentials are made from.
    """

    base_url: str = ""
    credential_key: str = field(default="", repr=False)
