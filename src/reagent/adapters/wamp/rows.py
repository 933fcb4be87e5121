"""The platform's app rows, read leniently (docs/contract/wamp.md 8.6). Pure.

Key names match in any case, unknown keys are ignored, and a value of the wrong kind leaves its
field empty: one odd row must not keep a device from the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reagent.model.app import WantedApp


def wanted_app(row: Mapping[str, object]) -> WantedApp:
    """One row. `present_version` is the version to publish as, too."""
    cells = _Cells(row)
    present = cells.text("present_version")
    return WantedApp(
        app_key=cells.uint("app_key"),
        app_name=cells.text("app_name"),
        stage=cells.text("stage"),
        target=cells.text("target_state"),
        current=cells.text("current_state"),
        requestor_account_key=cells.integer("requestor_account_key"),
        device_owner_account_key=cells.integer("device_owner_account_key"),
        release_key=cells.integer("release_key"),
        new_release_key=cells.integer("new_release_key"),
        version=present,
        present_version=present,
        newest_version=cells.text("newest_version"),
        request_update=cells.truth("request_update"),
        environment=cells.mapping("environment"),
        environment_template=cells.mapping("environment_template"),
        ports=cells.sequence("ports"),
        docker_compose=cells.mapping("docker_compose"),
        new_docker_compose=cells.mapping("new_docker_compose"),
        app_cred_epoch=cells.count("app_cred_epoch"),
    )


def count(value: object) -> int | None:
    """A whole number that is not negative, also as a float or as decimal text; else None."""
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) <= 20 else None
    number = _whole(value)
    return None if number is None or number < 0 else number


def _whole(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else None


class _Cells:
    """One row; an exact key wins over one in another case."""

    def __init__(self, row: Mapping[str, object]) -> None:
        self._row = {key.lower(): value for key, value in row.items()} | dict(row)

    def text(self, key: str) -> str:
        value = self._row.get(key)
        return value if isinstance(value, str) else ""

    def integer(self, key: str) -> int:
        return _whole(self._row.get(key)) or 0

    def uint(self, key: str) -> int:
        return max(0, self.integer(key))

    def count(self, key: str) -> int:
        return count(self._row.get(key)) or 0

    def truth(self, key: str) -> bool:
        return self._row.get(key) is True

    def mapping(self, key: str) -> Mapping[str, object] | None:
        value = self._row.get(key)
        return value if isinstance(value, Mapping) else None

    def sequence(self, key: str) -> Sequence[object] | None:
        value = self._row.get(key)
        return value if isinstance(value, list) else None
