"""What `service install` and `uninstall` do, step by step, as data. Pure (system.md 5.4).

A step that is `needed` ends the command when it fails; everything else is a warning, because a
device that has an agent without a scheduled task is better than one without an agent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reagent.commands.windows import repair
from reagent.commands.windows.order import Order
from reagent.updates.windows.swap import LAUNCHER

SERVICE: Final = "reagent"
DISPLAY: Final = "IronFlock Device Agent"
TASK: Final = "IronFlock Agent Repair"
DEVICE_FILE: Final = "device.flock"
WITHIN_S: Final = 30.0
RESTARTS_S: Final = (5, 30, 120)
RESET_S: Final = 86_400
_NO_PROXY: Final = "localhost,127.0.0.1"
_EVENTS: Final = f"HKLM\\SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\{SERVICE}"
_EVENT_SOURCE: Final = (
    ("EventMessageFile", "REG_EXPAND_SZ", "%SystemRoot%\\System32\\EventCreate.exe"),
    ("TypesSupported", "REG_DWORD", "7"),
)
# Whoever they are called in the language of this Windows.
_SYSTEM: Final = "*S-1-5-18"
_ADMINISTRATORS: Final = "*S-1-5-32-544"
_USERS: Final = "*S-1-5-32-545"


@dataclass(frozen=True, slots=True)
class Folder:
    """Have this folder."""

    path: str


@dataclass(frozen=True, slots=True)
class Copy:
    """Have a copy of a file."""

    source: str
    path: str


@dataclass(frozen=True, slots=True)
class Write:
    """Have a file with this content."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Run:
    """Run a program of Windows."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Create:
    """Have the service, with this command line."""

    command: str


@dataclass(frozen=True, slots=True)
class Recover:
    """Have it started again after these seconds, whatever ended it."""

    after: tuple[int, ...]
    reset: int


@dataclass(frozen=True, slots=True)
class Surround:
    """Have it run in this environment. It may hold a password: no program is told it."""

    variables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Start:
    """Have it running, within so many seconds."""

    within: float


@dataclass(frozen=True, slots=True)
class Stop:
    """Have it stopped."""

    within: float


@dataclass(frozen=True, slots=True)
class Delete:
    """Have no such service."""


Act = Folder | Copy | Write | Run | Create | Recover | Surround | Start | Stop | Delete


@dataclass(frozen=True, slots=True)
class Step:
    """One of them, said before it is done."""

    say: str
    act: Act
    needed: bool = True


def install(order: Order, executable: str) -> tuple[Step, ...]:
    """The steps of an installation.

    Args:
        order: what a person wants.
        executable: our own file.
    """
    folder, apps = order.agent_dir, order.apps_dir
    launcher, device = f"{folder}\\{LAUNCHER}", f"{folder}\\{DEVICE_FILE}"
    script = f"{folder}\\{repair.NAME}"
    steps = [
        Step(f"make {folder}", Folder(folder)),
        Step(f"make {apps}", Folder(apps)),
        Step("close it to all but SYSTEM and administrators", Run(closed(folder))),
        Step(f"let users change what is in {apps}", Run(opened(apps))),
        Step(f"copy {executable} to {launcher}", Copy(executable, launcher)),
        Step(f"copy {order.config} to {device}", Copy(order.config, device)),
        Step(f"write {script}", Write(script, repair.text(SERVICE))),
        Step(f"create the service {SERVICE}", Create(command(order))),
        Step("have it restarted when it ends", Recover(RESTARTS_S, RESET_S), needed=False),
        *(
            Step("name it in the event log", Run(_event(*each)), needed=False)
            for each in _EVENT_SOURCE
        ),
        Step(f"run {repair.NAME} when Windows starts", Run(_task(script)), needed=False),
    ]
    if order.proxy:
        steps.append(Step("have it use the proxy", Surround(surroundings(order.proxy))))
    if order.start:
        steps.append(Step(f"start {SERVICE}", Start(WITHIN_S)))
    return tuple(steps)


def uninstall() -> tuple[Step, ...]:
    """The steps back; the folder, its apps and their data stay."""
    return (
        Step(f"stop {SERVICE}", Stop(WITHIN_S), needed=False),
        Step(f"delete the service {SERVICE}", Delete()),
        Step(
            "forget its name in the event log", Run(("reg", "delete", _EVENTS, "/f")), needed=False
        ),
        Step(
            f"forget the task {TASK!r}", Run(("schtasks", "/Delete", "/F", "/TN", TASK)),
            needed=False,
        ),
    )  # fmt: skip


def command(order: Order) -> str:
    """The service's command line: the agent's own flags, so that it runs in a console as well."""
    folder = order.agent_dir
    words = (
        f"{folder}\\{LAUNCHER}",
        "-config",
        f"{folder}\\{DEVICE_FILE}",
        f"-agentDir={folder}",
        f"-appsDir={order.apps_dir}",
        f"-dbFileName={folder}\\reagent.db",
        f"-logFile={folder}\\reagent.log",
    )
    return " ".join(f'"{word}"' if word[0] != "-" or " " in word else word for word in words)


def surroundings(proxy: str) -> tuple[str, ...]:
    """The variables of a service behind a proxy."""
    return (f"HTTP_PROXY={proxy}", f"HTTPS_PROXY={proxy}", f"NO_PROXY={_NO_PROXY}")


def closed(folder: str) -> tuple[str, ...]:
    """Who may do what there: nobody else, whatever the folder above it says."""
    return (
        "icacls", folder, "/inheritance:r", "/grant:r",
        f"{_SYSTEM}:(OI)(CI)F", "/grant:r", f"{_ADMINISTRATORS}:(OI)(CI)F",
    )  # fmt: skip


def opened(folder: str) -> tuple[str, ...]:
    """Apps' containers write as any user."""
    return ("icacls", folder, "/grant", f"{_USERS}:(OI)(CI)M")


def _event(value: str, kind: str, data: str) -> tuple[str, ...]:
    return ("reg", "add", _EVENTS, "/v", value, "/t", kind, "/d", data, "/f")


def _task(script: str) -> tuple[str, ...]:
    return (
        "schtasks", "/Create", "/F", "/TN", TASK, "/SC", "ONSTART", "/RU", "SYSTEM",
        "/RL", "HIGHEST", "/TR", f'"{script}"',
    )  # fmt: skip
