"""An OCI runtime that asks for no capability the host does not hold, and is `runc` otherwise.

Some build machines run without one capability or another (CAP_SYS_RESOURCE, say). There `runc`
refuses every privileged container, and the agent starts all apps privileged. This takes what the
host cannot give out of a container's `config.json`, or out of the process file of an `exec`, and
hands over to `runc`. Where the host holds everything it changes nothing.

It runs at every container start, isolated and without site packages: standard library only.
"""

import json
import os
import sys
from pathlib import Path
from typing import Final

# In the order of their numbers: linux/capability.h.
NAMES: Final = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE "
    "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO "
    "SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME "
    "SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG "
    "WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
)


def held(status: str) -> frozenset[str]:
    """The capabilities in the bounding set, from the text of /proc/self/status."""
    line = next(line for line in status.splitlines() if line.startswith("CapBnd:"))
    bits = int(line.split()[1], 16)
    return frozenset(
        f"CAP_{name}" for number, name in enumerate(NAMES.split()) if bits >> number & 1
    )


def trim(process: dict[str, object], allowed: frozenset[str]) -> bool:
    """Take out of a process description what is not allowed; say whether anything changed."""
    sets = process.get("capabilities")
    if not isinstance(sets, dict):
        return False
    changed = False
    for name, wanted in sets.items():
        kept = [capability for capability in wanted or () if capability in allowed]
        if kept != (wanted or []):
            sets[name] = kept
            changed = True
    return changed


def _option(arguments: list[str], *names: str) -> str | None:
    for position, word in enumerate(arguments):
        if word in names and position + 1 < len(arguments):
            return arguments[position + 1]
        for name in names:
            if word.startswith(name + "="):
                return word[len(name) + 1 :]
    return None


def _rewrite(file: Path, key: str | None) -> None:
    try:
        whole = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return  # runc will say what is wrong with it
    process = whole if key is None else whole.get(key)
    if isinstance(process, dict) and trim(process, held(Path("/proc/self/status").read_text())):
        file.write_text(json.dumps(whole), encoding="utf-8")


def main(arguments: list[str]) -> None:
    """Trim what the command line names, then become `runc`."""
    if "create" in arguments or "run" in arguments or "restore" in arguments:
        bundle = _option(arguments, "--bundle", "-b") or "."
        _rewrite(Path(bundle) / "config.json", "process")
    elif "exec" in arguments:
        process = _option(arguments, "--process", "-p")
        if process:
            _rewrite(Path(process), None)
    os.execvp("runc", ["runc", *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
