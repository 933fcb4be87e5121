"""What survives a restart (docs/contract/apps.md 7). Keyed by app key and stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from reagent.model.app import App, AppKey, State, WantedApp


@dataclass(frozen=True, slots=True, kw_only=True)
class AppRow:
    """One row of AppStates, with what the requested row adds where there is one."""

    app_key: int
    app_name: str
    stage: str
    state: State
    version: str
    release_key: int
    timestamp: str
    target: State | None = None
    requestor_account_key: int = 0
    request_update: bool = False

    @property
    def id(self) -> AppKey:
        """Key and stage."""
        return AppKey(self.app_key, self.stage)


class Store(Protocol):
    """The database. Every method raises `StoreFailed` with the engine's text when it refuses."""

    async def app(self, app: AppKey) -> AppRow | None:
        """The row of one app, None when there is none."""
        ...

    async def apps(self) -> Sequence[AppRow]:
        """Every row of AppStates."""
        ...

    async def save_app(self, app: App) -> str:
        """Upsert state, version and release key; history and mirror: docs/contract/apps.md 7.4.

        Returns:
            The new timestamp, or an empty text when nothing changed.
        """
        ...

    async def wanted(self, app: AppKey) -> WantedApp:
        """The requested-state row.

        Raises:
            RecordNotFound: text contains `no requested state found`.
        """
        ...

    async def all_wanted(self) -> Sequence[WantedApp]:
        """Every requested-state row."""
        ...

    async def save_wanted(self, wanted: WantedApp) -> None:
        """Upsert one requested state; `wanted.target` is stored as it is given."""
        ...

    async def delete_app(self, app: AppKey) -> None:
        """Delete the AppStates row; missing is fine."""
        ...

    async def delete_wanted(self, app: AppKey) -> None:
        """Delete the requested-state row; missing is fine."""
        ...

    async def log_history(self, app: AppKey) -> Sequence[str]:
        """The stored lines.

        Raises:
            RecordNotFound: text contains `no logs found`.
        """
        ...

    async def save_log_history(self, app: AppKey, app_name: str, lines: Sequence[str]) -> None:
        """Upsert under type APP, then the same text on all types of that app and stage."""
        ...

    async def clear_log_history(self, app: AppKey) -> None:
        """Set every row of the app and stage to an empty list."""
        ...

    async def prove(self) -> None:
        """Write a row to the disk and take it away again.

        Raises:
            StoreFailed: the disk does not take it, and that includes a database in memory.
        """
        ...

    async def close(self) -> None:
        """Close; afterwards the database is one file."""
        ...
