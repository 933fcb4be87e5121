"""Command lines of commands: one line on stderr and exit status 2 for what cannot be read."""

from __future__ import annotations

import argparse
import sys
from typing import Final, NoReturn

from reagent.commands.terminal import complain
from reagent.settings.flags import BUILT_IN_AGENT_DIR

DONE: Final = 0
NOT_DONE: Final = 1
MISUSED: Final = 2


class Parser(argparse.ArgumentParser):
    """Complains as everything else does."""

    def error(self, message: str) -> NoReturn:
        """See the base."""
        complain(f"{message} ({self.prog} -h shows what there is)")
        sys.exit(MISUSED)


def add_agent_dir(parser: argparse.ArgumentParser) -> None:
    """The agent's folder, spelt as the agent's own flag."""
    parser.add_argument(
        "-agentDir", "--agentDir", dest="agent_dir", default=BUILT_IN_AGENT_DIR, metavar="DIR",
        help="folder of the agent (default %(default)s)",
    )  # fmt: skip
