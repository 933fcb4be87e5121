"""What a repository sets in its pyproject.toml, for build and release."""

import tomllib
from pathlib import Path


class UnreadableError(Exception):
    """The file is not there, or is no TOML; the text names it."""


class NotTextError(Exception):
    """Something else than a text is set; the text names the file and the setting."""


def text(path: Path, table: str, key: str) -> str:
    """A text below `[tool.reagent.<table>]`; empty where it is not set.

    Raises:
        UnreadableError: the file cannot be read.
        NotTextError: another type is set.
    """
    try:
        settings: object = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnreadableError(f"{path} cannot be read: {error}") from error
    for each in ("tool", "reagent", table, key):
        settings = settings.get(each, "") if isinstance(settings, dict) else ""
    if not isinstance(settings, str):
        raise NotTextError(f"{path}: [tool.reagent.{table}] {key} is no text")
    return settings
