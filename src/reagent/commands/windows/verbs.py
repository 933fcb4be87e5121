"""`reagent service install|uninstall|start|stop|status` on Windows (docs/contract/system.md 5.4).

Plan, print, then do. Exit status: 0 done, 1 not done, 2 the command line cannot be read.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

from reagent.commands.windows import imagepath, plan
from reagent.commands.windows.order import FLAGS, parse
from reagent.errors import Failed, ReagentError, Refused
from reagent.settings.goflag import HelpWanted, UsageError, usage

DONE: Final = 0
NOT_DONE: Final = 1
MISUSED: Final = 2
_RUN_WITHIN_S: Final = 60.0
_LOOK_EVERY_S: Final = 0.25
RUNNING: Final = "running"
STOPPED: Final = "stopped"


class Manager(Protocol):
    """`adapters.windows.scm`; everything raises `OSError`."""

    def elevated(self) -> bool:
        """See there."""
        ...

    def create(self, name: str, display: str, command: str, /) -> None:
        """See there."""
        ...

    def recover(self, name: str, after: tuple[int, ...], reset: int, /) -> None:
        """See there."""
        ...

    def surround(self, name: str, variables: tuple[str, ...], /) -> None:
        """See there."""
        ...

    def start(self, name: str, /) -> None:
        """See there."""
        ...

    def stop(self, name: str, /) -> None:
        """See there."""
        ...

    def delete(self, name: str, /) -> None:
        """See there."""
        ...

    def state(self, name: str, /) -> str:
        """See there."""
        ...

    def command(self, name: str, /) -> str:
        """See there."""
        ...


class Verbs:
    """What a person can order.

    Args:
        manager: of services.
        run: runs a program of Windows; its exit status and what it said.
        say: to the person.
        complain: to the person, about what is not done.
        executable: our own file.
        users: the folder that users' folders lie in.
        sleep: seconds.
    """

    def __init__(
        self,
        manager: Manager,
        *,
        run: Callable[[tuple[str, ...]], tuple[int, str]],
        say: Callable[[str], None],
        complain: Callable[[str], None],
        executable: str,
        users: Path,
        environment: Mapping[str, str],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._manager = manager
        self._run_program = run
        self._say = say
        self._complain = complain
        self._executable = executable
        self._users = users
        self._environment = environment
        self._sleep = sleep

    def obey(self, words: list[str]) -> int:
        """Do it; the exit status."""
        verb, rest = (words[0] if words else ""), words[1:]
        act = _VERBS.get(verb)
        if act is None or (rest and verb != "install"):
            self._complain(f"service needs one of {', '.join(_VERBS)}")
            return MISUSED
        try:
            if not self._manager.elevated():
                raise Refused("services are the administrators': run this as one")
            return act(self, rest)
        except HelpWanted:
            self._say(usage("reagent service install", FLAGS).rstrip())
            return DONE
        except UsageError as error:
            self._complain(f"{error}\n{usage('reagent service install', FLAGS).rstrip()}")
            return MISUSED
        except ReagentError as error:
            self._complain(str(error))
        except OSError as error:
            self._complain(f"{error.filename or plan.SERVICE}: {error.strerror or error}")
        return NOT_DONE

    def install(self, words: list[str]) -> int:
        """Have the service."""
        order = parse(words, self._environment)
        if self._manager.state(plan.SERVICE):
            raise Refused(f"the service {plan.SERVICE} is installed already; uninstall it first")
        if not Path(order.config).is_file():
            raise Refused(f"{order.config}: there is no such device file")
        if not order.chosen and (old := self._other_agents()):
            raise Refused(
                f"{old}: an agent runs in a console here; stop it and say -agentDir to go on"
            )
        self._carry_out(plan.install(order, self._executable))
        self._say("installed")
        return DONE

    def uninstall(self, _words: list[str]) -> int:
        """Have none; all data stays."""
        self._demand_installed()
        self._carry_out(plan.uninstall())
        self._say("uninstalled; the agent's folder, its apps and their data are left as they are")
        return DONE

    def start(self, _words: list[str]) -> int:
        """Have it running."""
        self._demand_installed()
        self._act(plan.Start(plan.WITHIN_S))
        return DONE

    def stop(self, _words: list[str]) -> int:
        """Have it stopped."""
        self._demand_installed()
        self._act(plan.Stop(plan.WITHIN_S))
        return DONE

    def status(self, _words: list[str]) -> int:
        """Say how it is."""
        state = self._manager.state(plan.SERVICE)
        self._say(f"service     {state or 'not installed'}")
        if state:
            command = self._manager.command(plan.SERVICE)
            self._say(f"runs        {imagepath.program(command)}")
        return DONE if state == RUNNING else NOT_DONE

    def _carry_out(self, steps: tuple[plan.Step, ...]) -> None:
        for step in steps:
            self._say(step.say)
        for step in steps:
            try:
                self._act(step.act)
            except (OSError, ReagentError) as error:
                why = (error.strerror if isinstance(error, OSError) else "") or str(error)
                if step.needed:
                    raise Failed(f"{step.say}: {why}") from error
                self._complain(f"warning: {step.say}: {why}")

    def _act(self, act: plan.Act) -> None:  # noqa: C901 - one line for each kind
        name, manager = plan.SERVICE, self._manager
        match act:
            case plan.Folder(path):
                os.makedirs(path, exist_ok=True)  # noqa: PTH103 - a path of Windows, as it is
            case plan.Copy(source, path):
                _copy(source, path)
            case plan.Write(path, content):
                Path(path).write_bytes(content)
            case plan.Run(words):
                self._run(words)
            case plan.Create(command):
                manager.create(name, plan.DISPLAY, command)
            case plan.Recover(after, reset):
                manager.recover(name, after, reset)
            case plan.Surround(variables):
                manager.surround(name, variables)
            case plan.Start(within):
                manager.start(name)
                self._wait_until(RUNNING, within)
            case plan.Stop(within):
                manager.stop(name)
                self._wait_until(STOPPED, within)
            case plan.Delete():
                manager.delete(name)

    def _run(self, words: tuple[str, ...]) -> None:
        status, said = self._run_program(words)
        if status:
            last = (said.strip().splitlines() or [f"exit status {status}"])[-1]
            raise Failed(f"{words[0]}: {last}")

    def _wait_until(self, wanted: str, within: float) -> None:
        left = within
        while (state := self._manager.state(plan.SERVICE)) != wanted:
            if left <= 0:
                raise Failed(f"it is {state or 'gone'} after {within:g} s, not {wanted}")
            self._sleep(_LOOK_EVERY_S)
            left -= _LOOK_EVERY_S

    def _demand_installed(self) -> None:
        if not self._manager.state(plan.SERVICE):
            raise Refused(f"there is no service {plan.SERVICE}: nothing is installed")

    def _other_agents(self) -> str:
        found = sorted(self._users.glob("*/reagent/reagent.db")) if self._users.is_dir() else []
        return str(found[0]) if found else ""


_VERBS: Final[Mapping[str, Callable[[Verbs, list[str]], int]]] = {
    "install": Verbs.install,
    "uninstall": Verbs.uninstall,
    "start": Verbs.start,
    "stop": Verbs.stop,
    "status": Verbs.status,
}


def main(words: list[str]) -> int:
    """On Windows alone."""
    from reagent.adapters.windows import scm  # noqa: PLC0415 - on Windows alone
    from reagent.commands.terminal import complain, say  # noqa: PLC0415 - see above

    drive = os.environ.get("SYSTEMDRIVE", "C:")
    verbs = Verbs(
        scm,
        run=_program,
        say=say,
        complain=complain,
        executable=sys.executable,
        users=Path(f"{drive}\\Users"),
        environment=os.environ,
    )
    return verbs.obey(words)


def _copy(source: str, path: str) -> None:
    if os.path.abspath(source).casefold() != os.path.abspath(path).casefold():  # noqa: PTH100
        shutil.copyfile(source, path)


def _program(words: tuple[str, ...]) -> tuple[int, str]:
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            check=False, timeout=_RUN_WITHIN_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return 1, f"it does not end within {_RUN_WITHIN_S:g} s"
    return done.returncode, done.stdout.decode(errors="replace")
