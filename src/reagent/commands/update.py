"""`reagent status` and `reagent update ...`: through the agent that runs, else on its folder.

What is ordered goes to the agent over its socket (on Windows its pipe): it holds the lock, and what
it knows of its folder must not change under it. Where none runs the command takes the lock itself,
for as long as the order takes, and does the same by the same code.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

from reagent import log
from reagent.adapters import ordering
from reagent.adapters.control import NobodyThere
from reagent.adapters.ordering import AlreadyRunning, only_agent
from reagent.commands import words
from reagent.commands.parsing import DONE, NOT_DONE, Parser, add_agent_dir
from reagent.commands.terminal import Bar, complain, say
from reagent.contracts.control import Plain
from reagent.errors import ReagentError
from reagent.settings import stamp
from reagent.updates.vocabulary import DOWNLOADS

# `systemctl status` says the same of a service that does not run.
NOT_UP: Final = 3
# What needs a version that tries what is staged.
_FOR_A_TRIAL: Final = frozenset({"apply", "rollback"})


def status(typed: Sequence[str]) -> int:
    """`reagent status`: exit status 0 when the agent runs and is connected, else 3."""
    options = _status_parser().parse_args(typed)
    try:
        report = _order(options.agent_dir, "status", {})
    except ReagentError as error:
        complain(str(error))
        return NOT_DONE
    _print_report(report, words.status, as_json=options.json)
    return DONE if report.get("connected") else NOT_UP


def update(typed: Sequence[str]) -> int:
    """`reagent update`: exit status 0 done or nothing to do, 1 not done, 2 misused."""
    options = _update_parser().parse_args(typed)
    arguments: dict[str, object] = {}
    if options.act == "apply":
        arguments["path"] = os.path.abspath(options.file)  # noqa: PTH100 - links are kept
        arguments["downgrade"] = options.downgrade
    if options.act == "unblock":
        arguments["version"] = options.version
    try:
        answer = _order(options.agent_dir, options.act, arguments)
    except ReagentError as error:
        complain(str(error))
        return NOT_DONE
    except KeyboardInterrupt:
        complain(
            "not waited for any longer; an agent that was asked goes on (reagent update status)"
        )
        return NOT_DONE
    if options.act == "status":
        _print_report(answer, words.update_status, as_json=options.json)
    else:
        say(str(answer.get("text", "done")))
    return DONE


def _status_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="reagent status",
        description="Show how the agent of this device is doing. Exit status: 0 connected,"
        " 1 cannot be told, 3 not running or not connected.",
    )
    add_agent_dir(parser)
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser


def _update_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="reagent update",
        description="Versions on this device. Exit status: 0 done or nothing to do, 1 not done,"
        " 2 misused.",
    )
    acts = parser.add_subparsers(dest="act", required=True, metavar="COMMAND", parser_class=Parser)
    show = acts.add_parser("status", help="active, fall back, trial, last outcome, blocked ones")
    show.add_argument("--json", action="store_true", help="for programs")
    acts.add_parser("check", help="have the running agent look for a newer version now")
    apply = acts.add_parser(
        "apply",
        help="stage a newer version from a file that FILE.sha256, or signed metadata, vouches for",
    )
    apply.add_argument("file", metavar="FILE")
    apply.add_argument(
        "--downgrade",
        action="store_true",
        help="take an older version, too, where signed metadata names it (an unsigned build takes"
        " none); the version that runs is given up for it, and blocked",
    )
    acts.add_parser("rollback", help="give this version up: the one before is tried")
    unblock = acts.add_parser("unblock", help="let a version that was blocked come back")
    unblock.add_argument("version", metavar="VERSION")
    acts.add_parser("repair", help="mend links that name nothing; safe at any time")
    for each in acts.choices.values():
        add_agent_dir(each)
    return parser


def _print_report(report: Plain, shown: Callable[[Plain], Iterator[str]], *, as_json: bool) -> None:
    if as_json:
        import json  # noqa: PLC0415 - where it is asked for

        say(json.dumps(report, indent=1, sort_keys=True))
        return
    for line in shown(report):
        say(line)


def _order(agent_dir: str, word: str, arguments: Mapping[str, object]) -> Plain:
    """Have it obeyed, by the agent that runs or here.

    Raises:
        ReagentError: it is not done.
    """
    folder = os.path.abspath(agent_dir)  # noqa: PTH100 - as the agent does
    bar = Bar("copying" if word == "apply" else "fetching")
    try:
        return _ask(folder, word, arguments, bar)
    except NobodyThere:
        pass
    finally:
        bar.end()
    log.configure(sinks=[], level=log.INFO, pretty=False)
    try:
        if word == "status":
            return _obey(folder, word, arguments, bar)
        with only_agent(folder):
            return _obey(folder, word, arguments, bar)
    except AlreadyRunning as error:
        _demand_ours(folder)
        raise _OnTrial(
            "an agent runs here and takes no commands just now: a version is on trial, or it is"
            " starting; try again later"
        ) from error
    finally:
        bar.end()


class _OnTrial(ReagentError):
    slug = "busy"


def _ask(folder: str, word: str, arguments: Plain, bar: Bar) -> Plain:
    for is_answer, content in ordering.order(ordering.places(folder), word, arguments):
        if is_answer:
            return content
        _show(bar, content)
    return {}


def _demand_ours(folder: str) -> None:
    """An agent that runs and takes no commands may be another one altogether.

    Raises:
        Refused: it is.
    """
    from reagent.launcher import seat_for_orders, version_by_its_word  # noqa: PLC0415 - rare

    version_by_its_word(seat_for_orders(folder))


def _obey(folder: str, word: str, arguments: Plain, bar: Bar) -> Plain:
    from reagent.launcher import seat_for_orders, version_by_its_word  # noqa: PLC0415 - no agent
    from reagent.updates.orders import Orders  # noqa: PLC0415
    from reagent.world import looks_by_hand  # noqa: PLC0415

    seat = seat_for_orders(folder)
    version = version_by_its_word(seat) if word in _FOR_A_TRIAL else stamp.VERSION
    if word == "apply":  # a device that was flashed and never started has no such folder yet
        with suppress(OSError):
            os.mkdir(os.path.join(folder, DOWNLOADS), 0o700)  # noqa: PTH102, PTH118 - quick start

    async def news(content: Plain) -> None:
        _show(bar, content)

    orders = Orders(
        seat,
        looks_by_hand(seat),
        version=version,
        arch=stamp.ARCH,
        now=time.time,
    )
    return asyncio.run(orders.obey(word, arguments, news))


def _show(bar: Bar, content: Plain) -> None:
    done, total = content.get("bytes"), content.get("of")
    if isinstance(done, int) and isinstance(total, int):
        bar.show(done, total)
