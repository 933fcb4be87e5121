"""reagent.launcher: the place where the version is chosen."""

from reagent.launcher import Decision, decide
from reagent.settings.flags import Flags


def test_the_process_that_asks_is_the_one_that_runs() -> None:
    assert decide(Flags()) is Decision.RUN_HERE
