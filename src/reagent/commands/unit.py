"""The systemd unit of the agent: text, and whether one that is there is ours. Pure.

It starts `Reagent-active`, whatever that names, and nothing else decides which version runs. READY
comes after the launcher's decision and never waits for the cloud; a trial runs below the version
that tries it, so notes from every process of the unit count. Where `Reagent-active` names nothing,
what is to be fallen back to mends it first; the dash lets a missing `Reagent-previous` pass.
"""

from __future__ import annotations

from typing import Final

NAME: Final = "reagent.service"
FOLDER: Final = "/etc/systemd/system"
WANTED_BY: Final = "multi-user.target"
# What an image of the field may bring along instead.
OTHER_FOLDERS: Final = ("/usr/lib/systemd/system", "/lib/systemd/system", "/run/systemd/system")
_OURS: Final = "# Written by `reagent service install` or `reagent flash`."
# The agent ends itself after two minutes of standing still; this is for what it cannot see.
WATCHDOG_S: Final = 300


def text(*, agent_dir: str, config: str, apps_dir: str = "") -> str:
    """The unit's text.

    Args:
        agent_dir: absolute, as the device sees it.
        config: the device file, likewise.
        apps_dir: likewise; empty for the agent's default.

    Raises:
        ValueError: systemd cannot have such a path in a command line.
    """
    for path in (agent_dir, config, apps_dir):
        if any(sign in path for sign in "\"'\\%$\n") or path != path.strip():
            raise ValueError(f"{path!r} cannot stand in a unit's command line")
    words = ["-config", config]
    if agent_dir != "/opt/reagent":
        words.append(f"-agentDir={agent_dir}")
    if apps_dir:
        words.append(f"-appsDir={apps_dir}")
    line = " ".join(_quoted(word) for word in words)
    folder = _quoted(f"-agentDir={agent_dir}")
    return f"""\
{_OURS}
[Unit]
Description=Device management agent
Wants=network-online.target
After=network-online.target docker.service
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=all
ExecStartPre=-{_quoted(agent_dir + "/Reagent-previous")} update repair {folder}
ExecStart={_quoted(agent_dir + "/Reagent-active")} {line}
Restart=always
RestartSec=5
WatchdogSec={WATCHDOG_S}
TimeoutStopSec=30
KillMode=mixed
CPUWeight=2048
Nice=-16

[Install]
WantedBy={WANTED_BY}
"""


def is_ours(content: str) -> bool:
    """Whether a unit file was written here, and may be replaced and removed."""
    return content.startswith(_OURS)


def _quoted(word: str) -> str:
    return f'"{word}"' if " " in word or "\t" in word else word
