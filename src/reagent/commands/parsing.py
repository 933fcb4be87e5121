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
    """The agent's folder, spelt as the agent's own flag; by default what a service has."""
    parser.add_argument(
        "-agentDir", "--agentDir", dest="agent_dir", default=_agent_dir(), metavar="DIR",
        help="folder of the agent (default %(default)s)",
    )  # fmt: skip


def _agent_dir() -> str:
    if sys.platform == "win32":
        import os  # noqa: PLC0415 - on Windows alone

        from reagent.commands.windows.order import built_in_agent_dir  # noqa: PLC0415 - see above

        return built_in_agent_dir(os.environ) or BUILT_IN_AGENT_DIR
    return BUILT_IN_AGENT_DIR
