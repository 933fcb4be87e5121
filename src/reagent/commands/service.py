"""`reagent service ...` on Linux: the agent as a service of this system's systemd.

Windows has a service of its own kind under the same words (docs/contract/system.md 5.4). Plan,
print, then do; what a person or an image installed under the same name is left alone.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from reagent.adapters.manager import Systemctl
from reagent.commands import flashing, unit
from reagent.commands.flash import ACTIVE, DEVICE_FILE, put
from reagent.commands.parsing import DONE, NOT_DONE, Parser, add_agent_dir
from reagent.commands.terminal import complain, say
from reagent.errors import BadRequest, Failed, ReagentError, Refused
from reagent.settings import stamp
from reagent.updates.vocabulary import VERSION_FILE

_UNIT: Final = Path(unit.FOLDER) / unit.NAME


def main(typed: Sequence[str]) -> int:
    """Exit status: 0 done, 1 otherwise, what cannot be read included.

    On Linux every `service` that did nothing has always ended with 1 (docs/contract/system.md 2.3).
    """
    if (typed[:1] and typed[0] not in {*_VERBS, "-h", "--help"}) or not typed:
        complain(f"service needs one of {', '.join(_VERBS)} (reagent service -h)")
        return NOT_DONE
    try:
        options = _parser().parse_args(typed)
    except SystemExit as end:
        return NOT_DONE if end.code else DONE
    try:
        return _VERBS[options.verb](options)
    except ReagentError as error:
        complain(str(error))
    except OSError as error:
        complain(f"{error.filename or _UNIT}: {error.strerror or error}")
    return NOT_DONE


def _install(options: argparse.Namespace) -> int:
    systemd = _systemd()
    _demand_no_stranger()
    agent_dir = os.path.abspath(options.agent_dir)  # noqa: PTH100 - links are kept
    order = flashing.Order(
        root=Path("/"),
        agent_dir=PurePosixPath(agent_dir),
        device_file=flashing.read_device_file(Path(options.config)),
        executable=flashing.own_executable(),
        version=stamp.VERSION,
        unit=_unit_text(agent_dir, options.apps_dir),
    )
    fresh = not (order.folder / ACTIVE).exists()
    if not fresh:
        demand_ready(order.folder)
    for line in order.described() if fresh else _described_again(order):
        say(line)
    if not options.no_start:
        say(f"start {unit.NAME}")
    if fresh:
        flashing.carry_out(order)
    else:  # which version runs there is not ours to say: it was proven
        put(order.folder / DEVICE_FILE, order.device_file, 0o600)
        put(_UNIT, order.unit.encode(), 0o644)
    systemd.order("daemon-reload")
    systemd.order("enable", unit.NAME)
    if not options.no_start:
        systemd.order("restart", unit.NAME)
    say("installed")
    return DONE


def _uninstall(_options: argparse.Namespace) -> int:
    systemd = _systemd()
    _demand_no_stranger()
    if not _UNIT.exists():
        raise Refused(f"there is no {_UNIT}: nothing is installed")
    systemd.order("disable", "--now", unit.NAME)
    _UNIT.unlink()
    systemd.order("daemon-reload")
    say("uninstalled; the agent's folder, its apps and their data are left as they are")
    return DONE


def _start(_options: argparse.Namespace) -> int:
    _systemd().order("start", unit.NAME)
    return DONE


def _stop(_options: argparse.Namespace) -> int:
    _systemd().order("stop", unit.NAME)
    return DONE


def _status(options: argparse.Namespace) -> int:
    said = _systemd().ask("is-active", unit.NAME)
    say(f"service     {said or 'unknown'}")
    from reagent.commands.update import status as show_status  # noqa: PLC0415 - brings asyncio

    show_status([f"-agentDir={options.agent_dir}"])
    return DONE if said == "active" else NOT_DONE


def _systemd() -> Systemctl:
    if os.geteuid() != 0:
        raise Failed("services are root's: run this as root")
    return Systemctl()


def _demand_no_stranger() -> None:
    for folder in (unit.FOLDER, *unit.OTHER_FOLDERS):
        path = Path(folder) / unit.NAME
        try:
            content = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if not unit.is_ours(content):
            raise Refused(f"{path} was not installed by this command; it is left as it is")


def demand_ready(folder: Path) -> None:
    """What the service starts has to tell systemd that it is ready, or it is ended for ever.

    Raises:
        Refused: `Reagent-active` names what cannot, an agent from before 1.0.0 or a file of
            somebody's.
    """
    file = (folder / ACTIVE).resolve().name
    version = file.removeprefix(VERSION_FILE)
    if version == file or version.startswith("0."):
        raise Refused(
            f"{folder}/{ACTIVE} names {file}, which this service cannot run:"
            " have it updated to 1.0.0 or newer first"
        )


def _unit_text(agent_dir: str, apps_dir: str) -> str:
    try:
        apps = os.path.abspath(apps_dir) if apps_dir else ""  # noqa: PTH100 - links are kept
        return unit.text(agent_dir=agent_dir, config=f"{agent_dir}/{DEVICE_FILE}", apps_dir=apps)
    except ValueError as error:
        raise BadRequest(str(error)) from error


def _described_again(order: flashing.Order) -> tuple[str, ...]:
    return (
        f"keep  {order.folder}/{ACTIVE}, and the version that it names",
        f"write {order.folder}/{DEVICE_FILE} (0600)",
        f"write {order.unit_file}, enabled for {unit.WANTED_BY}",
    )


_VERBS: Final[Mapping[str, Callable[[argparse.Namespace], int]]] = {
    "install": _install,
    "uninstall": _uninstall,
    "start": _start,
    "stop": _stop,
    "status": _status,
}


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="reagent service",
        description="The agent as a service of systemd. Exit status: 0 done, 1 not done.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=Parser)
    install = verbs.add_parser("install", help="copy this file, write the unit, enable and start")
    install.add_argument("-config", "--config", required=True, metavar="FILE", help="device file")
    install.add_argument(
        "-appsDir", "--appsDir", dest="apps_dir", default="", metavar="DIR", help="apps' data"
    )
    install.add_argument("-noStart", "--noStart", dest="no_start", action="store_true")
    verbs.add_parser("uninstall", help="stop, disable and remove the unit; keeps all data")
    verbs.add_parser("start", help="start the service")
    verbs.add_parser("stop", help="stop the service")
    verbs.add_parser("status", help="the service, and what `reagent status` shows")
    for each in verbs.choices.values():
        add_agent_dir(each)
    return parser
