"""reagent.settings.goflag, held against what Go's own flag package said.

`tests/data/go_flag_cases.json` holds command lines and what a Go program that declares the same
flags made of them: the values that were given, help, or the first line of its refusal.
"""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reagent.settings import goflag
from reagent.settings.flags import DECLARED, Flags, usage
from reagent.settings.goflag import BadValue, HelpWanted, String, UsageError

DATA = Path(__file__).parents[2] / "data"
CASES: list[dict[str, object]] = json.loads((DATA / "go_flag_cases.json").read_text("utf-8"))


def words_of(case: dict[str, object]) -> list[str]:
    words = case["words"]
    assert isinstance(words, list)
    return [str(word) for word in words]


def kind_of(case: dict[str, object]) -> str:
    return next(kind for kind in ("given", "error", "help") if kind in case)


@pytest.mark.parametrize("case", [case for case in CASES if kind_of(case) == "given"], ids=repr)
def test_a_command_line_means_what_it_means_to_go(case: dict[str, object]) -> None:
    changed = case["given"]
    assert isinstance(changed, dict)

    flags = Flags.parse(words_of(case))

    assert flags.described() == Flags().described() | changed


@pytest.mark.parametrize("case", [case for case in CASES if kind_of(case) == "error"], ids=repr)
def test_a_refusal_has_gos_words(case: dict[str, object]) -> None:
    with pytest.raises(UsageError) as refusal:
        Flags.parse(words_of(case))

    assert str(refusal.value) == case["error"]


@pytest.mark.parametrize("case", [case for case in CASES if kind_of(case) == "help"], ids=repr)
def test_help_is_given_where_go_gives_it(case: dict[str, object]) -> None:
    with pytest.raises(HelpWanted):
        Flags.parse(words_of(case))


def test_the_usage_is_gos_to_the_byte() -> None:
    assert usage("./rea gent") == (DATA / "go_flag_usage.txt").read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("10", 10),
        ("0x0a", 10),
        ("0b1010", 10),
        ("0o12", 10),
        ("012", 10),
        ("1_000", 1000),
        ("0", 0),
    ],
)
def test_a_number_is_read_in_every_notation_of_go(text: str, number: int) -> None:
    assert goflag.parse_uint(text) == number


@pytest.mark.parametrize("text", ["", "-1", "+1", " 1", "08", "0x", "_1", "1_", "1__0", "1.0", "٣"])
def test_what_is_no_number_to_go_is_none_here(text: str) -> None:
    with pytest.raises(BadValue, match=r"^parse error$"):
        goflag.parse_uint(text)


def test_a_number_wider_than_the_machine_is_out_of_range() -> None:
    assert goflag.parse_uint(str(goflag.LARGEST_UINT)) == goflag.LARGEST_UINT

    with pytest.raises(BadValue, match=r"^value out of range$"):
        goflag.parse_uint(str(goflag.LARGEST_UINT + 1))


def test_a_quoted_default_shows_what_cannot_be_printed() -> None:
    flag = String("x", "an x", default='a"\t\x00\udcffü\u2028')

    assert flag.described() == '  -x string\n    \tan x (default "a\\"\\t\\x00\\xffü\\u2028")\n'


def values_of(flag: goflag.Flag) -> st.SearchStrategy[bool | int | str]:
    if flag.kind is bool:
        return st.booleans()
    if flag.kind is int:
        return st.integers(0, goflag.LARGEST_UINT)
    return st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))


@given(st.data())
def test_what_was_written_as_flags_is_read_back(data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(sorted(DECLARED)), unique=True))
    wanted = {name: data.draw(values_of(DECLARED[name])) for name in chosen}
    words: list[str] = []
    for attribute, value in wanted.items():
        flag = DECLARED[attribute]
        dashes = data.draw(st.sampled_from(["-", "--"]))
        text = str(value).lower() if flag.kind is bool else str(value)
        if flag.kind is bool or data.draw(st.booleans()):
            words.append(f"{dashes}{flag.name}={text}")
        else:
            words += [f"{dashes}{flag.name}", text]

    flags = Flags.parse(words)

    assert flags.described() == Flags(**wanted).described()


@given(st.lists(st.text()))
def test_no_command_line_breaks_the_parser(words: list[str]) -> None:
    try:
        flags = Flags.parse(words)
    except (UsageError, HelpWanted):
        return

    assert flags.described().keys() == Flags().described().keys()
