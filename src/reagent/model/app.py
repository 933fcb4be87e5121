"""An app as the platform asks for it, as the device holds it, and its states.

Spelling of the states is the wire's (`TRANSFERED` and `TRANSFERING` with one R).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Stage(StrEnum):
    """A developer's working copy, or an installed release."""

    DEV = "DEV"
    PROD = "PROD"


class State(StrEnum):
    """States of docs/contract/apps.md 1.2; `INHERIT` exists in database columns only."""

    PRESENT = "PRESENT"
    REMOVED = "REMOVED"
    UNINSTALLED = "UNINSTALLED"
    FAILED = "FAILED"
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    BUILDING = "BUILDING"
    BUILT = "BUILT"
    TRANSFERED = "TRANSFERED"
    TRANSFERING = "TRANSFERING"
    PUBLISHING = "PUBLISHING"
    PUBLISHED = "PUBLISHED"
    DOWNLOADING = "DOWNLOADING"
    STARTING = "STARTING"
    STOPPING = "STOPPING"
    UPDATING = "UPDATING"
    DELETING = "DELETING"


class UpdateStatus(StrEnum):
    """Goes out as `updateStatus` with every report (docs/contract/wamp.md 3.1.1)."""

    NONE = ""
    PENDING = "pending_remote_confirmation"
    COMPLETED = "completed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class AppKey:
    """What identifies an app on this device: one record per key and stage."""

    key: int
    stage: str


@dataclass(frozen=True, slots=True)
class Login:
    """One registry login. Never in argv, never in a log line."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortRule:
    """One declared port of an app (docs/contract/wamp.md 8.4)."""

    port: int
    name: str = ""
    main: bool = False
    active: bool = False
    public: bool = False
    protocol: str = "http"
    local_ip: str = ""
    remote_port_environment: str = ""
    remote_port: int = 0
    host_port: int = 0
    cloud_remote_port: int = 0

    @property
    def wire(self) -> str:
        """`udp` for udp, `tcp` for everything else."""
        return "udp" if self.protocol == "udp" else "tcp"

    def sent(self) -> dict[str, object]:
        """The dict that goes out: `host_port` and `cloud_remote_port` are left out when 0."""
        fields: dict[str, object] = {
            "main": self.main,
            "name": self.name,
            "active": self.active,
            "public": self.public,
            "port": self.port,
            "protocol": self.protocol,
            "local_ip": self.local_ip,
            "remote_port_environment": self.remote_port_environment,
            "remote_port": self.remote_port,
        }
        if self.host_port:
            fields["host_port"] = self.host_port
        if self.cloud_remote_port:
            fields["cloud_remote_port"] = self.cloud_remote_port
        return fields


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedApp:
    """The transition payload (docs/contract/wamp.md 8.1, apps.md 1.7).

    `target` and `current` are texts from the wire: a word outside `State` is refused by the store,
    not by the parser. `ports`, `environment` and `environment_template` stay as they came: their
    entries are checked where they are used.

    Attributes:
        current: empty when the caller did not say.
        release_key: 0 when absent; so are all keys and versions their type's zero.
        docker_compose: None means a single-container app; an empty dict is a (broken) compose app.
        retrying: set by the crash loop, never by a caller.
    """

    app_key: int
    app_name: str
    stage: str
    target: str
    current: str = ""
    requestor_account_key: int = 0
    device_owner_account_key: int = 0
    release_key: int = 0
    new_release_key: int = 0
    version: str = ""
    present_version: str = ""
    newest_version: str = ""
    request_update: bool = False
    cancel_transition: bool = False
    environment: Mapping[str, object] | None = field(default=None, repr=False)
    environment_template: Mapping[str, object] | None = field(default=None, repr=False)
    ports: Sequence[object] | None = None
    docker_compose: Mapping[str, object] | None = field(default=None, repr=False)
    new_docker_compose: Mapping[str, object] | None = field(default=None, repr=False)
    docker_credentials: Mapping[str, Login] | None = field(default=None, repr=False)
    instance_key: int = 0
    app_cred_epoch: int = 0
    retrying: bool = False

    @property
    def id(self) -> AppKey:
        """Key and stage."""
        return AppKey(self.app_key, self.stage)


@dataclass(slots=True, kw_only=True)
class App:
    """The live record of one app and stage: exactly one object per key and stage in a process.

    `lock` is held by the running transition; whoever finds it held drops the request, and what is
    stored is picked up when that transition ends (docs/contract/apps.md 2.3 G).
    """

    app_key: int
    app_name: str
    stage: str
    state: State
    target: State
    version: str = ""
    release_key: int = 0
    requestor_account_key: int = 0
    request_update: bool = False
    release_build: bool = False
    update_status: UpdateStatus = UpdateStatus.NONE
    last_updated: str = ""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    @property
    def id(self) -> AppKey:
        """Key and stage."""
        return AppKey(self.app_key, self.stage)
