"""What the platform knows, in SQLite: devices, wanted apps, reports, privileges. No network."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from sandbox.paths import TEMPLATES

PRIVILEGES: Final = ("READ", "DEVELOP", "MAINTAIN", "NETWORK", "OPERATE", "INSTALL")
FIRST_TUNNEL_PORT: Final = 31000


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A device as the platform knows it."""

    device_key: int
    swarm_key: int
    serial_number: str
    secret: str
    device_name: str = "press-07"
    swarm_name: str = "hall-b"
    ownername: str = "acme"
    cred_key: str = "c2FtcGxlLWNyZWQta2V5"
    owner_account: int = 501

    @property
    def authid(self) -> str:
        """As whom the device joins the router."""
        return f"{self.swarm_key}-{self.device_key}"


@dataclass(frozen=True, slots=True)
class Record:
    """Something a device told the platform: when (Unix seconds), which word, the whole payload."""

    at: float
    word: str
    payload: Mapping[str, object]


class Database:
    """The platform's tables. Every write is on disk when the method returns."""

    def __init__(self, file: Path) -> None:
        self.file = file
        fresh = not file.exists()
        self._sql = sqlite3.connect(file, isolation_level=None)
        self._sql.row_factory = sqlite3.Row
        self._sql.execute("pragma journal_mode = wal")
        self._sql.execute("pragma synchronous = off")  # a sandbox need not survive a power cut
        if fresh:
            self._sql.executescript((TEMPLATES / "backend.sql").read_text(encoding="utf-8"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._sql.close()

    # --- devices

    def add_device(self, device: Identity) -> None:
        """Know a device; the same key again replaces what was known."""
        self._sql.execute(
            "insert or replace into device values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                device.device_key,
                device.swarm_key,
                device.serial_number,
                device.secret,
                device.device_name,
                device.swarm_name,
                device.ownername,
                device.cred_key,
                device.owner_account,
            ),
        )

    def device(self, device_key: int) -> Identity | None:
        """The device with that key."""
        row = self._sql.execute(
            "select * from device where device_key = ?", (device_key,)
        ).fetchone()
        return None if row is None else Identity(**dict(row))

    def next_device_key(self) -> int:
        """A device key nobody has."""
        (highest,) = self._sql.execute("select max(device_key) from device").fetchone()
        return int(highest or 4020) + 1

    # --- apps

    def want_app(self, device_key: int, row: Mapping[str, object]) -> None:
        """Answer `get_requested_app_states` of the device with this row too."""
        self._sql.execute(
            "insert or replace into wanted_app values (?, ?, ?, ?)",
            (device_key, row["app_key"], row["stage"], json.dumps(row)),
        )

    def forget_app(self, device_key: int, app_key: int, stage: str = "PROD") -> None:
        """Answer without that row from now on; the device then removes the app."""
        self._sql.execute(
            "delete from wanted_app where device_key = ? and app_key = ? and stage = ?",
            (device_key, app_key, stage),
        )

    def wanted_apps(self, device_key: int) -> list[dict[str, object]]:
        """The rows for `get_requested_app_states`. The current state is the one last reported."""
        rows = self._sql.execute(
            "select row from wanted_app where device_key = ? order by app_key, stage", (device_key,)
        )
        return [json.loads(row["row"]) for row in rows]

    def report_app(self, at: float, payload: Mapping[str, object]) -> None:
        """Keep a state report, and remember the state for the next answer."""
        key = (payload["device_key"], payload["app_key"], payload["stage"])
        self._sql.execute(
            "insert into app_report (at, device_key, app_key, stage, state, payload) "
            "values (?, ?, ?, ?, ?, ?)",
            (at, *key, payload["state"], json.dumps(payload)),
        )
        self._sql.execute(
            "update wanted_app set row = json_set(row, '$.current_state', ?) "
            "where device_key = ? and app_key = ? and stage = ?",
            (payload["state"], *key),
        )

    def app_reports(self, device_key: int, app_key: int, stage: str = "PROD") -> list[Record]:
        """The state reports of an app, in order."""
        rows = self._sql.execute(
            "select at, state, payload from app_report "
            "where device_key = ? and app_key = ? and stage = ? order by id",
            (device_key, app_key, stage),
        )
        return [Record(row["at"], row["state"], json.loads(row["payload"])) for row in rows]

    def keep_ports(self, payload: Mapping[str, object]) -> None:
        """Keep an app's port rules; the next answer of `get_requested_app_states` carries them."""
        key = (payload["device_key"], payload["app_key"], payload["stage"])
        ports = json.dumps(payload["ports"])
        self._sql.execute("insert or replace into app_port values (?, ?, ?, ?)", (*key, ports))
        self._sql.execute(
            "update wanted_app set row = json_set(row, '$.ports', json(?)) "
            "where device_key = ? and app_key = ? and stage = ?",
            (ports, *key),
        )

    def ports(self, device_key: int, app_key: int, stage: str = "PROD") -> list[object]:
        """The port rules the agent last asked to keep."""
        row = self._sql.execute(
            "select ports from app_port where device_key = ? and app_key = ? and stage = ?",
            (device_key, app_key, stage),
        ).fetchone()
        return [] if row is None else list(json.loads(row["ports"]))

    # --- status

    def report_status(
        self, at: float, device_key: int, status: str, payload: Mapping[str, object]
    ) -> None:
        """Keep a status; a testament is one, with the word DISCONNECTED."""
        self._sql.execute(
            "insert into device_status (at, device_key, status, session_id, payload) "
            "values (?, ?, ?, ?, ?)",
            (at, device_key, status, payload.get("wamp_session_id") or 0, json.dumps(payload)),
        )

    def statuses(self, device_key: int) -> list[Record]:
        """The statuses of a device, in order."""
        rows = self._sql.execute(
            "select at, status, payload from device_status where device_key = ? order by id",
            (device_key,),
        )
        return [Record(row["at"], row["status"], json.loads(row["payload"])) for row in rows]

    def describe_architecture(self, payload: Mapping[str, object]) -> None:
        """Keep what a device says about its machine and agent."""
        self._sql.execute(
            "insert or replace into architecture values (?, ?)",
            (payload["device_key"], json.dumps(payload)),
        )

    def architecture(self, device_key: int) -> dict[str, object]:
        """What the device last said about its machine; empty before it said anything."""
        row = self._sql.execute(
            "select payload from architecture where device_key = ?", (device_key,)
        ).fetchone()
        return {} if row is None else dict(json.loads(row["payload"]))

    # --- privileges, tunnels, calls

    def grant(self, account: int, *names: str, device_key: int = 0) -> None:
        """Let an account do this on one device, or on all of them (0). No name means everything."""
        self._sql.executemany(
            "insert or ignore into privilege values (?, ?, ?)",
            [(account, device_key, name) for name in names or PRIVILEGES],
        )

    def revoke(self, account: int, *names: str) -> None:
        """Take privileges away again, on every device. No name means all of them."""
        self._sql.executemany(
            "delete from privilege where account = ? and name = ?",
            [(account, name) for name in names or PRIVILEGES],
        )

    def may(self, account: int, name: str, device_key: int) -> bool:
        """Whether the account has the privilege on the device."""
        found = self._sql.execute(
            "select 1 from privilege where account = ? and name = ? and device_key in (0, ?)",
            (account, name, device_key),
        ).fetchone()
        return found is not None

    def allocate_tunnel(self, port: int, protocol: str, device_key: int) -> int | None:
        """Give out a remote port, `port` itself unless it is 0; None where somebody else has it."""
        if port == 0:
            (highest,) = self._sql.execute("select max(port) from tunnel_port").fetchone()
            port = max(int(highest or 0) + 1, FIRST_TUNNEL_PORT)
        try:
            self._sql.execute(
                "insert into tunnel_port values (?, ?, ?)", (port, protocol, device_key)
            )
        except sqlite3.IntegrityError:
            return None
        return port

    def record_call(
        self, at: float, procedure: str, caller: str, args: object, kwargs: object
    ) -> None:
        """Keep that a call arrived."""
        self._sql.execute(
            "insert into call (at, procedure, caller, args, kwargs) values (?, ?, ?, ?, ?)",
            (at, procedure, caller, json.dumps(args), json.dumps(kwargs)),
        )
