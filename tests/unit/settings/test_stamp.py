"""reagent.settings.stamp: what a source tree says about itself."""

from reagent import resources
from reagent.settings import stamp


def test_the_version_is_the_one_place_where_it_stands() -> None:
    assert resources.read("version.txt").decode().strip() == stamp.VERSION


def test_the_architecture_is_one_of_the_platforms_words() -> None:
    assert stamp.ARCH in {"amd64", "arm64", "armv7", "armv6", "armv5", "386", "riscv64"}


def test_a_source_tree_calls_itself_one() -> None:
    assert stamp.FREEZER == "source"
