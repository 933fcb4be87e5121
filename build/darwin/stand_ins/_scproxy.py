"""Stands in for the C module that asks macOS for its proxies; it needs two frameworks.

urllib imports it on darwin. The agent knows the proxies of its environment alone, on every system.
"""


def _get_proxy_settings() -> dict[str, object]:
    return {"exclude_simple": False, "exceptions": ()}


def _get_proxies() -> dict[str, str]:
    return {}
