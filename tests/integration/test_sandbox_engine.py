import time
from urllib.request import urlopen

import pytest
from docker.errors import APIError

from sandbox import images
from sandbox.engine import OwnEngine, is_reachable
from sandbox.registry import Registry


@pytest.fixture
def own(engine: object) -> OwnEngine:
    if not isinstance(engine, OwnEngine):
        pytest.skip("the engine was given; only one of our own is judged here")
    return engine


def test_a_container_may_ask_for_every_privilege_there_is(
    own: OwnEngine, registry: Registry
) -> None:
    name = registry.push_app(1, "mounter", "1.0.0", images.make(["/bin/sh"]))
    registry.admit("token", "secret")

    with own.client() as client:
        client.images.pull(name, auth_config={"username": "token", "password": "secret"})
        printed = client.containers.run(
            name,
            ["sh", "-c", "mkdir /m && mount -t tmpfs none /m && echo mounted"],
            privileged=True,
            cap_add=["ALL"],
            remove=True,
        )

    assert printed == b"mounted\n"


def test_a_privileged_exec_works_too(own: OwnEngine, registry: Registry) -> None:
    name = registry.push_app(2, "sleeper", "1.0.0", images.app("counter"))
    registry.admit("token", "secret")

    with own.client() as client:
        client.images.pull(name, auth_config={"username": "token", "password": "secret"})
        container = client.containers.run(name, detach=True, privileged=True, cap_add=["ALL"])
        status, printed = container.exec_run(["hostname"], privileged=True)

    assert (status, printed) == (0, f"{container.short_id}\n".encode())


def test_what_it_holds_survives_a_stop_and_a_start(own: OwnEngine, registry: Registry) -> None:
    name = registry.push_app(3, "counter", "1.0.0", images.app("counter"))
    registry.admit("token", "secret")
    with own.client() as client:
        client.images.pull(name, auth_config={"username": "token", "password": "secret"})
        client.containers.run(name, name="prod_3_counter", detach=True)

    own.stop()
    down = is_reachable(own.address)
    own.start()

    assert not down
    with own.client() as client:
        assert [c.name for c in client.containers.list(all=True)] == ["prod_3_counter"]


def test_a_published_port_is_reached_from_the_host(own: OwnEngine, registry: Registry) -> None:
    name = registry.push_app(4, "web", "1.0.0", images.app("web"))
    registry.admit("token", "secret")

    with own.client() as client:
        client.images.pull(name, auth_config={"username": "token", "password": "secret"})
        container = client.containers.run(name, detach=True, ports={"80/tcp": ("127.0.0.1", 0)})
        container.reload()
        ports = container.ports["80/tcp"] or []

    assert f"hello from {container.short_id}" in _page(int(ports[0]["HostPort"]))


def test_a_pull_without_a_login_is_refused(own: OwnEngine, registry: Registry) -> None:
    name = registry.push_app(5, "secret", "1.0.0", images.app("counter"))

    with own.client() as client, pytest.raises(APIError, match="no basic auth"):
        client.images.pull(name)


def _page(port: int) -> str:

    until = time.monotonic() + 5
    while True:
        try:
            with urlopen(f"http://127.0.0.1:{port}/", timeout=2) as answer:
                return str(answer.read().decode())
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
