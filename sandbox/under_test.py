"""What is under test: this machine's target, or the one that `REAGENT_TEST_TARGET` names.

A target that this machine does not run by itself is emulated (`sandbox/emulation.py`), and takes
its time: every bound of a wait is `patient`, by one factor for the whole run.
"""

import os
import platform
import sys
from typing import Final

from reagent_build.targets import Target, UnknownTargetError, machine_target

# What a kernel runs beside its own.
_NATIVE: Final = {"amd64": frozenset({"amd64", "386"})}
# From launch to CONNECTED an emulated agent takes twenty times as long as this machine's, and the
# bounds of the tests are forty times what that one takes.
_EMULATED: Final = 6.0


def machine() -> Target:
    """The target of this machine."""
    try:
        return machine_target(sys.platform, platform.machine())
    except UnknownTargetError:
        return Target("linux", platform.machine())


def target() -> Target:
    """The target under test."""
    named = os.environ.get("REAGENT_TEST_TARGET")
    return Target.parse(named) if named else machine()


def is_emulated(which: Target) -> bool:
    """Whether it takes an emulator to run it here."""
    return which.stamp not in _NATIVE.get(machine().stamp, {machine().stamp})


def slowness() -> float:
    """How many times as long as here everything takes: `REAGENT_TEST_SLOWNESS` where it is set."""
    named = os.environ.get("REAGENT_TEST_SLOWNESS")
    return float(named) if named else _EMULATED if is_emulated(target()) else 1.0


def patient(seconds: float) -> float:
    """How long to wait for what this machine's executable does in so many seconds."""
    return seconds * slowness()
