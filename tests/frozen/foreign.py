"""Objects of another libc that lie where it would look for them, and who opens what."""

from __future__ import annotations

import platform
import re
import struct
from collections.abc import Sequence
from pathlib import Path

from sandbox import packages
from sandbox.fixtures import unavailable

LIBRARIES = f"/lib/{platform.machine()}-linux-gnu"
# Systemd's, Samba's, SSSD's and multicast DNS's modules, and one that ends whoever loads it.
NSSWITCH = """\
passwd:    crash files systemd sss winbind
group:     crash files systemd sss winbind
shadow:    crash files sss
initgroups: crash files
hosts:     crash mymachines resolve mdns4_minimal [NOTFOUND=return] files dns myhostname
networks:  crash files
protocols: crash db files
services:  crash db files sss
netgroup:  crash nis sss
"""

_PT_LOAD, _PT_DYNAMIC, _DT_INIT = 1, 2, 12
_UNDEFINED = {"x86_64": b"\x0f\x0b"}.get(platform.machine(), bytes(4))

_OPENED = re.compile(
    r'\b(?:open|openat|openat2|execve|execveat)\((?:AT_FDCWD, )?"((?:[^"\\]|\\.)*)"'
)
_CONNECTED = re.compile(r'sun_path="((?:[^"\\]|\\.)*)"')


def crashing(module: Path) -> bytes:
    """A shared object of glibc's that is what it was, but for its first instruction."""
    content = bytearray(module.read_bytes())
    start, size, count = (
        struct.unpack_from(form, content, at)[0] for form, at in (("Q", 32), ("H", 54), ("H", 56))
    )
    headers = [struct.unpack_from("IIQQQQQQ", content, start + i * size) for i in range(count)]
    dynamic = next(each for each in headers if each[0] == _PT_DYNAMIC)
    pairs = [
        struct.unpack_from("QQ", content, at)
        for at in range(dynamic[2], dynamic[2] + dynamic[5], 16)
    ]
    where = next(value for tag, value in pairs if tag == _DT_INIT)
    loaded = next(h for h in headers if h[0] == _PT_LOAD and h[3] <= where < h[3] + h[5])
    place = loaded[2] + where - loaded[3]
    content[place : place + len(_UNDEFINED)] = _UNDEFINED
    return bytes(content)


def traced(log: Path) -> tuple[str, ...]:
    """The beginning of a command line that writes down which files the rest opens."""
    program = packages.program("strace")
    if program is None:
        unavailable(f"Missing:\n{packages.describe([packages.STRACE])}")
        raise AssertionError
    calls = "trace=open,openat,openat2,execve,execveat,connect"
    return (program, "-f", "-qq", "-s", "4096", "-e", calls, "-o", str(log))


def opened(log: Path, program: str) -> Sequence[str]:
    """Every path that was opened, there or not, since that program began; sockets too."""
    text = log.read_text("utf-8", "replace")
    begun = text.index(f'execve("{program}"')
    found = [*_OPENED.findall(text, begun), *_CONNECTED.findall(text, begun)]
    return sorted(set(found) - {program})
