"""`service install`: its flags, and what they mean where nothing is said. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reagent.settings import goflag
from reagent.settings.goflag import Bool, Flag, String, UsageError

# Below %ProgramData%.
_FOLDER: Final = "\\IronFlock\\Reagent"


def built_in_agent_dir(environment: Mapping[str, str]) -> str:
    """The folder of a service that was told no other; empty where there is no place for it."""
    data = environment.get("PROGRAMDATA") or environment.get("ProgramData") or ""
    return data + _FOLDER if data else ""


FLAGS: Final[dict[str, Flag]] = {
    flag.name: flag
    for flag in (
        String("config", "device file (required)"),
        String("agentDir", f"folder of the agent (default %ProgramData%{_FOLDER})"),
        String("appsDir", "folder of the apps' data (default apps below -agentDir)"),
        String("proxy", "URL of the proxy that the agent is to use"),
        Bool("noStart", "do not start the service"),
        Bool("start", "start the service; it is anyway"),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be installed; paths of Windows.

    Attributes:
        chosen: the folder was given, so whatever else is on this machine is known.
    """

    config: str
    agent_dir: str
    apps_dir: str
    proxy: str
    start: bool
    chosen: bool


def parse(words: list[str], environment: Mapping[str, str]) -> Order:
    """Read the words behind `install`.

    Raises:
        UsageError: one of them cannot be read, or one is missing.
        HelpWanted: help was asked for.
    """
    values, rest = goflag.parse(FLAGS, words)
    if rest:
        raise UsageError(f"nothing is known of {rest[0]!r}")
    config, chosen = str(values.get("config", "")), str(values.get("agentDir", ""))
    if not config:
        raise UsageError("-config is required: the path of a device file")
    agent_dir = (chosen or built_in_agent_dir(environment)).rstrip("\\/")
    if not agent_dir:
        raise UsageError("%ProgramData% is not set: say -agentDir")
    return Order(
        config=config,
        agent_dir=agent_dir,
        apps_dir=str(values.get("appsDir", "")).rstrip("\\/") or f"{agent_dir}\\apps",
        proxy=str(values.get("proxy", "")),
        start=not values.get("noStart", False),
        chosen=bool(chosen),
    )
