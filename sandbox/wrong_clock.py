"""Runs a program, and whatever it starts, under a clock that is wrong; no file of it is touched.

Run as a program: `wrong_clock.py FILE COMMAND...`. FILE holds a number of seconds as text, which
are added to the system's time whenever somebody asks: the clock can be set while the program runs.
Time that only passes (CLOCK_MONOTONIC) is left alone, as it is on a device whose clock is set.

A tracer: it hides the kernel's shared page of clock routines from every program at its start, so
that each look at the clock is a system call; a filter stops those calls and no others, and the
answer is corrected in the caller's memory. 64-bit Linux.
"""

import ctypes
import os
import platform
import signal
import struct
import sys

# Numbers of the calls that tell the system's time.
_CALLS = {
    "x86_64": {"clock_gettime": 228, "gettimeofday": 96, "time": 201},
    "aarch64": {"clock_gettime": 113, "gettimeofday": 169},
}[platform.machine()]
_REALTIME, _REALTIME_COARSE = 0, 5

_TRACEME, _CONT, _GETREGS, _SETREGS, _SYSCALL = 0, 7, 12, 13, 24
_SETOPTIONS, _SYSCALL_INFO = 0x4200, 0x420E
# Mark system calls; follow fork, vfork, clone, exec; stop where the filter says; die with us.
_OPTIONS = 1 | 2 | 4 | 8 | 0x10 | 0x80 | 0x10_0000
_EXEC, _SECCOMP = 4, 7
_WALL = 0x4000_0000
_AT_SYSINFO_EHDR, _AT_IGNORE = 33, 1

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.restype = ctypes.c_long
_LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def _install_filter() -> None:
    """Stop for the tracer at looks at the wall clock; let everything else pass."""
    load, equal, answer = 0x20, 0x15, 0x06
    allow, trace = 0x7FFF_0000, 0x7FF0_0000
    others = [number for name, number in _CALLS.items() if name != "clock_gettime"]
    rules = [(load, 0, 0, 0)]  # the number of the call
    for place, number in enumerate(others):
        rules.append((equal, len(others) - place + 3, 0, number))
    rules += [
        (equal, 0, 4, _CALLS["clock_gettime"]),
        (load, 0, 0, 16),  # its first argument
        (equal, 1, 0, _REALTIME),
        (equal, 0, 1, _REALTIME_COARSE),
        (answer, 0, 0, trace),
        (answer, 0, 0, allow),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
    program = struct.pack("HxxxxxxQ", len(rules), ctypes.addressof(code))
    no_new_privileges, set_seccomp, by_filter = 38, 22, 2
    _LIBC.prctl(no_new_privileges, 1, 0, 0, 0)
    if _LIBC.prctl(set_seccomp, by_filter, ctypes.create_string_buffer(program), 0, 0):
        raise OSError(ctypes.get_errno(), "no filter of system calls")


def _info(process: int) -> tuple[int, list[int]]:
    """Stack pointer; number and arguments of the call that it is stopped in."""
    buffer = ctypes.create_string_buffer(88)
    _LIBC.ptrace(_SYSCALL_INFO, process, len(buffer), ctypes.addressof(buffer))
    fields = struct.unpack_from("=BxxxIQQ7Q", buffer)
    return fields[3], list(fields[4:])


def _word(memory: int, at: int) -> int:
    return int.from_bytes(os.pread(memory, 8, at), "little")


def _hide_clock_page(process: int) -> None:
    """A program has just begun: argc, argv, environment and the kernel's hints are on its stack."""
    memory = os.open(f"/proc/{process}/mem", os.O_RDWR)
    at = _info(process)[0]
    at += 8 * (_word(memory, at) + 2)
    while _word(memory, at):
        at += 8
    at += 8
    while kind := _word(memory, at):
        if kind == _AT_SYSINFO_EHDR:
            os.pwrite(memory, _AT_IGNORE.to_bytes(8, "little"), at)
        at += 16
    os.close(memory)


def _correct(process: int, call: list[int], seconds: int) -> None:
    """The kernel has answered: move the answer."""
    number, place = call[0], call[1]
    if number == _CALLS["clock_gettime"]:
        place = call[2]
    if number == _CALLS.get("time"):
        registers = ctypes.create_string_buffer(27 * 8)
        _LIBC.ptrace(_GETREGS, process, None, ctypes.addressof(registers))
        (answer,) = struct.unpack_from("q", registers, 80)  # rax
        struct.pack_into("q", registers, 80, answer + seconds)
        _LIBC.ptrace(_SETREGS, process, None, ctypes.addressof(registers))
    if place:
        memory = os.open(f"/proc/{process}/mem", os.O_RDWR)
        (answer,) = struct.unpack("q", os.pread(memory, 8, place))
        os.pwrite(memory, struct.pack("q", answer + seconds), place)
        os.close(memory)


def _trace(main: int, file: int) -> int:
    """Run until the last process has ended; the status of the first."""
    known, calls, status = {main}, {}, 1  # type: tuple[set[int], dict[int, list[int]], int]
    while True:
        try:
            process, what = os.waitpid(-1, _WALL)
        except ChildProcessError:
            return status
        if not os.WIFSTOPPED(what):
            if process == main:
                status = os.waitstatus_to_exitcode(what)
            known.discard(process)
            calls.pop(process, None)
            continue
        number, event, then = os.WSTOPSIG(what), what >> 16, _CONT
        if event == _EXEC:
            _hide_clock_page(process)
        elif event == _SECCOMP:
            calls[process], then = _info(process)[1], _SYSCALL
        elif number == signal.SIGTRAP | 0x80 and process in calls:
            _correct(process, calls.pop(process), int(os.pread(file, 32, 0) or b"0"))
        is_ours = bool(event) or number & 0x7F == signal.SIGTRAP
        if process not in known and number == signal.SIGSTOP:
            is_ours = True  # every new one begins so
        known.add(process)
        _LIBC.ptrace(then, process, None, 0 if is_ours else number)


def main() -> None:
    """Start the command under the clock, hand signals in, and end as it did."""
    file, command = os.open(sys.argv[1], os.O_RDONLY), sys.argv[2:]
    child = os.fork()
    if child == 0:
        _LIBC.ptrace(_TRACEME, 0, None, None)
        os.kill(os.getpid(), signal.SIGSTOP)
        _install_filter()
        os.execv(command[0], command)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: os.kill(child, number))
    os.waitpid(child, _WALL)
    _LIBC.ptrace(_SETOPTIONS, child, None, _OPTIONS)
    _LIBC.ptrace(_CONT, child, None, None)
    status = _trace(child, file)
    sys.exit(128 - status if status < 0 else status)


if __name__ == "__main__":
    main()
