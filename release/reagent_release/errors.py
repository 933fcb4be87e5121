"""What can go wrong in a release. Texts are for the person who runs it and name what to do.

ReleaseError
├── Misused              what was typed makes no sense
├── Refused              a rule of releases forbids it; nothing was done
├── Unfinished           it broke half-way; names what was done before
└── StoreError           the bucket did not do what it was asked
    ├── ObjectMissing    there is no such object
    └── Changed          the object is not (any more) the one that was expected
"""

from collections.abc import Sequence


class ReleaseError(Exception):
    """The command cannot go on."""


class Misused(ReleaseError):
    """What was typed makes no sense."""


class Refused(ReleaseError):
    """A rule of releases forbids it; nothing was done."""


class StoreError(ReleaseError):
    """The bucket did not do what it was asked."""


class ObjectMissing(StoreError):
    """There is no such object."""


class Changed(StoreError):
    """The object is not (any more) the one that was expected, so it was left alone."""


class Unfinished(ReleaseError):
    """It broke half-way. What was done stays valid; the same command goes on from there."""

    def __init__(self, reason: object, done: Sequence[str]) -> None:
        before = "".join(f"\n  {line}" for line in done) or " nothing"
        super().__init__(
            f"{reason}\ndone before that:{before}\nThe same command goes on from here."
        )
