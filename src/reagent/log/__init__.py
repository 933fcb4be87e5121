"""The agent's own log: events with fields, as JSON lines a fleet can be searched by.

    from reagent import log

    _log = log.get(__name__)
    _log.info("app pulled", app=name, seconds=took)

This package decides what a line says (`entry.py`) and what it must not say (`redaction.py`); where
lines go is told to it once, by `configure`. Nothing has to be configured: until then warnings and
worse go to stderr, so an early failure is never silent. Logging never raises into the code that
logs, and a level that is off costs one comparison.

The format is kept (docs/contract/streams.md 1.16): `level`, the event's fields, `caller`, `time`,
`message`. Two promises are ours: a value given to `protect` appears in no line, and neither does
the value of a field whose name says that it is a secret.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from reagent.log.entry import DEBUG, ERROR, FATAL, INFO, TRACE, WARN, Entry
from reagent.log.redaction import forget, hide, protect, shown

__all__ = [
    "DEBUG",
    "ERROR",
    "FATAL",
    "INFO",
    "TRACE",
    "WARN",
    "Entry",
    "Log",
    "Sink",
    "bridge_stdlib",
    "configure",
    "configured",
    "console_sink",
    "emit",
    "get",
    "hide",
    "milestone",
    "protect",
    "reset",
    "stderr_sink",
]

Sink = Callable[[Entry], None]

_RESERVED: Final = frozenset({"level", "caller", "time", "message"})


class Log:
    """A module's way to the log. Fields are keywords; `error` may be the exception itself."""

    __slots__ = ("_file",)

    def __init__(self, file: str) -> None:
        self._file = file

    def debug(self, event: str, /, **fields: object) -> None:
        """What only somebody who looks for a fault wants to know."""
        if _told.level <= DEBUG:
            self._emit(DEBUG, event, fields)

    def info(self, event: str, /, **fields: object) -> None:
        """What happened, as it should."""
        if _told.level <= INFO:
            self._emit(INFO, event, fields)

    def warning(self, event: str, /, **fields: object) -> None:
        """What went wrong and was dealt with."""
        if _told.level <= WARN:
            self._emit(WARN, event, fields)

    def error(self, event: str, /, **fields: object) -> None:
        """What went wrong and left something undone."""
        self._emit(ERROR, event, fields)

    def exception(self, event: str, /, **fields: object) -> None:
        """An error with its stack: `error=` where given, else the one being handled."""
        error = fields.get("error", sys.exc_info()[1])
        if isinstance(error, BaseException):
            fields["error"] = error
            fields["stack"] = _stack_of(error)
        self._emit(ERROR, event, fields)

    def fatal(self, event: str, /, **fields: object) -> None:
        """Why the process ends now. It only writes; ending is the caller's."""
        self._emit(FATAL, event, fields)

    def _emit(self, level: int, event: str, fields: Mapping[str, object]) -> None:
        # The caller of the public method above; a whole stack would cost a hundred times as much.
        line = sys._getframe(2).f_lineno  # noqa: SLF001
        emit(level, event, fields, f"{self._file}:{line}")


class _Told:
    """What `configure` was told; one for the process."""

    __slots__ = ("level", "now", "pretty", "sinks")

    def __init__(self) -> None:
        self.level = WARN
        self.sinks: tuple[Sink, ...] = (stderr_sink,)
        self.pretty = False
        self.now: Callable[[], float] = time.time


def get(name: str) -> Log:
    """The log of a module; call it with `__name__`, from which `caller` is made."""
    return Log(name.replace(".", "/") + ".py")


def configure(
    *,
    sinks: Iterable[Sink],
    level: int = DEBUG,
    pretty: bool = False,
    now: Callable[[], float] = time.time,
) -> None:
    """Say where lines go from now on. Protected values stay protected.

    Args:
        sinks: each gets every entry of the level or above. A sink does not raise.
        level: the lowest level that is written.
        pretty: whether one of the sinks is a console, which then shows milestones as entries.
        now: the clock, seconds since 1970.
    """
    _told.sinks = tuple(sinks)
    _told.level = level
    _told.pretty = pretty
    _told.now = now


def configured() -> bool:
    """Whether lines go where `configure` said, rather than to stderr."""
    return stderr_sink not in _told.sinks


def reset() -> None:
    """Back to the unconfigured state, protected values included."""
    configure(sinks=(stderr_sink,), level=WARN)
    forget()


def emit(level: int, event: str, fields: Mapping[str, object], caller: str) -> None:
    """Write one entry as if from `caller`; for bridges from other logging systems."""
    if level < _told.level:
        return
    try:
        entry = Entry(level, hide(event), _shown(fields), caller, _told.now())
    except Exception as error:  # noqa: BLE001 - a field that cannot be shown must not stop the agent
        why: dict[str, object] = {"unshown": type(error).__name__}
        entry = Entry(level, hide(str(event)), why, caller, _told.now())
    for sink in _told.sinks:
        sink(entry)


def milestone(event: str, /, **fields: object) -> None:
    """Tell the person who started the agent how far it is.

    Without -prettyLogging it is one plain line on stdout and nothing in the file; with it, an
    entry like any other (docs/contract/system.md 2.5).
    """
    frame = sys._getframe(1)  # noqa: SLF001 - as in Log._emit
    caller = f"{get(str(frame.f_globals.get('__name__')))._file}:{frame.f_lineno}"  # noqa: SLF001
    if _told.pretty:
        emit(INFO, event, fields, caller)
        return
    entry = Entry(INFO, hide(event), _shown(fields), caller, 0)
    _print(sys.stdout, f"{entry.message}{entry.details()}\n")


def stderr_sink(entry: Entry) -> None:
    """One plain line on stderr: where nothing is configured yet."""
    entry.fields.pop("stack", None)
    _print(sys.stderr, f"reagent: {entry.word}: {entry.message}{entry.details()}\n")


def console_sink(entry: Entry) -> None:
    """-prettyLogging: a line for a person on stdout."""
    _print(sys.stdout, entry.console())


def bridge_stdlib(*, messaging: bool = False) -> None:
    """Bring here what libraries write to Python's `logging`; call it again after importing more.

    Warnings and worse of every library, and with `messaging` (-debugMessaging) all that the WAMP
    library says. Does nothing while nobody has imported `logging`.
    """
    if "logging" in sys.modules:
        from reagent.log.stdlib import install  # noqa: PLC0415 - it imports logging itself

        install(messaging=messaging)


def flush_streams() -> None:
    """Before this process ends or becomes another: print what was not, or give that up.

    A stream that refuses (nobody reads it, its disk is full) still holds what it could not write,
    and would refuse once more when Python ends: with a status of its own, 120.
    """
    for name in ("stdout", "stderr"):
        stream: _Writable | None = getattr(sys, name)
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            setattr(sys, name, None)


class _Writable(Protocol):
    def write(self, text: str, /) -> object: ...

    def flush(self) -> None: ...


def _print(stream: _Writable | None, text: str) -> None:
    """Write and flush; a closed or full stream never stops the agent."""
    if stream is None:
        return
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):
        return


def _shown(fields: Mapping[str, object]) -> dict[str, object]:
    return {
        (f"{name}_" if name in _RESERVED else name): shown(name, value)
        for name, value in fields.items()
    }


def _stack_of(error: BaseException) -> str:
    import traceback  # noqa: PLC0415 - only when something broke

    return "".join(traceback.format_exception(error)).rstrip()


_told: Final = _Told()
