"""The kernel's list of addresses."""

import sys

import pytest

from reagent.adapters.posix.netlink import addresses


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has netlink")
def test_every_host_has_its_own_address() -> None:
    assert "127.0.0.1" in {each.ip for each in addresses()}


def test_a_system_without_netlink_says_so_as_one_that_does_not_answer() -> None:
    with pytest.raises(OSError, match="does not list its addresses"):
        addresses(None)
