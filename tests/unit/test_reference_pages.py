from __future__ import annotations

import runpy
from pathlib import Path

from reagent.api.pending import PENDING
from reagent.api.procedure import marks_of

PAGES = Path(__file__).parents[2] / "docs/pages.py"

# docs/contract/wamp.md section 4; every one is registered, served or not.
CONTRACT = frozenset(
    """request_app_state write_data device_handshake get_images request_terminal_session
    start_terminal_session stop_terminal_session list_wifi_networks add_wifi_configuration
    scan_wifi_networks remove_wifi_configuration select_wifi_network list_ethernet_devices
    update_ipv4_config system_reboot system_shutdown system_restart_agent restart_wifi update_agent
    prune_images get_agent_metadata list_containers get_network_metadata get_app_log_history
    query_app_logs query_device_logs get_tunnel_state get_os_release download_os_update
    install_os_update execute_cmd init_device_terminal get_ipv4_addresses get_storage_data""".split()
)


def test_the_reference_pages_say_what_the_code_says() -> None:
    pages = runpy.run_path(str(PAGES))

    assert list(pages["stale"]()) == [], "run python docs/pages.py"


def test_the_34_procedures_of_the_contract_are_registered_once_each() -> None:
    served = [
        mark.suffix
        for capability in runpy.run_path(str(PAGES))["SERVED"]
        for mark in marks_of(capability)
    ]

    names = [*served, *PENDING]

    assert len(CONTRACT) == 34
    assert sorted(names) == sorted(CONTRACT)
