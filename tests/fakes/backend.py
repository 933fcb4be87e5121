"""A platform that says what it is told to say, and remembers what it was told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reagent.contracts.backend import Metadata
from reagent.errors import CallFailed, ReagentError
from reagent.model.app import App, PortRule, UpdateStatus, WantedApp
from reagent.model.call import Privilege
from reagent.model.device import Stats, Status


@dataclass(frozen=True, slots=True)
class Report:
    """One state report, as the record stood when it went out."""

    app_key: int
    stage: str
    state: str
    release_key: int = 0
    release_build: bool = False
    update_status: UpdateStatus = UpdateStatus.NONE


class FakeBackend:
    """Implements `contracts.backend.Backend`."""

    def __init__(self) -> None:
        self.metadata = Metadata(swarm_key=1)
        self.credential_key = "key"
        self.base_url = "https://studio.example.org"
        self.wanted: list[WantedApp] = []
        self.token = "token"
        self.privileges: set[tuple[Privilege, int]] = set()
        self.listening: dict[str, str] = {}
        self.statuses: list[Status] = []
        self.architectures = 0
        self.reports: list[Report] = []
        self.saved_ports: list[tuple[int, tuple[PortRule, ...]]] = []
        self.tokens_for: list[int] = []
        self.asked: list[str] = []
        self._failures: dict[str, ReagentError] = {}

    def fail(self, method: str, error: ReagentError | None = None) -> None:
        """From now on a method of the contract fails."""
        self._failures[method] = error or CallFailed("wamp.error.runtime_error: out of order")

    def mend(self, method: str) -> None:
        """It works again."""
        self._failures.pop(method, None)

    def grant(self, account: int, *privileges: Privilege) -> None:
        """An account may do something."""
        self.privileges |= {(privilege, account) for privilege in privileges}

    def listen(self, topic: str, subscription: str = "987654") -> None:
        """Somebody listens to a log topic."""
        self.listening[topic] = subscription

    def states(self, app_key: int, stage: str = "PROD") -> list[str]:
        """The states reported for an app, in order."""
        return [
            report.state
            for report in self.reports
            if (report.app_key, report.stage) == (app_key, stage)
        ]

    async def read_metadata(self) -> Metadata:
        self._ask("read_metadata")
        return self.metadata

    async def app_credential_key(self) -> str:
        self._ask("app_credential_key")
        return self.credential_key

    async def report_status(self, status: Status, stats: Stats) -> str:
        self._ask("report_status")
        self.statuses.append(status)
        return self.base_url

    async def report_architecture(self) -> None:
        self._ask("report_architecture")
        self.architectures += 1

    async def requested_apps(self) -> Sequence[WantedApp]:
        self._ask("requested_apps")
        return tuple(self.wanted)

    async def registry_token(self, account_key: int) -> str:
        self._ask("registry_token")
        self.tokens_for.append(account_key)
        return self.token

    async def report_app(self, app: App) -> None:
        self._ask("report_app")
        self.reports.append(
            Report(
                app.app_key,
                app.stage,
                app.state.value,
                app.release_key,
                app.release_build,
                app.update_status,
            )
        )

    async def save_ports(self, wanted: WantedApp, ports: Sequence[PortRule]) -> None:
        self._ask("save_ports")
        self.saved_ports.append((wanted.app_key, tuple(ports)))

    async def holds(self, privilege: Privilege, account_key: int) -> bool:
        self._ask("holds")
        return (privilege, account_key) in self.privileges

    async def log_listener(self, topic: str) -> str:
        self._ask("log_listener")
        return self.listening.get(topic, "")

    def _ask(self, method: str) -> None:
        self.asked.append(method)
        if method in self._failures:
            raise self._failures[method]
