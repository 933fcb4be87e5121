"""Which version runs: decided before the agent is imported (design: one file that launches itself).

There is one version to choose from as long as the agent cannot update itself, and this module does
not pretend otherwise: the process that asks is the one that runs. Trials, strikes and the way back
will stand here, in a second, tiny composition root that imports nothing of the agent.
"""

from enum import Enum

from reagent.settings.flags import Flags


class Decision(Enum):
    """What the process that asked has to do."""

    RUN_HERE = "run here"


def decide(_flags: Flags) -> Decision:
    """Choose the version that runs; called once, under the lock, with the log set up."""
    return Decision.RUN_HERE
