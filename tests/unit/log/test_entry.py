"""reagent.log.entry: the two forms of an entry."""

import time
from collections.abc import Iterator

import pytest

from reagent.log import INFO, Entry
from reagent.log.entry import rfc3339

NOON = 1_790_000_000.9  # 2026-09-21T13:33:20Z


@pytest.fixture
def in_zone(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("in_zone", "text"),
    [
        ("UTC", "2026-09-21T14:13:20Z"),
        ("XYZ-2", "2026-09-21T16:13:20+02:00"),
        ("XYZ-5:45", "2026-09-21T19:58:20+05:45"),
        ("XYZ+3:30", "2026-09-21T10:43:20-03:30"),
    ],
    indirect=["in_zone"],
)
@pytest.mark.usefixtures("in_zone")
def test_time_is_local_with_its_offset_in_whole_seconds(text: str) -> None:
    assert rfc3339(NOON) == text


@pytest.mark.parametrize("in_zone", ["UTC"], indirect=True)
@pytest.mark.usefixtures("in_zone")
def test_a_person_reads_date_level_place_message_and_fields() -> None:
    entry = Entry(INFO, "app pulled", {"app": "x", "error": "not here"}, "a.py:1", NOON)

    assert entry.console() == (
        '2026-09-21 14:13:20 INF a.py:1 > app pulled app=x error="not here"\n'
    )


def test_the_line_is_compact_json_that_keeps_letters() -> None:
    entry = Entry(INFO, "größer", {"n": 1}, "a.py:1", NOON)

    assert entry.json().startswith(b'{"level":"info","n":1,"caller":"a.py:1","time":"')
    assert entry.json().endswith('","message":"größer"}\n'.encode())
