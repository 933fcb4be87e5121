"""Which scenarios judge which target, and what emulation cannot show. Data; run by `__main__`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# Everything: join a real router, run apps on a real engine, update, roll back, be killed.
FULL: Final = ("tests/frozen",)
# Join a router, answer calls, update itself.
REACHES: Final = (
    "tests/frozen/test_command_line.py",
    "tests/frozen/test_hello.py",
    "tests/frozen/test_procedures.py",
    "tests/frozen/test_update_trial.py",
)
# The same in two minutes, one test of each.
QUICK: Final = (
    "tests/frozen/test_command_line.py::test_the_version_is_one_line_and_nothing_else_happens",
    "tests/frozen/test_command_line.py::test_the_architecture_is_that_of_the_target",
    "tests/frozen/test_hello.py::test_the_signature_is_that_of_the_test_vectors",
    "tests/frozen/test_procedures.py::test_the_metadata_name_machine_and_agent",
    "tests/frozen/test_procedures.py::test_addresses_are_spread_with_their_masks",
    "tests/frozen/test_update_trial.py::test_the_call_answers_when_it_is_staged_and_the_trial_follows",
)

# What a program for Windows can show here: answers, join, calls, its service, and with
# REAGENT_WINDOWS_NEXT an update.
WINE: Final = ("tests/targets/test_windows.py", "tests/targets/test_windows_service.py")
# What the page says of them, where it is not the usual.
WORDS: Final[Mapping[tuple[str, ...], str]] = MappingProxyType(
    {FULL: "all", WINE: "join, answer, service, update"}
)

SCENARIOS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "linux/amd64": FULL,
        "linux/arm64": FULL,
        "linux/arm/7": FULL,
        "linux/arm/6": REACHES,
        "linux/arm/5": REACHES,
        "linux/386": REACHES,
        "linux/riscv64": REACHES,
        "windows/amd64": WINE,
    }
)

_OF_THIS_MACHINE: Final = "roots, tracers and process namespaces here hold no emulator"
# A test, as `tests/frozen/file.py::function`, or all of a file, and why an emulated executable
# cannot pass it.
BEYOND_EMULATION: Final[Mapping[str, str]] = MappingProxyType(
    {
        f"tests/frozen/test_surroundings_{part}.py": _OF_THIS_MACHINE
        for part in ("clock", "files", "init", "names", "roots", "start")
    }
    | {
        "tests/frozen/test_systemd.py": _OF_THIS_MACHINE,
        "tests/frozen/test_update_manager.py::"
        "test_through_twenty_updates_and_rollbacks_the_script_finds_nothing_to_do": (
            "twenty updates and rollbacks of two emulated devices take more than half an hour;"
            " test_update_trial and test_update_rollback show each of them once"
        ),
    }
)
