"""What is said on every new session before anybody uses it (docs/contract/wamp.md 1.7, 1.10, 6)."""

from __future__ import annotations

from reagent import log
from reagent.contracts.messenger import Listener, Session
from reagent.errors import (
    CallFailed,
    DeadlineExceeded,
    DialFailed,
    NotConnected,
    NoTestament,
    Unavailable,
)
from reagent.model import names
from reagent.model.call import Answer, Call, Event
from reagent.model.device import Identity

_log = log.get(__name__)

# Unformatted on the wire, as the platform has always seen it. It probably never fires.
DESTROY_TOPIC = "reswarm.device.%d.list/ondestroy"
UNREGISTERED_TOPIC = "wamp.registration.on_unregister"
TESTAMENT = "wamp.session.add_testament"
TESTAMENT_TOPIC = "reswarm.api.testament_device"
TESTAMENT_S = 10.0
ALREADY_EXISTS = "wamp.error.procedure_already_exists"


class SerialRejected(Exception):
    """Another session holds this serial number."""


async def arrive(session: Session, identity: Identity, *, first: bool) -> None:
    """Claim the serial number, leave a testament, hear of registrations that go.

    Raises:
        SerialRejected: another session holds the serial number.
        NoTestament: the router takes none, on the first connection; later that is logged.
        DialFailed: the session is gone, or nobody says whether it takes the first testament.
    """
    await _claim(session, identity.serial_number)
    await _listen(session, DESTROY_TOPIC, _destroyed)
    try:
        await _leave_testament(session, identity)
    except NotConnected as error:
        raise DialFailed("the session ended at once") from error
    except Unavailable as error:
        if first and isinstance(error, CallFailed):
            raise NoTestament(f"the router takes no testament: {error}") from error
        if first:
            raise DialFailed(f"no testament: {error}") from error
        _log.warning("no testament", error=error, slug=error.slug)
    await _listen(session, UNREGISTERED_TOPIC, _unregistered)


async def _claim(session: Session, serial: str) -> None:
    procedure = names.procedure(serial, "wamp_connection_established")
    try:
        await session.register(procedure, _hello, force=False)
    except NotConnected as error:
        raise DialFailed("the session ended at once") from error
    except CallFailed as error:
        if ALREADY_EXISTS in f"{error.uri} {error}":
            raise SerialRejected(serial) from error
        _log.warning("serial number not claimed", error=error)
    except DeadlineExceeded as error:
        _log.warning("serial number not claimed", error=error)


async def _hello(_: Call) -> Answer:
    return Answer(["Hello :-)"])


async def _listen(session: Session, topic: str, listener: Listener) -> None:
    try:
        await session.subscribe(topic, listener)
    except Unavailable as error:
        _log.info("nothing is heard of a topic", topic=topic, error=error)


async def _destroyed(event: Event) -> None:
    # The reference pruned every image and volume here; a broadcast must not be able to do that.
    _log.warning("a device list was destroyed; nothing is done about it", topic=event.topic)


async def _unregistered(_: Event) -> None:
    """A terminal in a container ends with its browser's registration; this version opens none."""


async def _leave_testament(session: Session, identity: Identity) -> None:
    event = {
        "swarm_key": identity.swarm_key,
        "device_key": identity.device_key,
        "serial_number": identity.serial_number,
        "wamp_session_id": session.session_id,
    }
    await session.call(TESTAMENT, TESTAMENT_TOPIC, [event], {}, deadline=TESTAMENT_S)
