from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime

import pytest

from reagent.contracts.engine import Lines
from reagent.errors import BadRequest, EngineFailed, EngineUnavailable, RecordNotFound
from reagent.logs.query import query_app_logs, stamp, without_header
from tests.fakes.engine import FakeEngine

APP = "prod_77_vision"
START = datetime.fromisoformat("2026-08-04T09:00:00Z").timestamp()
NOW = START + 900


class Engine(FakeEngine):
    """Remembers how it was asked for logs; `generous` gives more lines than it was asked for."""

    def __init__(self) -> None:
        super().__init__(now=lambda: self.time)
        self.time = START
        self.queries: list[dict[str, object]] = []
        self.generous = False

    def logs(
        self,
        name_or_id: str,
        *,
        follow: bool,
        tail: str = "all",
        since: str = "",
        until: str = "",
        timestamps: bool = False,
    ) -> AbstractAsyncContextManager[Lines]:
        self.queries.append(
            {
                "follow": follow,
                "tail": tail,
                "since": since,
                "until": until,
                "timestamps": timestamps,
            }
        )
        return super().logs(
            name_or_id,
            follow=follow,
            tail="all" if self.generous else tail,
            since=since,
            until=until,
            timestamps=timestamps,
        )

    def has_lines(self, count: int) -> None:
        """A container that printed `line-0`, `line-1`..., one a second from 09:00 on."""
        self.has_container(APP)
        for number in range(count):
            self.time = START + number
            self.print(APP, [f"line-{number}"])


class Broken:
    """Lines that end in an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def __aiter__(self) -> AsyncIterator[list[str]]:
        yield ["one"]
        raise self.error


async def nothing(container: str) -> list[str]:
    raise RecordNotFound("no logs found")


async def stored(container: str) -> list[str]:
    return ["stored-1", "stored-2", "stored-3"]


async def query(engine: FakeEngine, **request: object) -> dict[str, object]:
    return await query_app_logs(engine, nothing, {"containerName": APP, **request}, NOW)


def texts(answer: dict[str, object]) -> list[str]:
    lines = answer["lines"]
    assert isinstance(lines, list)
    return [str(line).rpartition(" ")[2] for line in lines]


@pytest.mark.parametrize("tail", [3, 3.0, "3"])
async def test_the_newest_lines_are_answered_with_their_stamps(tail: object) -> None:
    engine = Engine()
    engine.has_lines(10)

    answer = await query(engine, tail=tail)

    assert answer == {
        "lines": [f"2026-08-04T09:00:0{number}.000000000Z line-{number}" for number in (7, 8, 9)],
        "source": "docker",
        "returned": 3,
        "truncated": False,
        "device_time": "2026-08-04T09:15:00Z",
        "oldest_available": "2026-08-04T09:00:00Z",
    }


async def test_more_lines_than_wanted_are_cut_and_said_so() -> None:
    engine = Engine()
    engine.generous = True
    engine.has_lines(10)

    answer = await query(engine, tail=3)

    assert texts(answer) == ["line-7", "line-8", "line-9"]
    assert answer["truncated"] is True


async def test_an_offset_skips_the_newest() -> None:
    engine = Engine()
    engine.has_lines(10)

    assert texts(await query(engine, tail=3, offset=2)) == ["line-5", "line-6", "line-7"]


async def test_an_offset_beyond_the_log_leaves_nothing() -> None:
    engine = Engine()
    engine.has_lines(5)

    answer = await query(engine, tail=3, offset=50)

    assert (answer["lines"], answer["returned"]) == ([], 0)


async def test_a_window_without_lines_is_an_empty_list() -> None:
    engine = Engine()
    engine.has_container(APP)

    answer = await query(engine)

    assert answer["lines"] == []
    assert "oldest_available" not in answer


async def test_the_engine_is_asked_for_five_thousand_lines_at_most() -> None:
    engine = Engine()
    engine.has_lines(1)

    await query(engine, tail=200, offset=1_000_000)

    assert engine.queries[0]["tail"] == "5000"


async def test_the_engine_is_asked_for_the_window() -> None:
    engine = Engine()
    engine.has_lines(1)

    await query(engine, since="2026-08-04T11:00:00+02:00", until="15m", tail=50)

    assert engine.queries[0] == {
        "follow": False,
        "tail": "50",
        "since": "2026-08-04T09:00:00Z",
        "until": "2026-08-04T09:00:00Z",
        "timestamps": True,
    }


async def test_without_stamps_the_oldest_is_known_all_the_same() -> None:
    engine = Engine()
    engine.has_lines(4)

    answer = await query(engine, timestamps=False)

    assert answer["lines"] == ["line-0", "line-1", "line-2", "line-3"]
    assert answer["oldest_available"] == "2026-08-04T09:00:00Z"
    assert engine.queries[0]["timestamps"] is False
    assert engine.queries[1] == {
        "follow": False,
        "tail": "all",
        "since": "",
        "until": "",
        "timestamps": True,
    }


async def test_a_duration_is_a_bound() -> None:
    engine = Engine()
    engine.has_lines(1)

    await query(engine, since="30m")

    assert engine.queries[0]["since"] == "2026-08-04T08:45:00Z"


async def test_a_container_that_is_gone_answers_from_its_history_whatever_the_window() -> None:
    request = {"containerName": APP, "tail": 2, "since": "2026-08-04T09:14:00Z"}

    answer = await query_app_logs(Engine(), stored, request, NOW)

    assert answer == {
        "lines": ["stored-2", "stored-3"],
        "source": "history",
        "returned": 2,
        "truncated": True,
        "device_time": "2026-08-04T09:15:00Z",
    }


async def test_a_container_that_is_being_removed_answers_from_its_history() -> None:
    engine = Engine()
    engine.refuse("logs", "can not get logs from container which is dead or marked for removal")

    answer = await query_app_logs(engine, stored, {"containerName": APP}, NOW)

    assert answer["source"] == "history"


async def test_without_a_history_the_engine_s_answer_is_the_answer() -> None:
    with pytest.raises(Exception, match="No such container"):
        await query(Engine())


async def test_any_other_trouble_of_the_engine_is_never_hidden() -> None:
    engine = Engine()
    engine.refuse("logs", "permission denied while trying to connect")

    with pytest.raises(EngineFailed, match="permission denied"):
        await query_app_logs(engine, stored, {"containerName": APP}, NOW)


async def test_an_engine_that_is_away_is_never_hidden() -> None:
    engine = Engine()
    engine.go_down()

    with pytest.raises(EngineUnavailable):
        await query_app_logs(engine, stored, {"containerName": APP}, NOW)


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        ({}, "containerName"),
        ({"containerName": "  "}, "containerName"),
        ({"containerName": 5}, "containerName"),
        ({"containerName": APP, "tail": -5}, "tail"),
        ({"containerName": APP, "offset": "many"}, "offset"),
        ({"containerName": APP, "since": "yesterday"}, "since"),
        ({"containerName": APP, "until": 5}, "until"),
        ({"containerName": APP, "timestamps": "yes"}, "timestamps"),
    ],
)
async def test_a_wrong_field_is_named_before_anything_is_read(
    request_: dict[str, object], named: str
) -> None:
    engine = Engine()

    with pytest.raises(BadRequest, match=named):
        await query_app_logs(engine, nothing, request_, NOW)

    assert engine.asked == []


async def test_null_is_as_good_as_absent() -> None:
    engine = Engine()
    engine.has_lines(1)

    answer = await query(engine, tail=None, offset=None, since=None, until="", timestamps=None)

    assert answer["returned"] == 1


async def test_an_answer_stays_within_its_bytes() -> None:
    engine = Engine()
    engine.has_container(APP)
    engine.print(APP, ["x" * 1_000_000] * 10)

    answer = await query(engine, timestamps=False)

    assert answer["returned"] == 4
    assert answer["truncated"] is True


async def test_a_read_that_breaks_is_an_error() -> None:
    class Breaking(FakeEngine):
        @asynccontextmanager
        async def logs(self, *_: object, **__: object) -> AsyncIterator[Lines]:
            yield Broken(EngineUnavailable("gone"))

    with pytest.raises(EngineUnavailable):
        await query(Breaking())


@pytest.mark.parametrize("header", ["", "\1\0\0\0\0\0\0\x2f", "\2\0\0\0\0\0\0\ufffd"])
def test_a_stamp_is_read_behind_a_frame_header_too(header: str) -> None:
    line = f"{header}2026-08-04T09:12:04.123456789Z text"

    assert stamp(line) == 1785834724_123456789
    assert without_header(line) == "2026-08-04T09:12:04.123456789Z text"


@pytest.mark.parametrize("line", ["", "no stamp here", "\1\0\0\0", "\3\0\0\0\0\0\0\0text"])
def test_a_line_without_a_stamp_has_none(line: str) -> None:
    assert stamp(line) is None
    assert without_header(line) == line
