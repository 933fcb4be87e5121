"""How old a build image may be. What is linked statically gets security updates by being rebuilt.

Every build image is labelled with the day whose packages are in it; `nox -s refresh` makes it anew.
"""

from datetime import UTC, date, datetime
from typing import Final

LABEL: Final = "reagent.packages"
FRESH_FOR_DAYS: Final = 30


def today() -> date:
    """The day, wherever in the world one builds."""
    return datetime.now(UTC).date()


def warning(image: str, packages_of: str, today: date) -> str | None:
    """What to say about an image whose packages are of that day (ISO 8601), if anything.

    One that says no day is from before there was a label. A day that is still to come means that
    somebody's clock is wrong, which is no reason to make anything anew.
    """
    try:
        days = (today - date.fromisoformat(packages_of)).days
    except ValueError:
        return f"{image} does not say how old its packages are: nox -s refresh makes it anew"
    if days <= FRESH_FOR_DAYS:
        return None
    return (
        f"the packages in {image} are of {packages_of}, {days} days old:"
        " nox -s refresh takes Debian's security updates"
    )
