"""The WAMP router of the sandbox: a real Crossbar, and one that accepts and never answers.

Realm `realm1` at `/ws-re-dev` and `/ws`, JSON only, WAMP-CRA only. Every caller and publisher is
disclosed, since agents tell by `caller_authid` what they may do; the meta API is open to all.
"""

import http.client
import json
import secrets
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sandbox import crossbar
from sandbox.paths import TEMPLATES
from sandbox.processes import Child, OneChild, free_port, put_private

Progress = Callable[[str], None]

REALM: Final = "realm1"
START_S: Final = 60.0
# Platform accounts are numbers; the platform itself is `system`. Any authid may be added.
ACCOUNTS: Final = ("system", "501", "502", "999")
BACKEND: Final = "backend"

_OPEN: Final = {
    "uri": "",
    "match": "prefix",
    "allow": {"call": True, "register": True, "publish": True, "subscribe": True},
    "disclose": {"caller": True, "publisher": True},
    "cache": True,
}


class Router(OneChild):
    """Crossbar on a loopback port, which it keeps over restarts."""

    def __init__(self, run_dir: Path, say: Progress = lambda _: None) -> None:
        super().__init__()
        self._folder = run_dir / "router"
        self._users = self._folder / "users"
        self._say = say
        self.port = 0
        self.secrets: dict[str, str] = {}

    @property
    def url(self) -> str:
        """Where devices connect: `device_endpoint_url`."""
        return f"ws://127.0.0.1:{self.port}/ws-re-dev"

    @property
    def log(self) -> Path:
        """What Crossbar said."""
        return self._folder / "crossbar.log"

    @property
    def running(self) -> bool:
        """Whether the process is there, frozen or not."""
        return self._child is not None and self._child.running

    def start(self) -> None:
        """Bring it up, on the port it had before if any. Takes two to four seconds.

        Raises:
            SandboxError: It does not come up, with the end of its log.
        """
        if self.running:
            return
        program = crossbar.ensure(self._say)
        self._users.mkdir(parents=True, exist_ok=True)
        for authid in (*ACCOUNTS, BACKEND):
            if authid not in self.secrets:
                role = BACKEND if authid == BACKEND else "user"
                self.admit(authid, secrets.token_urlsafe(12), role=role)
        self.port = self.port or free_port()
        self._configure()
        command = [str(program), "start", "--cbdir", str(self._folder), "--color", "false"]
        self._child = Child("crossbar", [*command, "--loglevel", "warn"], self.log)
        self._child.wait_until(self._serves, START_S)

    def stop(self) -> None:
        """End it and its workers at once; sessions are cut, no goodbye is said."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def shut_down(self) -> None:
        """End it as an operator would: sessions get a goodbye first. Takes up to five seconds."""
        if self._child is not None:
            self._child.stop(5.0)
            self._child = None

    def restart(self) -> None:
        """End it and bring it up again on the same port; nobody stays registered."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End it for good."""
        self.stop()

    def admit(
        self, authid: str, secret: str, *, role: str = "device", salt: str | None = None
    ) -> None:
        """Let `authid` join with `secret` from now on; with `salt` through a derived key."""
        self._users.mkdir(parents=True, exist_ok=True)
        entry: dict[str, object] = {"secret": secret, "role": role}
        if salt is not None:
            entry |= {"salt": salt, "iterations": 1000, "keylen": 32}
        self.secrets[authid] = secret
        put_private(self._users / f"{authid}.json", json.dumps(entry))

    def dismiss(self, authid: str) -> None:
        """Let `authid` join no longer; a session it has stays."""
        self.secrets.pop(authid, None)
        (self._users / f"{authid}.json").unlink(missing_ok=True)

    def _configure(self) -> None:
        shutil.copy(TEMPLATES / "authenticator.py", self._folder / "authenticator.py")
        (self._folder / ".crossbar").mkdir(exist_ok=True)
        text = (TEMPLATES / "crossbar.json").read_text(encoding="utf-8")
        wampcra = {
            "type": "function",
            "create": "authenticator.create",
            "config": {"users": str(self._users)},
        }
        service = {"type": "websocket", "serializers": ["json"], "auth": {"wampcra": wampcra}}
        for mark, value in (
            ('"@PORT@"', self.port),
            ('"@FOLDER@"', str(self._folder)),
            ('"@WAMP@"', service),
            *(
                (f'"@ROLE {name}@"', {"name": name, "permissions": [_OPEN]})
                for name in ("device", "user", BACKEND)
            ),
        ):
            text = text.replace(mark, json.dumps(value))
        config = json.loads(text)
        config.pop("$schema", None)
        (self._folder / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
        # A node that died leaves its process id behind and would refuse to start.
        (self._folder / "node.pid").unlink(missing_ok=True)

    def _serves(self) -> bool:
        """Whether the last of the paths is served: they appear a moment after the port."""
        return all(_status(self.port, path) not in (0, 404) for path in ("/ws", "/ws-re-dev"))


class MuteRouter:
    """A port that accepts connections and never says a word: what a dial timeout is for."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Where a device would connect."""
        return f"ws://127.0.0.1:{self.port}/ws-re-dev"

    def start(self) -> None:
        """Listen. The kernel completes connections by itself; nobody ever takes them."""
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", self.port))
        listening.listen(64)
        self.port = listening.getsockname()[1]
        self._socket = listening

    def close(self) -> None:
        """Refuse connections again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
