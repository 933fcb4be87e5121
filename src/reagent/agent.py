"""The composition root: which parts there are, and who is given what.

`build` makes an agent from any `world`. With that, `process` and `launcher`, this is the one
importer of adapters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reagent import log
from reagent.adapters.manager import ALIVE, note, watched_within
from reagent.adapters.wamp.backend import WampBackend
from reagent.aio.supervise import Tasks
from reagent.api.apps import AppStates
from reagent.api.commands import Commands
from reagent.api.device import Device
from reagent.api.dispatch import Dispatcher, Privileges
from reagent.api.firmware import Firmware
from reagent.api.handshake import Handshake
from reagent.api.images import Images
from reagent.api.logs import Logs
from reagent.api.pending import pending
from reagent.api.power import Power
from reagent.api.procedure import procedures_of
from reagent.api.storage import Storage
from reagent.api.tunnels import Tunnels
from reagent.api.update import Update
from reagent.apps.apps import Apps
from reagent.apps.folders import Folders
from reagent.apps.learnt import Learnt
from reagent.connection.link import Link
from reagent.contracts.backend import Metadata
from reagent.device.milestones import Milestones, Moment
from reagent.device.status import StatusReport
from reagent.device.thrift import Thrift
from reagent.lifecycle import OnConnect, Parts, boot_apps
from reagent.logs.applogs import AppLogs
from reagent.model.device import Identity
from reagent.settings import stamp
from reagent.settings.devicefile import DeviceFile
from reagent.settings.flags import Flags
from reagent.tunnels.nudge import Nudge
from reagent.updates.lookout import Lookout
from reagent.updates.seat import Role, Seat
from reagent.updates.succession import Succession
from reagent.updates.vocabulary import FETCHED
from reagent.updates.watchdog import Watchdog
from reagent.world import World, own_version_command

if TYPE_CHECKING:  # a start imports neither
    from reagent.contracts.control import Desk

_log = log.get("reagent.agent")

PART_WITHIN_S: Final = 3.0
LEAVE_WITHIN_S: Final = 2.0


class Identities:
    """The device file, as the on-connect sequence uses it."""

    def __init__(self, device_file: DeviceFile) -> None:
        self._device_file = device_file

    def refresh(self, metadata: Metadata) -> bool:
        """Take over what the platform says; True when the project changed."""
        return self._device_file.update(
            name=metadata.device_name,
            swarm_name=metadata.swarm_name,
            owner=metadata.owner_name,
            swarm_key=metadata.swarm_key,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """The parts that have to be run and closed."""

    link: Link
    apps: Apps
    logs: AppLogs
    dispatcher: Dispatcher
    booted: asyncio.Event
    world: World
    milestones: Milestones
    lookout: Lookout
    succession: Succession
    power: Power
    commands: Commands
    desk: Callable[[], Desk]

    async def run(self, stop: asyncio.Event) -> None:
        """Boot and stay connected until `stop`, then leave in order.

        Raises:
            Unwelcome: the platform does not want this device now.
        """
        boot = asyncio.create_task(
            boot_apps(self.world.engine, self.apps, self.world.clock, self.booted, log.milestone),
            name="boot apps",
        )
        thrift = asyncio.create_task(
            Thrift(self.world.memory, self.world.clock).watch(), name="give memory back"
        )
        watchdog = Watchdog(self.world.clock, within=watched_within(), alive=lambda: note(ALIVE))
        beside = Tasks()
        beside.start(watchdog.run(), "watchdog")
        beside.start(self.succession.run(), "succession")
        beside.start(self.lookout.run(), "lookout")
        self.milestones.reach(Moment.DIALLING, self.world.clock.monotonic())
        link = asyncio.create_task(self.link.run(), name="link")
        stopping = asyncio.create_task(stop.wait(), name="stop")
        try:
            await asyncio.wait((link, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            boot.cancel()
            thrift.cancel()
            beside.cancel()
            stopping.cancel()
            if stop.is_set():
                await self.succession.stopping()
            await self._leave()
        await link

    async def _leave(self) -> None:
        """Apps first, so that nothing new is said; logs while there is a session to say it on."""
        _log.info("leaving")
        for name, close in (
            ("power", self.power.close),
            ("commands", self.commands.close),
            ("apps", self.apps.close),
            ("logs", self.logs.close),
        ):
            try:
                async with asyncio.timeout(PART_WITHIN_S):
                    await close()
            except TimeoutError:
                _log.warning("a part does not end", part=name)
        await self.link.close(LEAVE_WITHIN_S)


def build(
    world: World,
    device_file: DeviceFile,
    folders: Folders,
    milestones: Milestones,
    *,
    flags: Flags,
    seat: Seat,
    leave: Callable[[], None],
    agent_log: str,
    say: Callable[[str], None] = log.milestone,
) -> Agent:
    """An agent of these parts; nothing runs yet.

    `seat` is who this process is in the turn of versions, `leave` ends the agent so that the
    launcher can go on.
    """

    def identity() -> Identity:
        return device_file.identity

    learnt = Learnt()
    link = Link(world.dialer, identity, world.clock)
    backend = WampBackend(
        link, identity, arch=stamp.ARCH, version=stamp.VERSION, system=world.host.description
    )
    logs = AppLogs(
        link, backend, world.engine, world.store, world.clock, lambda: identity().serial_number
    )

    def emergency() -> bool:
        return False  # the disk guard is not here yet

    apps = Apps(
        engine=world.engine,
        store=world.store,
        backend=backend,
        clock=world.clock,
        host=world.host,
        logs=logs,
        identity=identity,
        arch=stamp.ARCH,
        folders=folders,
        learnt=learnt,
        emergency=emergency,
        connected=lambda: link.connected,
        nudge=Nudge(link, identity).publish,
    )
    looks = flags.update and not flags.offline
    lookout = Lookout(
        seat,
        world.outside,
        world.clock,
        identity,
        hand_over=lambda: succession.hand_over,
        read=lambda: succession.proof.reached(FETCHED),
        settled=lambda: milestones.reached(Moment.GREEN),
        remote=flags.remote_update_url,
        automatic=looks,
        version=stamp.VERSION,
        arch=stamp.ARCH,
        control=own_version_command(),
    )
    succession = Succession(
        seat,
        clock=world.clock,
        messenger=link,
        engine=world.engine,
        store=world.store,
        serial=lambda: identity().serial_number,
        idle=lambda: not apps.busy and not commands.busy,
        leave=leave,
        read_bucket=lookout.read_bucket,
        reads_bucket=looks,
    )
    commands = Commands(world.outside.processes, link, identity, world.clock)
    power = Power(world.outside.processes, world.clock)
    capabilities = (
        Handshake(world.clock, identity),
        AppStates(apps),
        Images(world.engine),
        Logs(logs, world.engine, world.clock, agent_log=agent_log),
        Device(
            world.host,
            identity,
            lookout.latest,
            succession.last_update,
            version=stamp.VERSION,
            arch=stamp.ARCH,
            signed=stamp.signed(),
        ),
        Update(link, identity, lookout.fetch),
        power,
        Firmware(),
        Storage(world.engine, on_trial=seat.role is Role.CANDIDATE),
        Tunnels(),
        commands,
    )
    dispatcher = Dispatcher(
        (*procedures_of(*capabilities), *pending(stamp.VERSION)),
        Privileges(backend, identity),
        identity,
    )

    def describe() -> dict[str, object]:
        return {
            "serial": identity().serial_number,
            "connected": link.connected,
            "router": identity().device_endpoint_url,
            "troubles": list(lookout.troubles),
        }

    def desk() -> Desk:
        from reagent.updates.orders import Orders, Running  # noqa: PLC0415 - when somebody asks

        running = Running(hand_over=lambda: succession.hand_over, describe=describe)
        return Orders(
            seat,
            lookout,
            version=stamp.VERSION,
            arch=stamp.ARCH,
            now=world.clock.now,
            running=running,
        )

    def learn_base_url(url: str) -> None:
        learnt.base_url = url

    def learn_credential_key(key: str) -> None:
        log.protect(key)
        learnt.credential_key = key

    status = StatusReport(backend, world.host, emergency=emergency, learn_base_url=learn_base_url)
    booted = asyncio.Event()
    sequence = OnConnect(
        Parts(
            messenger=link,
            backend=backend,
            dispatcher=dispatcher,
            identities=Identities(device_file),
            apps=apps,
            logs=logs,
            status=status,
            clock=world.clock,
            milestones=milestones,
            learn_credential_key=learn_credential_key,
            request_reconnect=link.request_reconnect,
            say=say,
            proof=succession.proof,
        ),
        booted,
    )
    link.when_connected(sequence.run)
    link.beats_with(status.beat)
    return Agent(
        link=link,
        apps=apps,
        logs=logs,
        dispatcher=dispatcher,
        booted=booted,
        world=world,
        milestones=milestones,
        lookout=lookout,
        succession=succession,
        power=power,
        commands=commands,
        desk=desk,
    )
