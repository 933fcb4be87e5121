"""-profiling shows its page to this machine and to nobody else (docs/contract/system.md 2.7)."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from sandbox.cloud import Cloud
from sandbox.device import Device
from sandbox.processes import free_port
from tests.frozen.steps import online

LISTENING = "0A"


def listening(pid: int) -> set[str]:
    """`address:port` in the kernel's hexadecimal, of what a process listens on."""
    links = [path.readlink() for path in Path(f"/proc/{pid}/fd").iterdir()]
    inodes = {str(link)[len("socket:[") : -1] for link in links if "socket:[" in str(link)}
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{table}").read_text("ascii").splitlines()[1:]
    ]
    return {row[1] for row in rows if row[3] == LISTENING and row[9] in inodes}


async def get(port: int, address: str = "127.0.0.1", path: str = "/") -> str:
    reader, writer = await asyncio.open_connection(address, port)
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    writer.write(head.encode())
    text = (await reader.read()).decode("utf-8", "replace")
    writer.close()
    return text


async def test_the_profile_is_served_on_loopback_only(cloud: Cloud, device: Device) -> None:
    port = free_port()

    await online(cloud, device, "-profiling", f"-profilingPort={port}")

    assert listening(device.processes[-1]) == {f"0100007F:{port:04X}"}
    page = await get(port)
    assert page.startswith("HTTP/1.1 200")
    assert device.identity.secret not in page
    assert (await get(port, path="/debug/pprof/")).startswith("HTTP/1.1 200")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("203.0.113.1", 9))
        outside = probe.getsockname()[0]
    with pytest.raises(OSError, match="Connect call failed"):
        await get(port, outside)


async def test_without_the_flag_nothing_listens(cloud: Cloud, device: Device) -> None:
    await online(cloud, device)

    assert listening(device.processes[-1]) == set()
