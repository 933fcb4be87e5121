"""Procedures of the contract that this version does not serve yet.

They are registered and guarded like all others, and answer an error that says so: never silence,
never a pretended success. A line leaves this table when its capability arrives.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Final

from reagent.api.procedure import DEFAULT_WITHIN, Mark, Procedure
from reagent.errors import NotInThisVersion
from reagent.model.call import Answer, Call, Privilege

PENDING: Final[Mapping[str, Privilege | None]] = {
    "write_data": Privilege.DEVELOP,
    "request_terminal_session": Privilege.DEVELOP,
    "start_terminal_session": Privilege.DEVELOP,
    "stop_terminal_session": Privilege.DEVELOP,
    "list_wifi_networks": Privilege.READ,
    "add_wifi_configuration": Privilege.NETWORK,
    "scan_wifi_networks": None,
    "remove_wifi_configuration": Privilege.NETWORK,
    "select_wifi_network": Privilege.NETWORK,
    "list_ethernet_devices": Privilege.READ,
    "update_ipv4_config": Privilege.NETWORK,
    "restart_wifi": Privilege.NETWORK,
    "download_os_update": Privilege.MAINTAIN,
    "install_os_update": Privilege.MAINTAIN,
    "init_device_terminal": Privilege.MAINTAIN,
}


def _refusal(suffix: str, version: str) -> Callable[[Call], Awaitable[Answer]]:
    async def refuse(_call: Call) -> Answer:
        raise NotInThisVersion(f"{suffix} is not implemented in agent version {version}")

    return refuse


def pending(version: str) -> Iterator[Procedure]:
    """The procedures of the table."""
    for suffix, privilege in PENDING.items():
        yield Procedure(Mark(suffix, privilege, DEFAULT_WITHIN), _refusal(suffix, version))
