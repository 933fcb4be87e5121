"""argv in, exit status out.

The order of the early exits is the platform's (docs/contract/system.md 2.3): subcommand, flags,
version, architecture, the complaint about a missing -config, the lock, the agent. Scripts call
`-version` in a loop and read it before they trust a file, so up to the lock this module imports
only what it declares below, touches no file and takes no lock.
"""

import sys

from reagent.settings.flags import Flags, usage
from reagent.settings.goflag import HelpWanted, UsageError

_STDOUT = 1
_STDERR = 2
_LARGEST_STATE = 256 * 1024


def main(argv: list[str] | None = None) -> int:
    """Run the agent, or answer what was asked about it.

    Args:
        argv: the program as it was typed and its words; None takes the process's own.

    Returns:
        The exit status: 0 asked and answered, or stopped when told to; 1 it could not go on, and
        one line on stderr says why; 2 the command line cannot be read.
    """
    program, *words = sys.argv if argv is None else argv
    if words and words[0] in _COMMANDS:
        return _COMMANDS[words[0]](words[1:])
    try:
        flags = Flags.parse(words)
    except HelpWanted:
        _say(_STDERR, usage(program))
        return 0
    except UsageError as error:
        _say(_STDERR, f"{error}\n{usage(program)}")
        return 2
    if not flags.config:
        _say(_STDOUT, _answer(flags) + "\n")
        return 0
    return _start(flags, program, words)


def _answer(flags: Flags) -> str:
    """What is said where there is no device file to run with."""
    if flags.version or flags.arch:
        from reagent.settings import stamp  # noqa: PLC0415 - reads a resource; refusals need none

        return stamp.VERSION if flags.version else stamp.ARCH
    return "-config is required: the path of a device file; -help shows every flag"


def _service(words: list[str]) -> int:
    """The agent as a service of this system."""
    if sys.platform == "win32":
        from reagent.commands.windows.verbs import main as obey  # noqa: PLC0415 - see _status

        return obey(words)
    from reagent.commands.service import main  # noqa: PLC0415 - see _status

    return main(words)


def _flash(words: list[str]) -> int:
    """The agent for a device that does not run yet."""
    if sys.platform == "win32":
        _say(
            _STDERR,
            "reagent flash: not on Windows, it writes the files of a Linux device;"
            " reagent service install makes an agent of this machine\n",
        )
        return 1
    from reagent.commands.flashing import main  # noqa: PLC0415 - see _status

    return main(words)


def _status(words: list[str]) -> int:
    """How this device is doing, for a person."""
    from reagent.commands.update import status  # noqa: PLC0415 - a command pays for itself

    return status(words)


def _update(words: list[str]) -> int:
    """Versions on this device, in a person's hands."""
    from reagent.commands.update import update  # noqa: PLC0415 - see _status

    return update(words)


def _launch_check(_words: list[str]) -> int:
    """A version that is about to be committed says whether it would start; nothing is touched."""
    from reagent import launcher  # noqa: PLC0415 - asked once in the life of a version

    with open(0, "rb", closefd=False) as stdin:  # buffered: a pipe brings it in pieces
        content = stdin.read(_LARGEST_STATE)
    _say(_STDOUT, launcher.answer_launch_check(content) + "\n")
    return 0


def _start(flags: Flags, program: str, words: list[str]) -> int:
    """Lock, log, the choice of the version, then the agent; whatever ends it becomes one line."""
    import os  # noqa: PLC0415 - whole before `_stop` may need it
    import signal  # noqa: PLC0415 - from here on nobody counts milliseconds

    # Whoever starts us may have another, and programs that we start have it from us: neither may a
    # database be open to all, nor a folder closed to its owner.
    os.umask(0o022)
    # Until the agent listens to signals itself, a stop is a stop, not a death or a traceback.
    # SIGTERM comes last: whoever sees it caught knows that both are.
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    try:
        if sys.platform == "win32":
            from reagent.commands.windows import run  # noqa: PLC0415 - on Windows alone

            status = run.run(flags, words)
            if status is not None:
                return status
        return _run(flags, program, words)
    except KeyboardInterrupt:  # a second one, when the agent has left already
        return 0
    except Exception as error:  # noqa: BLE001 - the last line of a process that cannot go on
        from reagent import log  # noqa: PLC0415
        from reagent.errors import ReagentError  # noqa: PLC0415

        why = _first_cause(error)
        if isinstance(why, ReagentError):
            _ended_in_order()  # what has a name is the world's: no version is given up for it
        text = log.hide(
            str(why) if isinstance(why, ReagentError) else f"{type(why).__name__}: {why}"
        )
        if log.configured():
            if isinstance(why, ReagentError):
                log.get("reagent.__main__").fatal(text)
            else:
                log.get("reagent.__main__").exception(text, error=error)
        _say(_STDERR, f"reagent: {text}\n")
        return 1
    finally:
        from reagent import log  # noqa: PLC0415 - it is there, see _run

        log.flush_streams()


def _run(flags: Flags, program: str, words: list[str]) -> int:
    import gc  # noqa: PLC0415 - see _start
    from contextlib import nullcontext  # noqa: PLC0415

    from reagent import launcher, log  # noqa: PLC0415 - see _start
    from reagent.adapters.logfile import LogFile  # noqa: PLC0415
    from reagent.adapters.manager import READY, note  # noqa: PLC0415

    if sys.platform == "win32":
        from reagent.adapters.windows.lock import only_agent  # noqa: PLC0415
    else:
        from reagent.adapters.posix.lock import only_agent  # noqa: PLC0415

    seat = launcher.candidate_seat(flags)
    # In a trial the parent holds the lock.
    with only_agent(flags.agent_dir) if seat is None else nullcontext():
        sinks: list[log.Sink] = [LogFile(flags.log_file)]
        if flags.pretty_logging:
            sinks.append(log.console_sink)
        log.configure(
            sinks=sinks,
            level=log.DEBUG if flags.debug else log.INFO,
            pretty=flags.pretty_logging,
        )
        log.get("reagent.__main__").debug("started", flags=flags.described())
        if seat is None:
            seat = launcher.take_seat(flags, program, words)
        if seat is None:
            return 0
        note(READY)
        # Nothing that an import makes is garbage: looking for some costs a tenth of the start, and
        # every later look at all of it a hundredth of a second in which nobody is answered.
        gc.disable()
        from reagent.process import run  # noqa: PLC0415 - everything else comes with it

        gc.freeze()
        gc.enable()
        log.bridge_stdlib(messaging=flags.debug_messaging)
        status = run(flags, seat)
        if status is None:
            launcher.hand_over(seat, program, words)
        return status or 0


def _stop(_number: int, _frame: object) -> None:
    """End at once: so early nothing is open that the kernel does not close.

    An exception would be raised in the middle of an import, and CPython turns some of those into
    others: seen were a TypeError out of `from _ssl import`, and a death by SIGINT at the very end.
    """
    import os  # noqa: PLC0415 - see _start

    _ended_in_order()
    os._exit(0)


def _ended_in_order() -> None:
    # While the module is being imported it is there and has nothing in it.
    stopped_early = getattr(sys.modules.get("reagent.launcher"), "stopped_early", None)
    if stopped_early is not None:
        stopped_early()


def _first_cause(error: BaseException) -> BaseException:
    """A group of errors stands for the first of them: one line says one thing."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _say(descriptor: int, text: str) -> None:
    """Write past the interpreter's buffers: a closed or full stream changes no exit status."""
    try:
        with open(descriptor, "wb", buffering=0, closefd=False) as stream:
            stream.write(text.encode("utf-8", "surrogateescape"))
    except OSError:  # contextlib would cost more than what is said
        pass


_COMMANDS = {
    "launch-check": _launch_check,
    "flash": _flash,
    "service": _service,
    "status": _status,
    "update": _update,
}


if __name__ == "__main__":
    sys.exit(main())
