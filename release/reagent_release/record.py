"""The plan that was executed, as JSON in `release/out`, from before its first step to its end."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

from reagent_release.errors import ReleaseError
from reagent_release.steps import Step
from reagent_release.store import Stat


class Record:
    """One execution of a plan.

    Args:
        folder: where records are kept.
        command: publish or rollout.
        what: of the plan, besides its steps.
        steps: of the plan.
        now_s: seconds since 1970.

    Raises:
        ReleaseError: it cannot be written; nothing was done then.
    """

    def __init__(
        self,
        folder: Path,
        command: str,
        what: Mapping[str, object],
        steps: Sequence[Step],
        now_s: float,
    ) -> None:
        began = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now_s)) + f".{int(now_s % 1 * 1e6):06d}Z"
        self._content: dict[str, object] = {
            "command": command,
            "began": began,
            **what,
            "steps": [_described(step) for step in steps],
            "outcome": "begun",
        }
        self.path = folder / f"{command}-{began}.json"
        self._write()

    def end(self, outcome: str) -> None:
        """Note how it ended: `done`, or what went wrong.

        Raises:
            ReleaseError: it cannot be written.
        """
        self._content["outcome"] = outcome
        self._write()

    def _write(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            partial = self.path.with_name(f".{self.path.name}.new")
            partial.write_text(json.dumps(self._content, indent=2) + "\n", encoding="utf-8")
            partial.replace(self.path)
        except OSError as error:
            raise ReleaseError(f"{self.path} cannot be written: {error}") from error


def _described(step: Step) -> dict[str, object]:
    known = {each.name: _plain(getattr(step, each.name)) for each in fields(step)}
    return {"do": type(step).__name__.lower(), **known}


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Stat):
        return value.name
    return value if isinstance(value, int) else str(value)
