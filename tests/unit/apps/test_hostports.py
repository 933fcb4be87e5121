"""docs/contract/apps.md 3.6 and 9.3 H1-H9."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from reagent.apps.hostports import POOL, HostPorts, PortKey, Published, key_of, publish
from reagent.contracts.engine import PortBinding
from reagent.errors import Failed
from reagent.model.app import AppKey, PortRule

_APP = AppKey(1, "PROD")
_DEV = AppKey(1, "DEV")
_OTHER = AppKey(2, "PROD")


def _key(app: AppKey = _APP, port: int = 8080, protocol: str = "tcp", service: str = "") -> PortKey:
    return PortKey(app, protocol, port, service)


@pytest.fixture
def ports() -> HostPorts:
    return HostPorts(lambda _port, _protocol: True)


def test_a_key_keeps_its_port_and_two_keys_never_share_one(ports: HostPorts) -> None:
    first = ports.recover_or_reserve(_key())
    again = ports.recover_or_reserve(_key(), 45000)
    other = ports.recover_or_reserve(_key(_OTHER))

    assert first == again == 40000
    assert other == 40001
    assert (POOL.start, POOL.stop) == (40000, 50000)


@pytest.mark.parametrize("preferred", [41234, 80, 65000])
def test_a_preferred_port_is_taken_without_asking_the_system(preferred: int) -> None:
    busy = HostPorts(lambda _port, _protocol: False)

    assert busy.recover_or_reserve(_key(), preferred) == preferred


def test_a_preferred_port_that_another_app_holds_is_not_taken(ports: HostPorts) -> None:
    ports.recover_or_reserve(_key(_OTHER), 41234)

    assert ports.recover_or_reserve(_key(), 41234) == 40000


def test_pool_ports_that_the_system_uses_are_skipped_per_protocol() -> None:
    asked: list[tuple[int, str]] = []

    def free(port: int, protocol: str) -> bool:
        asked.append((port, protocol))
        return port != 40000

    ports = HostPorts(free)

    assert ports.recover_or_reserve(_key(protocol="udp")) == 40001
    assert asked == [(40000, "udp"), (40001, "udp")]


def test_an_exhausted_pool_is_an_error() -> None:
    with pytest.raises(Failed, match="no host port"):
        HostPorts(lambda _port, _protocol: False).recover_or_reserve(_key())


def test_a_declared_port_goes_to_the_first_that_asks(ports: HostPorts) -> None:
    first = ports.reserve_declared(_key())
    again = ports.reserve_declared(_key())
    other = ports.reserve_declared(_key(_OTHER))

    assert (first, again, other) == (True, True, False)
    assert ports.recover_or_reserve(_key(_OTHER), 8080) != 8080


def test_reserving_the_declared_port_frees_the_one_before(ports: HostPorts) -> None:
    before = ports.recover_or_reserve(_key())

    ports.reserve_declared(_key())

    assert ports.recover_or_reserve(_key(_OTHER), before) == before
    assert ports.assigned(_APP) == {_key(): 8080}


def test_reassigning_moves_on_and_frees_the_old_port(ports: HostPorts) -> None:
    old = ports.recover_or_reserve(_key())

    new = ports.reassign(_key())

    assert new != old
    assert ports.recover_or_reserve(_key()) == new
    assert ports.recover_or_reserve(_key(_OTHER), old) == old


def test_reassigning_keeps_what_there_is_when_the_pool_is_exhausted() -> None:
    ports = HostPorts(lambda _port, _protocol: False)
    ports.recover_or_reserve(_key(), 41234)

    with pytest.raises(Failed):
        ports.reassign(_key())

    assert ports.recover_or_reserve(_key()) == 41234


def test_releasing_an_app_frees_its_ports_and_no_others(ports: HostPorts) -> None:
    mine = [
        ports.recover_or_reserve(key_of(_APP, PortRule(port=8080))),
        ports.recover_or_reserve(key_of(_APP, PortRule(port=1883, protocol="tcp"))),
    ]
    theirs = ports.recover_or_reserve(_key(_OTHER))

    ports.release(_APP)

    fresh = [ports.recover_or_reserve(_key(AppKey(3, "PROD"), port)) for port in (1, 2)]
    assert fresh == mine
    assert ports.recover_or_reserve(_key(_OTHER)) == theirs


def test_looking_up_by_port_finds_any_service(ports: HostPorts) -> None:
    held = ports.recover_or_reserve(_key(service="web"))

    assert ports.lookup(_APP, "tcp", 8080) == held
    assert ports.lookup(_APP, "udp", 8080) is None
    assert ports.lookup(_APP, "tcp", 8081) is None
    assert ports.lookup(_OTHER, "tcp", 8080) is None


@pytest.mark.parametrize(
    ("protocol", "wire"), [("http", "tcp"), ("https", "tcp"), ("tcp", "tcp"), ("udp", "udp")]
)
def test_a_rule_has_one_key_per_transport(protocol: str, wire: str) -> None:
    assert key_of(_APP, PortRule(port=1, protocol=protocol)) == _key(port=1, protocol=wire)


async def test_a_hundred_reservations_at_once_are_a_hundred_ports(ports: HostPorts) -> None:
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(16) as threads:
        reserved = await asyncio.gather(
            *(
                loop.run_in_executor(threads, ports.recover_or_reserve, _key(port=port))
                for port in range(1, 101)
            )
        )

    assert len(set(reserved)) == 100


def test_a_release_is_published_from_the_pool(ports: HostPorts) -> None:
    rules = [PortRule(port=8080), PortRule(port=1883, protocol="udp", active=True)]

    assert publish(ports, _APP, rules) == Published(
        (PortBinding(8080, "tcp", 40000), PortBinding(1883, "udp", 40001))
    )


def test_a_rule_that_points_elsewhere_publishes_nothing(ports: HostPorts) -> None:
    rules = [PortRule(port=80, local_ip="192.168.1.9", active=True)]

    assert publish(ports, _APP, rules) == Published(())
    assert ports.assigned(_APP) == {}


def test_an_existing_container_keeps_its_ports_before_the_hint_of_the_rule(
    ports: HostPorts,
) -> None:
    rules = [PortRule(port=80, host_port=41000), PortRule(port=81, host_port=41001)]

    published = publish(ports, _APP, rules, [PortBinding(80, "tcp", 42000)])

    assert [each.host_port for each in published.bindings] == [42000, 41001]


def test_a_working_copy_gets_its_declared_port_while_it_is_free(ports: HostPorts) -> None:
    mine = publish(ports, _DEV, [PortRule(port=8080)])
    theirs = publish(ports, AppKey(2, "DEV"), [PortRule(port=8080)])

    assert mine == Published((PortBinding(8080, "tcp", 8080),))
    assert theirs.bindings == (PortBinding(8080, "tcp", 40000),)
    assert "8080" in theirs.notices[0]
    assert "40000" in theirs.notices[0]


def test_rules_of_one_port_and_transport_are_published_once(ports: HostPorts) -> None:
    rules = [
        PortRule(port=80),
        PortRule(port=80, protocol="https"),
        PortRule(port=80, protocol="udp"),
    ]

    published = publish(ports, _APP, rules)

    assert [(each.port, each.protocol) for each in published.bindings] == [(80, "tcp"), (80, "udp")]
