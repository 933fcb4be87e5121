"""reagent.launcher: the place where the version is chosen."""

from reagent.launcher import answer_launch_check
from reagent.settings import stamp


def test_a_version_that_would_start_says_so() -> None:
    assert answer_launch_check(b"") == f"ready {stamp.VERSION}"
