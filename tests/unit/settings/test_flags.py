"""reagent.settings.flags: the seed's defaults, and what a Flags object is."""

import pytest

from reagent.settings.flags import BUILT_IN_AGENT_DIR, DECLARED, Flags

DEFAULTS_ON_LINUX = {
    "agentDir": "/opt/reagent",
    "appsDir": "/opt/reagent/apps",
    "arch": False,
    "compressedBuildExtension": "tgz",
    "config": "",
    "connTimeout": 1250,
    "dbFileName": "/opt/reagent/reagent.db",
    "debug": True,
    "debugMessaging": False,
    "env": "production",
    "logFile": "/var/log/reagent.log",
    "nmw": True,
    "offline": False,
    "ppTimeout": 0,
    "prettyLogging": False,
    "profiling": False,
    "profilingPort": 80,
    "remoteUpdateURL": "https://storage.googleapis.com",
    "respTimeout": 5000,
    "update": True,
    "version": False,
}


def test_the_defaults_are_the_seeds() -> None:
    assert Flags().described() == DEFAULTS_ON_LINUX


def test_the_agent_directory_moves_no_other_path() -> None:
    flags = Flags.parse(["-agentDir", "/elsewhere"])

    assert flags.agent_dir == "/elsewhere"
    assert flags.apps_dir == f"{BUILT_IN_AGENT_DIR}/apps"
    assert flags.db_file_name == f"{BUILT_IN_AGENT_DIR}/reagent.db"


def test_every_flag_is_declared_in_the_order_of_the_usage() -> None:
    names = [flag.name for flag in DECLARED.values()]

    assert names == sorted(names)


def test_a_flag_that_does_not_exist_or_has_another_type_cannot_be_given() -> None:
    with pytest.raises(TypeError):
        Flags(conn_timeout=5)
    with pytest.raises(TypeError):
        Flags(conn_timeout_ms="5")


def test_flags_do_not_change() -> None:
    flags = Flags(offline=True)

    with pytest.raises(AttributeError):
        setattr(flags, "offline", False)  # noqa: B010 - the checker knows it and refuses the other form

    assert flags.offline
