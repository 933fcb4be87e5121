"""The docker SDK itself. Importing this module is what costs; only `sdk.py` does, in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from docker import APIClient
from docker.errors import APIError, DockerException
from docker.tls import TLSConfig
from docker.types import HostConfig, Mount
from requests import RequestException

from reagent.adapters.docker.address import Address
from reagent.adapters.docker.errors import Refusal, unavailable
from reagent.contracts.engine import ContainerSpec
from reagent.errors import EngineFailed

_ALL_ADDRESSES = "0.0.0.0"  # noqa: S104  # published for the LAN, docs/contract/apps.md 3.1


class Client:
    """What changes containers and images. Blocks; may be used from several threads.

    Every method raises `Refusal`, `EngineUnavailable` or `EngineFailed`.
    """

    def __init__(self, address: Address, version: str, timeout_s: int) -> None:
        self._address = address
        with self._translated():
            self._api = APIClient(
                address.text, version=version, timeout=timeout_s, tls=_tls(address) or False
            )
        # The engine is a neighbour: no proxy of the environment and no ~/.netrc lies between.
        self._api.trust_env = False

    def create(self, spec: ContainerSpec) -> str:
        """Create it exactly as docs/contract/apps.md 3.1 and 3.4 describe; returns its id."""
        with self._translated():
            config = self._api.create_container_config(
                spec.image,
                [],
                detach=not spec.interactive,  # attaches stdout and stderr otherwise
                tty=spec.tty,
                stdin_open=spec.interactive,
                ports=[(binding.port, binding.protocol) for binding in spec.bindings],
                environment=list(spec.environment),
                labels=dict(spec.labels),
                host_config=self._host_config(spec),
            )
            config["StdinOnce"] = False  # the SDK ties it to an open stdin, the contract does not
            if spec.interactive:
                config["Volumes"] = {}
            create = self._api.create_container_from_config
            answer: dict[str, object] = create(config, spec.name)  # type: ignore[no-untyped-call]
            return str(answer["Id"])

    def start(self, container: str) -> None:
        """Start; running already is fine."""
        with self._translated():
            self._api.start(container)

    def stop(self, container: str, grace: int) -> None:
        """Stop; stopped already is fine."""
        with self._translated():
            self._api.stop(container, timeout=grace)

    def remove(self, container: str) -> None:
        """Remove, running or not."""
        with self._translated():
            self._api.remove_container(container, force=True)

    def remove_image(self, reference: str) -> None:
        """Untag, and drop the image with its last tag."""
        with self._translated():
            self._api.remove_image(reference, force=True)

    def close(self) -> None:
        """Close its connections."""
        self._api.close()

    def _host_config(self, spec: ContainerSpec) -> HostConfig:
        bindings: dict[int | str, list[tuple[str, int]]] = {}
        for binding in spec.bindings:
            key = f"{binding.port}/{binding.protocol}"
            bindings.setdefault(key, []).append((_ALL_ADDRESSES, binding.host_port))
        config = self._api.create_host_config(
            privileged=spec.privileged,
            cap_add=list(spec.cap_add),
            network_mode=spec.network_mode,
            extra_hosts=list(spec.extra_hosts),
            restart_policy={"Name": "no"},
            port_bindings=bindings,
            mounts=[Mount(mount.target, mount.source, type="bind") for mount in spec.mounts],
            runtime=spec.runtime or None,
        )
        config["Devices"] = [
            {"PathOnHost": path, "PathInContainer": path, "CgroupPermissions": ""}
            for path in spec.devices
        ]
        return config

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except APIError as error:
            raise Refusal(error.status_code or 500, str(error.explanation or error)) from error
        except RequestException as error:
            raise unavailable(self._address.text, _innermost(error)) from error
        except DockerException as error:
            raise EngineFailed(str(error)) from error


def _tls(address: Address) -> TLSConfig | None:
    folder = address.certificates
    if not folder:
        return None
    return TLSConfig(
        client_cert=(f"{folder}/cert.pem", f"{folder}/key.pem"),
        ca_cert=f"{folder}/ca.pem",
        verify=address.verify,
    )


def _innermost(error: BaseException) -> str:
    """The reason that requests and urllib3 wrapped."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return getattr(error, "strerror", None) or str(error)
