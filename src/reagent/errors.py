"""What can go wrong, grouped by who can act on it.

    ReagentError
    |-- Refused              the caller can act
    |   |-- BadRequest           an argument is missing or of the wrong kind; the text names it
    |   |-- NotPrivileged        the backend said no; the text starts `insufficient privileges`
    |   |-- TransitionRefused    an app in this state cannot be brought into that one
    |   `-- NotInThisVersion     the procedure is known and not built yet
    |-- Unavailable          time can act
    |   |-- NotConnected         no session with the router; the text is exactly `not connected`
    |   |-- DeadlineExceeded     the answer did not come in time
    |   |-- CallFailed           the other side answered with an error
    |   |-- DialFailed           no session could be made; dial again
    |   |-- EngineUnavailable    the Docker engine does not answer
    |   |-- DownloadFailed       the bucket or the line to it did not deliver
    |   |   |-- CertificateDate       its certificate and our clock do not agree on the date
    |   |   |-- NotThere              it answers, and has nothing of that name
    |   |   |-- TooLong               it sends more than there may be
    |   |   `-- TooSlow               it keeps us waiting, on purpose or not
    |   |-- NoRoom               the disk has not the room that an update needs
    |   `-- StagingFailed        the agent's folder cannot be written to, or nothing be run in it
    |-- NotFound
    |   |-- ContainerNotFound
    |   |-- ImageNotFound
    |   `-- RecordNotFound       no such row in the database
    |-- Canceled             somebody asked for it to stop; never a failure of the app
    |-- Unwelcome            the platform does not want this device now; ends the process
    |   |-- AuthenticationRefused    the router does not accept the device secret
    |   |-- SerialTaken              another agent holds this serial, eight times in a row
    |   `-- NoTestament              the router takes no testament of the first session
    `-- Failed               we, or the world, broke
        |-- EngineFailed         the engine refused or broke a request
        |-- StoreFailed          the database refused
        |-- BadRelease           what lies in the bucket is not what devices expect there
        |   |-- BadVersion           a text that is no version
        |   |-- Damaged              a file is not what was published
        |   |-- Blocked              a file was tried here before, and is not wanted again
        |   |-- NotForThisMachine    a file is what was published, and never runs here
        |   |-- Untrusted            nobody we trust vouches for it; the text names the rule
        |   `-- NameTaken            the name of a version is in use for something else
        `-- DeviceFileBroken     the device file cannot be used, and no backup either

No class knows WAMP, HTTP or Docker. `slug` names the kind in the log; on the wire every one of
them has the same shape (docs/contract/wamp.md 9.2). Whoever handles an error logs it, once.
"""

from __future__ import annotations


class ReagentError(Exception):
    """The root: carries a text for humans and the slug of its kind."""

    slug = "error"


class Refused(ReagentError):
    """The caller can do something about it."""

    slug = "refused"


class BadRequest(Refused):
    """An argument is missing or of the wrong kind."""

    slug = "bad-request"


class NotPrivileged(Refused):
    """The backend denied the caller; distinguishable from a look-up that failed."""

    slug = "not-privileged"

    def __init__(self, procedure: str, privilege: str) -> None:
        super().__init__(f"insufficient privileges to call {procedure}: {privilege} is needed")


class TransitionRefused(Refused):
    """The app cannot be brought from its state into the wanted one."""

    slug = "transition-refused"


class NotInThisVersion(Refused):
    """The procedure is part of the contract and not built yet. Never a pretended success."""

    slug = "not-in-this-version"


class Unavailable(ReagentError):
    """Nothing is wrong with the request; try again later."""

    slug = "unavailable"


class NotConnected(Unavailable):
    """There is no session with the router."""

    slug = "not-connected"

    def __init__(self) -> None:
        super().__init__("not connected")


class DeadlineExceeded(Unavailable):
    """The bound of an outside wait was reached."""

    slug = "deadline-exceeded"


class CallFailed(Unavailable):
    """The called procedure answered with an error.

    Attributes:
        uri: the WAMP error URI, as it came.
    """

    slug = "call-failed"

    def __init__(self, text: str, uri: str = "") -> None:
        super().__init__(text)
        self.uri = uri


class DialFailed(Unavailable):
    """No session could be made this time."""

    slug = "dial-failed"


class EngineUnavailable(Unavailable):
    """The Docker engine does not answer at its address."""

    slug = "engine-unavailable"


class DownloadFailed(Unavailable):
    """What was asked for did not come, or not whole; the text says what came instead."""

    slug = "download-failed"


class CertificateDate(DownloadFailed):
    """The server's certificate is expired or not valid yet, or our clock is not set."""

    slug = "certificate-date"


class NotThere(DownloadFailed):
    """The server answers, and has nothing of that name for us (403, 404, 410)."""

    slug = "not-there"


class TooLong(DownloadFailed):
    """More comes, or is announced, than there may be."""

    slug = "too-long"


class TooSlow(DownloadFailed):
    """It comes too slowly to be waited for."""

    slug = "too-slow"


class NotFound(ReagentError):
    """What was named is not there."""

    slug = "not-found"


class ContainerNotFound(NotFound):
    """The engine has no such container."""

    slug = "container-not-found"


class ImageNotFound(NotFound):
    """Neither the engine nor the registry has such an image."""

    slug = "image-not-found"


class RecordNotFound(NotFound):
    """The database has no such row."""

    slug = "record-not-found"


class Canceled(ReagentError):
    """Somebody asked for the work to stop: unwinds a transition without FAILED."""

    slug = "canceled"


class Unwelcome(ReagentError):
    """Nothing that another dial, or another version, would help."""

    slug = "unwelcome"


class AuthenticationRefused(Unwelcome):
    """The router does not accept the device secret (docs/contract/wamp.md 1.3)."""

    slug = "authentication-refused"


class SerialTaken(Unwelcome):
    """Another session already registered this serial (docs/contract/wamp.md 1.7)."""

    slug = "serial-taken"


class NoTestament(Unwelcome):
    """Nobody would hear of it when this device is lost (docs/contract/wamp.md 1.10)."""

    slug = "no-testament"


class Failed(ReagentError):
    """Something broke that neither the caller nor time will mend by itself."""

    slug = "failed"


class EngineFailed(Failed):
    """The Docker engine refused or broke a request."""

    slug = "engine-failed"


class StoreFailed(Failed):
    """The database refused a statement."""

    slug = "store-failed"


class BadRelease(Failed):
    """The bucket holds something that no device can use; a new release mends it."""

    slug = "bad-release"


class BadVersion(BadRelease):
    """A text that is no version, in the bucket or in this executable."""

    slug = "bad-version"

    def __init__(self, text: str) -> None:
        super().__init__(f"{text[:100]!r} is no version")


class DeviceFileBroken(Failed):
    """The device file cannot be read as what it should be, and was not touched."""

    slug = "device-file-broken"


class NoRoom(Unavailable):
    """The disk has not the room that an update needs."""

    slug = "no-room"


class Damaged(BadRelease):
    """A file is not what was published: it came short, or has another digest."""

    slug = "damaged"


class NotForThisMachine(BadRelease):
    """A file is what was published, and never runs here."""

    slug = "not-for-this-machine"


class Untrusted(BadRelease):
    """Nobody whom this device trusts vouches for what lies in the bucket.

    Attributes:
        rule: the rule that refused it, one of `contracts.trust.Rule`.
        why: the rest of the text.
    """

    slug = "untrusted"

    def __init__(self, rule: str, why: str) -> None:
        super().__init__(f"refused by the rule {rule}: {why}")
        self.rule = rule
        self.why = why


class NameTaken(BadRelease):
    """The name of a version is in use for something else on this device."""

    slug = "name-taken"


class StagingFailed(Unavailable):
    """The agent's folder cannot be written to, or nothing can be run in it."""

    slug = "staging-failed"


class Blocked(BadRelease):
    """A file was tried here before, and is not wanted again until somebody says so."""

    slug = "blocked"
