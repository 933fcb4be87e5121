"""A container registry of the sandbox's own: Debian's `docker-registry` on loopback, with logins.

A device logs in with the token that the backend gave it as user name and its own secret as
password, so a login is added for every token that is handed out (`admit`). Images are pushed over
HTTP: no engine is needed for it, and none keeps a copy that would spare the agent a pull.
"""

import base64
import ctypes
import ctypes.util
import http.client
import json
import secrets
from pathlib import Path
from typing import Final

from sandbox import packages
from sandbox.images import Image, architecture
from sandbox.paths import TEMPLATES
from sandbox.processes import Child, OneChild, SandboxError, free_port, put_private

START_S: Final = 10.0
_ALPHABET: Final = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"


class Registry(OneChild):
    """A registry on loopback that lets in whom it was told of."""

    def __init__(self, run_dir: Path) -> None:
        super().__init__()
        self._folder = run_dir / "registry"
        self._users = self._folder / "users"
        self._admitted: dict[str, str] = {}
        self._pusher = ("sandbox", secrets.token_urlsafe(12))
        self.port = 0

    @property
    def address(self) -> str:
        """Host and port, as image names begin; `docker_registry_url` is this and a slash."""
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What the registry complained about."""
        return self._folder / "registry.log"

    def start(self) -> None:
        """Bring it up, on the same port as before where it was up before.

        Raises:
            SandboxError: It does not come up, with the end of its log.
        """
        if self._child is not None:
            return
        program = packages.program("docker-registry")
        if program is None:
            raise SandboxError(f"Missing:\n{packages.describe([packages.REGISTRY])}")
        self._folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        template = (TEMPLATES / "registry.yml").read_text(encoding="utf-8")
        config = self._folder / "config.yml"
        config.write_text(
            template.format(
                storage=self._folder / "storage",
                port=self.port,
                secret=secrets.token_hex(16),
                users=self._users,
            ),
            encoding="utf-8",
        )
        self.admit(*self._pusher)
        self._child = Child("docker-registry", [program, "serve", str(config)], self.log)
        self._child.wait_until(self._is_up, START_S)

    def stop(self) -> None:
        """Take it down; images and logins stay."""
        if self._child is not None:
            self._child.stop(2.0)
            self._child = None

    def close(self) -> None:
        """Take it down for good."""
        self.stop()

    def admit(self, user: str, password: str) -> None:
        """Let `user` in with `password` from now on; the registry notices by itself."""
        if self._admitted.get(user) == password:
            return
        self._admitted[user] = password
        lines = [f"{name}:{_bcrypt(word)}\n" for name, word in self._admitted.items()]
        put_private(self._users, "".join(lines))

    def push(self, repository: str, tag: str, image: Image) -> str:
        """Push an image and return the name that pulls it, `<address>/<repository>:<tag>`.

        Raises:
            SandboxError: The registry refused it.
        """
        for blob in image.blobs:
            self._upload(repository, blob.digest, blob.content)
        path = f"/v2/{repository}/manifests/{tag}"
        self._request("PUT", path, image.manifest, {"Content-Type": _MANIFEST}, expected=201)
        return f"{self.address}/{repository}:{tag}"

    def push_app(self, app_key: int, name: str, version: str, image: Image) -> str:
        """Push a release where agents look for it: `apps/prod_<arch>_<key>_<name>:<version>`."""
        return self.push(f"apps/prod_{architecture()}_{app_key}_{name}".lower(), version, image)

    def tags(self, repository: str) -> list[str]:
        """The tags of a repository; none where it does not exist."""
        status, _, body = self._ask("GET", f"/v2/{repository}/tags/list")
        return list(json.loads(body).get("tags") or []) if status == 200 else []

    def accepts(self, user: str, password: str) -> bool:
        """Whether a login works."""
        return self._ask("GET", "/v2/", login=(user, password))[0] == 200

    def _upload(self, repository: str, digest: str, content: bytes) -> None:
        status, _, _ = self._ask("HEAD", f"/v2/{repository}/blobs/{digest}")
        if status == 200:
            return
        headers = self._request("POST", f"/v2/{repository}/blobs/uploads/", expected=202)
        location = headers["location"]
        path = location[location.index("/v2/") :]
        joiner = "&" if "?" in path else "?"
        kind = {"Content-Type": "application/octet-stream"}
        self._request("PUT", f"{path}{joiner}digest={digest}", content, kind, expected=201)

    def _request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        *,
        expected: int,
    ) -> dict[str, str]:
        status, answered, text = self._ask(method, path, body, headers)
        if status != expected:
            raise SandboxError(f"{method} {path}: the registry said {status} {text[:300]!r}")
        return answered

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        login: tuple[str, str] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        user, password = login or self._pusher
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(
                method, path, body, {**(headers or {}), "Authorization": f"Basic {basic}"}
            )
            answer = connection.getresponse()
            lowered = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, lowered, answer.read()
        finally:
            connection.close()

    def _is_up(self) -> bool:
        try:
            return self._ask("GET", "/v2/")[0] == 200
        except OSError:
            return False


def _bcrypt(password: str) -> str:
    """A bcrypt hash, the only kind the registry takes, from the system's libcrypt.

    The cost is the lowest there is: the list protects nothing but a sandbox.
    """
    library = ctypes.CDLL(ctypes.util.find_library("crypt") or "libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    salt = "".join(secrets.choice(_ALPHABET) for _ in range(21)) + "."
    hashed: bytes | None = library.crypt(password.encode(), f"$2b$04${salt}".encode())
    if hashed is None or not hashed.startswith(b"$2b$"):
        raise SandboxError("the system's libcrypt cannot make bcrypt hashes")
    return hashed.decode("ascii")
