"""Where all trust of this executable comes from: the root that was put in when it was built."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from reagent import resources
from reagent.settings import stamp

SUFFIX: Final = ".root.json"


def baked() -> bytes | None:
    """The newest root that this executable brings; None: the build is unsigned.

    A source tree has nothing baked in; there the folder that `REAGENT_TRUST_ROOTS` names counts, as
    it would in a build.
    """
    if stamp.FREEZER == "source":
        return _in_folder(os.environ.get(stamp.ROOTS_OF_SOURCE, ""))
    names = resources.names(stamp.ROOTS)
    name = newest(names)
    if name is None:
        return b"" if names else None  # whoever put something in wants trust, and gets none
    return resources.read(name)


def newest(names: tuple[str, ...]) -> str | None:
    """Of names like `trust/2.root.json`, the one of the highest version; None where there is none.

    Pure.
    """
    numbers = {name.removeprefix(stamp.ROOTS).removesuffix(SUFFIX): name for name in names}
    versions = [text for text in numbers if text.isascii() and text.isdigit()]
    return numbers[max(versions, key=int)] if versions else None


def _in_folder(folder: str) -> bytes | None:
    if not folder:
        return None
    names = tuple(each.name for each in Path(folder).glob(f"*{SUFFIX}"))
    name = newest(names)
    # Whoever names a folder wants trust: nothing in it is no reason to go without.
    return b"" if name is None else (Path(folder) / name).read_bytes()
