"""What many scenarios do and look at, in words: bring a device online, want an app, watch sessions.

Everything is judged from outside: the wire, files, the engine, exit statuses, what was printed.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox import images
from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.database import Identity
from sandbox.device import Device
from sandbox.under_test import patient
from sandbox.wamp import Events, Incoming

# A start takes a third of a second; a machine with much to do may need its time.
CONNECTED_S = 20.0
ENDS_S = 10.0

# Every procedure of docs/contract/wamp.md 4, and the privilege that calling it takes.
PROCEDURES: Mapping[str, str] = {
    "request_app_state": "OPERATE",
    "write_data": "DEVELOP",
    "device_handshake": "",
    "get_images": "READ",
    "request_terminal_session": "DEVELOP",
    "start_terminal_session": "DEVELOP",
    "stop_terminal_session": "DEVELOP",
    "list_wifi_networks": "READ",
    "add_wifi_configuration": "NETWORK",
    "scan_wifi_networks": "",
    "remove_wifi_configuration": "NETWORK",
    "select_wifi_network": "NETWORK",
    "list_ethernet_devices": "READ",
    "update_ipv4_config": "NETWORK",
    "system_reboot": "MAINTAIN",
    "system_shutdown": "MAINTAIN",
    "system_restart_agent": "MAINTAIN",
    "restart_wifi": "NETWORK",
    "update_agent": "MAINTAIN",
    "prune_images": "MAINTAIN",
    "get_agent_metadata": "READ",
    "list_containers": "READ",
    "get_network_metadata": "",
    "get_app_log_history": "READ",
    "query_app_logs": "READ",
    "query_device_logs": "READ",
    "get_tunnel_state": "",
    "get_os_release": "READ",
    "download_os_update": "MAINTAIN",
    "install_os_update": "MAINTAIN",
    "execute_cmd": "MAINTAIN",
    "init_device_terminal": "MAINTAIN",
    "get_ipv4_addresses": "",
    "get_storage_data": "READ",
}


# --- online


async def online(cloud: Cloud, device: Device, *flags: str) -> None:
    """Start it and wait until it says CONNECTED."""
    before = len(cloud.backend.statuses(device.identity))
    await device.start(*flags)
    await connected(cloud, device, since=before)


async def connected(cloud: Cloud, device: Device, *, since: int = 0) -> None:
    """Wait for the status; one that ended instead of coming up is told at once."""
    waiting = asyncio.ensure_future(
        cloud.backend.status(device.identity, "CONNECTED", since=since, within=CONNECTED_S)
    )
    ended = asyncio.ensure_future(device.exited(CONNECTED_S + 5))
    try:
        await asyncio.wait({waiting, ended}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            raise RuntimeError(f"ended with {ended.result()} instead:\n{device.tail()}")
        await waiting
    finally:
        waiting.cancel()
        ended.cancel()
        await asyncio.gather(waiting, ended, return_exceptions=True)


def uri(who: Identity, suffix: str) -> str:
    """The name of one of a device's procedures."""
    return f"re.mgmt.{who.serial_number}.{suffix}"


async def registered(caller: Caller, who: Identity) -> set[str]:
    """Which of its procedures the router knows."""
    names = [*PROCEDURES, "wamp_connection_established"]
    found = await asyncio.gather(
        *(caller.session.call("wamp.registration.lookup", uri(who, name)) for name in names)
    )
    return {name for name, answer in zip(names, found, strict=True) if answer.value is not None}


async def all_registered(caller: Caller, device: Device, within: float = 10.0) -> None:
    """Wait until the router knows all of its procedures; missing ones are named."""
    names = {*PROCEDURES, "wamp_connection_established"}
    missing = names
    within = patient(within)
    try:
        async with asyncio.timeout(within):
            while missing:
                missing = names - await registered(caller, device.identity)
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        raise TimeoutError(f"never registered: {sorted(missing)}\n{device.tail()}") from error


async def until(holds: Callable[[], bool], within: float = 10.0, what: str = "") -> None:
    """Wait for something that tells nobody when it changes: a file, a folder, a process."""
    within = patient(within)
    try:
        async with asyncio.timeout(within):
            while not holds():
                await asyncio.sleep(0.03)
    except TimeoutError as error:
        raise TimeoutError(f"not in {within:g} s: {what}") from error


# --- sessions, as the router tells of them


class Sessions:
    """Joins and leaves of one authid from now on."""

    def __init__(self, authid: str) -> None:
        self.authid = authid
        self.joined = Events()
        self.left = Events()
        self._ours: set[int] = set()

    async def watch(self, caller: Caller) -> None:
        """Hear the router's meta events."""
        await caller.session.subscribe("wamp.session.on_join", self._join)
        await caller.session.subscribe("wamp.session.on_leave", self._leave)

    @property
    def ids(self) -> list[int]:
        """The sessions so far, in the order in which they joined."""
        return [number for event in self.joined.heard for number in [_session(event)]]

    @property
    def open(self) -> list[int]:
        """The sessions that joined and did not leave."""
        gone = {_left(event) for event in self.left.heard}
        return [number for number in self.ids if number not in gone]

    async def all_left(self, within: float) -> None:
        """Wait until none of them is open."""
        await self.left.until(lambda _: not self.open, within)

    def _join(self, event: Incoming) -> None:
        if event.first.get("authid") == self.authid:
            self._ours.add(_session(event))
            self.joined.add(event)

    def _leave(self, event: Incoming) -> None:
        if _left(event) in self._ours:
            self.left.add(event)


def _session(event: Incoming) -> int:
    number = event.first.get("session")
    return number if isinstance(number, int) else 0


def _left(event: Incoming) -> int:
    number = event.args[0] if event.args else 0
    return number if isinstance(number, int) else 0


async def sessions_of(caller: Caller, device: Device) -> Sessions:
    """Watch a device's sessions from now on."""
    sessions = Sessions(device.identity.authid)
    await sessions.watch(caller)
    return sessions


async def is_joined(caller: Caller, number: int) -> bool:
    """Whether the router still has this session."""
    listed = await caller.session.call("wamp.session.list")
    return isinstance(listed.value, list) and number in listed.value


# --- programs that end by themselves


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended, and what it said."""

    status: int
    stdout: str
    stderr: str


async def run_to_end(device: Device, *flags: str, within: float = ENDS_S) -> Ended:
    """Run the agent once, its two outputs apart, and wait until it ends by itself."""
    process = await asyncio.create_subprocess_exec(
        *device.prefix,
        *device.command,
        *flags,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=device.variables,
        cwd=device.folder,
    )
    within = patient(within)
    try:
        async with asyncio.timeout(within):
            out, err = await process.communicate()
    except TimeoutError as error:
        raise TimeoutError(f"still running after {within:g} s:\n{device.tail()}") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Ended(process.returncode or 0, out.decode(), err.decode())


# --- apps


@dataclass(frozen=True, slots=True)
class AppOf:
    """An app of one device: what to ask for, and where to look."""

    cloud: Cloud
    device: Device
    key: int
    name: str
    version: str = "1.0.0"

    @property
    def container(self) -> str:
        """The name of its container."""
        return self.device.container(self.key, self.name)

    @property
    def states(self) -> list[str]:
        """The states that were reported so far."""
        return self.cloud.backend.states(self.device.identity, self.key)

    def moments(self, state: str) -> list[float]:
        """When a state was reported."""
        reports = self.cloud.backend.database.app_reports(self.device.identity.device_key, self.key)
        return [report.at for report in reports if report.word == state]

    def push(self, script: str = "counter", version: str = "") -> str:
        """Put a release into the registry: one of the ready-made programs."""
        return self.cloud.registry.push_app(
            self.key, self.name, version or self.version, images.app(script)
        )

    def row(self, target: str, **more: object) -> dict[str, object]:
        """What `get_requested_app_states` and `request_app_state` carry."""
        known = self.states
        return {
            "app_key": self.key,
            "app_name": self.name,
            "stage": "PROD",
            "current_state": known[-1] if known else "REMOVED",
            "target_state": target,
            "release_key": 900,
            "requestor_account_key": self.device.identity.owner_account,
            "present_version": self.version,
            "newest_version": self.version,
            **more,
        }

    def want(self, target: str, **more: object) -> None:
        """Let the platform want it at the device's next connect."""
        row = self.row(target, **more)
        self.cloud.backend.database.want_app(self.device.identity.device_key, row)

    async def ask(self, caller: Caller, target: str, **more: object) -> None:
        """Ask the device for it now."""
        await caller.ask(self.device.identity, "request_app_state", **self.row(target, **more))

    async def bring(self, caller: Caller, target: str, **more: object) -> list[str]:
        """Ask for it, and return the states up to the one that was asked for.

        An app is busy for a moment after it reported a state, and forgets what it is asked then
        where that is what it is already.
        """
        await asyncio.sleep(0.3)
        seen = len(self.states)
        await self.ask(caller, target, **more)
        return await self.reached(target, since=seen)

    async def bring_again(self, caller: Caller, target: str) -> list[str]:
        """The same where the app is there already.

        A request that comes while the last transition still winds up is dropped: ask until it is not.
        """
        seen = len(self.states)
        for _ in range(20):
            await self.ask(caller, target)
            with contextlib.suppress(TimeoutError):
                return await self.reached(target, since=seen, within=1.0)
        raise TimeoutError(f"{target} is not reported again")

    async def reached(self, state: str, *, since: int = 0, within: float = 20.0) -> list[str]:
        """Wait for a reported state; returns those up to it."""
        return await self.cloud.backend.state(
            self.device.identity, self.key, state, since=since, within=within
        )
