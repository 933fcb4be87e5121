"""The command line of a Windows service, taken apart. Pure."""

from __future__ import annotations


def program(command: str) -> str:
    """The executable that a service's command line names; empty where it names none.

    A path with spaces stands in quotes, as ours always does; without them it ends at `.exe`, or at
    the first space.
    """
    text = command.strip()
    if text.startswith('"'):
        path, closed, _ = text[1:].partition('"')
        return path if closed else ""
    end = text.casefold().find(".exe ")
    return text[: end + 4] if end >= 0 else text if text[-4:].casefold() == ".exe" else _first(text)


def _first(text: str) -> str:
    return text.split(maxsplit=1)[0] if text else ""
