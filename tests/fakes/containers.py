"""What the engine in memory holds: containers, their programs, their output."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from reagent.contracts.engine import ContainerSeen, ContainerSpec


def tagged(reference: str) -> str:
    """`repo` is `repo:latest`; a port in the registry's name is not a tag."""
    return reference if ":" in reference.rpartition("/")[2] else f"{reference}:latest"


def repository(reference: str) -> str:
    return tagged(reference).rpartition(":")[0]


class Line(NamedTuple):
    """One line of output: when, and what."""

    at: float
    text: str


@dataclass
class Program:
    """What containers of an image do once started; `exits_with` None runs until stopped."""

    prints: Sequence[str] = ()
    exits_with: int | None = None


@dataclass
class Container:
    """One container of the fake. Tests may look into it."""

    id: str
    spec: ContainerSpec
    created: int
    status: str = "created"
    exit_code: int = 0
    error: str = ""
    output: list[Line] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def silent(self) -> bool:
        """Whether nothing more will be printed, unless it is started again."""
        return self.status in {"exited", "dead", "removed"}

    def seen(self) -> ContainerSeen:
        return ContainerSeen(
            id=self.id,
            name=self.spec.name,
            status=self.status,
            exit_code=self.exit_code,
            error=self.error,
            network_mode=self.spec.network_mode,
            tty=self.spec.tty,
            labels=dict(self.spec.labels),
            bindings=tuple(self.spec.bindings),
        )

    def summary(self) -> dict[str, object]:
        """The engine's list entry."""
        exited = f"Exited ({self.exit_code}) 2 seconds ago"
        return {
            "Id": self.id,
            "Names": [f"/{self.spec.name}"],
            "Image": self.spec.image,
            "ImageID": "sha256:0",
            "Command": "/start",
            "Created": self.created,
            "Ports": [],
            "Labels": dict(self.spec.labels),
            "State": self.status,
            "Status": exited if self.status == "exited" else self.status.capitalize(),
            "HostConfig": {"NetworkMode": self.spec.network_mode},
            "NetworkSettings": {"Networks": {}},
            "Mounts": [
                {
                    "Type": "bind",
                    "Source": mount.source,
                    "Destination": mount.target,
                    "Mode": "",
                    "RW": True,
                    "Propagation": "rprivate",
                }
                for mount in self.spec.mounts
            ],
        }


@dataclass(frozen=True)
class Query:
    """The arguments of a log call, and what they select."""

    follow: bool
    tail: str
    since: str
    until: str
    timestamps: bool

    def render(self, output: Sequence[Line]) -> list[str]:
        first = _instant(self.since, 0.0)
        last = _instant(self.until, float("inf"))
        return [
            f"{_rfc3339(line.at)} {line.text}" if self.timestamps else line.text
            for line in output
            if first <= line.at <= last
        ]

    def backlog(self, output: Sequence[Line]) -> list[str]:
        lines = self.render(output)
        return lines if not self.tail.isdigit() else lines[max(len(lines) - int(self.tail), 0) :]


def _instant(text: str, otherwise: float) -> float:
    if not text:
        return otherwise
    if text.replace(".", "").isdigit():
        return float(text)
    return datetime.fromisoformat(text).timestamp()


def _rfc3339(at: float) -> str:
    whole, _, part = f"{at:.9f}".partition(".")
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(int(whole)))}.{part}Z"
