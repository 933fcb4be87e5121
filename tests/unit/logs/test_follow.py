from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from reagent.adapters.sqlite.store import open_store
from reagent.contracts.engine import Lines
from reagent.errors import Canceled, EngineFailed, EngineUnavailable
from tests.fakes.engine import FakeEngine
from tests.unit.logs.device import APP, Device, SwiftClock


class Records:
    """Lines of a pull: batches, then an end or an error."""

    def __init__(self, *batches: Sequence[str], error: Exception | None = None) -> None:
        self.batches = batches
        self.error = error

    async def __aiter__(self) -> AsyncIterator[list[str]]:
        for batch in self.batches:
            await asyncio.sleep(0)
            yield list(batch)
        if self.error is not None:
            raise self.error


class LateEnd(FakeEngine):
    """The first stream of a log ends when told to; the following ones never do."""

    def __init__(self) -> None:
        super().__init__()
        self.end = asyncio.Event()

    @asynccontextmanager
    async def logs(self, *_: object, **__: object) -> AsyncIterator[Lines]:
        number = sum(request.startswith("read ") for request in self.asked) + 1
        await self._enter(f"read {number}")
        yield self._run(number)

    async def _run(self, number: int) -> AsyncIterator[list[str]]:
        yield [f"run {number}"]
        await (self.end if number == 1 else asyncio.Event()).wait()


PULLING = json.dumps({"status": "Pulling fs layer", "id": "a1b2"})
BROKEN = json.dumps({"errorDetail": {"message": "unauthorized"}, "error": "unauthorized"})


# --- containers -----------------------------------------------------------------------------------


async def test_following_twice_reads_once(device: Device) -> None:
    device.engine.has_container(APP)

    await asyncio.gather(device.logs.follow(APP), device.logs.follow(APP))
    await device.logs.follow(APP)

    assert device.readers() == 1


async def test_nothing_to_follow_is_no_failure(device: Device) -> None:
    await device.logs.follow(APP)

    assert device.readers() == 0


async def test_following_returns_only_when_the_engine_delivers(device: Device) -> None:
    device.engine.has_container(APP)
    device.engine.hold("logs")
    following = asyncio.ensure_future(device.logs.follow(APP))
    await device.engine.until_asked(f"logs {APP}")
    await device.settled()
    before = following.done()

    device.engine.release("logs")
    await following

    assert not before


async def test_a_container_that_was_made_anew_is_read_from_its_first_line(device: Device) -> None:
    device.audience.bridge()
    device.engine.has_container(APP)
    device.engine.print(APP, ["old"])
    await device.logs.follow(APP)
    await device.until("old")

    device.engine.vanish(APP)
    device.engine.has_container(APP)
    device.engine.print(APP, ["new"])
    await device.logs.follow(APP)
    await device.until("new")

    assert device.lines() == ["old", "new"]


async def test_the_last_lines_of_the_old_container_come_before_the_new_one_s(
    device: Device,
) -> None:
    device.audience.bridge()
    device.engine.has_container(APP)
    await device.logs.follow(APP)
    await device.settled()

    device.engine.print(APP, ["last of the old"])
    device.engine.vanish(APP)
    device.engine.has_container(APP)
    device.engine.print(APP, ["first of the new"])
    await device.logs.follow(APP)
    await device.until("first of the new")

    assert device.lines() == ["last of the old", "first of the new"]


async def test_a_container_that_is_started_again_before_its_end_was_seen_is_read_again(
    tmp_path: Path,
) -> None:
    async with open_store(tmp_path / "reagent.db", SwiftClock()) as store:
        device = Device(store, engine := LateEnd())
        engine.has_container(APP)
        await device.logs.follow(APP)

        await device.logs.follow(APP)  # after a start that the reader knows nothing of
        engine.end.set()
        await engine.until_asked("read 2")
        await device.settled()

        assert await device.logs.history(APP) == ["run 1", "run 2"]
        await device.logs.close()


async def test_a_container_that_somebody_started_goes_on_where_its_log_ended(
    device: Device,
) -> None:
    device.audience.bridge()
    device.engine.has_container(APP)
    device.engine.print(APP, ["one"])
    await device.logs.follow(APP)
    device.engine.crash(APP)
    await device.until("one")
    await device.settled()

    device.clock.time += 1
    await device.engine.start(APP)
    device.engine.print(APP, ["two"])
    await device.logs.resume(APP)
    await device.until("two")
    await device.logs.resume(APP)
    await device.settled()

    assert device.lines() == ["one", "two"]


async def test_a_stream_that_ends_stores_the_last_hundred_entries(device: Device) -> None:
    device.engine.has_container(APP)
    await device.logs.follow(APP)
    await device.logs.notice(APP, "now running")
    device.engine.print(APP, [f"line-{number}" for number in range(99)])

    device.engine.crash(APP)
    await device.has_stored()

    assert await device.stored() == ["now running", *(f"line-{number}" for number in range(99))]


async def test_a_stream_that_ends_sends_what_waits(device: Device) -> None:
    device.audience.bridge()
    device.engine.has_container(APP)
    device.engine.print(APP, ["one", "two"])
    device.engine.crash(APP)

    await device.logs.follow(APP)
    await device.until("two")

    assert device.messages() == ["one\ntwo"]


async def test_a_container_of_which_nothing_was_heard_shows_its_last_lines_to_anybody(
    device: Device,
) -> None:
    device.engine.has_container(APP)
    device.engine.print(APP, [f"line-{number}" for number in range(60)])
    device.engine.refuse("logs", "the stream broke")

    await device.logs.follow(APP)
    await device.until("line-59")

    assert device.messages() == [f"line-{number}" for number in range(10, 60)]


async def test_a_silent_container_shows_nothing(device: Device) -> None:
    device.audience.bridge()
    device.engine.has_container(APP)
    await device.logs.follow(APP)

    device.engine.crash(APP)
    await device.settled()

    assert device.messages() == []


async def test_a_container_that_failed_to_start_is_read_to_its_end(device: Device) -> None:
    device.audience.bridge()
    device.engine.has_container(APP, status="exited")
    device.engine.print(APP, ["no such file", "giving up"])

    await device.logs.drain(APP)

    assert device.messages() == ["no such file\ngiving up"]
    assert await device.stored() == ["no such file", "giving up"]


async def test_draining_waits_for_a_container_that_still_runs(device: Device) -> None:
    device.audience.bridge()
    device.engine.has_container(APP)
    draining = asyncio.ensure_future(device.logs.drain(APP))
    await device.engine.until_asked(f"logs {APP}")

    device.engine.print(APP, ["giving up"])
    device.engine.crash(APP)
    await draining

    assert device.messages() == ["giving up"]


async def test_draining_a_container_that_is_followed_reads_nothing_twice(device: Device) -> None:
    device.audience.bridge()
    device.engine.has_container(APP)
    await device.logs.follow(APP)
    device.engine.print(APP, ["giving up"])
    device.engine.crash(APP)

    await device.logs.drain(APP)

    assert device.lines() == ["giving up"]
    assert device.readers() == 1


async def test_draining_a_container_that_never_ran_does_not_wait_for_it(device: Device) -> None:
    device.engine.has_container(APP, status="created")

    await device.logs.drain(APP)

    assert device.messages() == []


async def test_draining_nothing_is_no_failure(device: Device) -> None:
    await device.logs.drain(APP)
    device.engine.go_down()
    await device.logs.drain(APP)

    assert device.readers() == 0


# --- pulls ----------------------------------------------------------------------------------------


async def test_records_of_a_pull_go_out_as_they_came(device: Device) -> None:
    device.audience.bridge()

    await device.logs.stream(APP, Records([PULLING], ['{"status": "Done"}']))

    assert device.lines() == [PULLING, '{"status": "Done"}']
    assert await device.logs.history(APP) == [PULLING, '{"status": "Done"}']


async def test_a_pull_whose_last_record_is_an_error_fails_with_its_text(device: Device) -> None:
    device.audience.bridge()

    with pytest.raises(EngineFailed, match=r"^unauthorized$"):
        await device.logs.stream(APP, Records([PULLING, BROKEN]))

    assert device.lines() == [PULLING, BROKEN]
    assert await device.stored() == [PULLING, BROKEN]


@pytest.mark.parametrize(
    "last", ["", "text", "{", "[]", '{"error": ""}', '{"error": null}', '{"error": 5}']
)
async def test_any_other_last_line_is_success(device: Device, last: str) -> None:
    await device.logs.stream(APP, Records([PULLING, last]))

    assert (await device.logs.history(APP))[0] == PULLING


async def test_an_error_that_is_not_last_is_no_error(device: Device) -> None:
    await device.logs.stream(APP, Records([BROKEN, PULLING]))

    assert await device.logs.history(APP) == [BROKEN, PULLING]


@pytest.mark.parametrize(
    "error",
    [Canceled("closed"), EngineFailed("read tcp: use of closed network connection")],
)
async def test_a_pull_that_was_closed_on_purpose_is_canceled(
    device: Device, error: Exception
) -> None:
    with pytest.raises(Canceled):
        await device.logs.stream(APP, Records([PULLING], error=error))


async def test_a_pull_that_breaks_says_how(device: Device) -> None:
    with pytest.raises(EngineUnavailable, match="went away"):
        await device.logs.stream(APP, Records([PULLING], error=EngineUnavailable("went away")))


async def test_a_pull_is_read_while_the_old_version_is_followed(device: Device) -> None:
    device.audience.bridge()
    device.engine.has_container(APP)
    await device.logs.follow(APP)

    await device.logs.stream(APP, Records([PULLING]))
    device.engine.print(APP, ["still here"])
    await device.until("still here")

    assert device.lines() == [PULLING, "still here"]


async def test_a_pull_without_a_link_goes_on(device: Device) -> None:
    device.link.go_down()

    await device.logs.stream(APP, Records([PULLING]))

    assert device.sent == []
    assert await device.logs.history(APP) == [PULLING]


async def test_a_build_is_heard_through_a_reconnect(device: Device) -> None:
    class Build:
        def __init__(self) -> None:
            self.reconnected = asyncio.Event()

        async def __aiter__(self) -> AsyncIterator[list[str]]:
            yield ["step 1"]
            await self.reconnected.wait()
            yield ["step 2"]

    await device.logs.subscribe_meta()
    await device.audience.opens("pub_77_vision")
    build = Build()
    building = asyncio.ensure_future(device.logs.stream("pub_77_vision", build))
    await device.until("step 1", "pub_77_vision")

    device.link.go_down()
    device.audience.move()
    await device.reconnect(APP)
    build.reconnected.set()
    await building

    assert device.lines("pub_77_vision") == ["step 1", "step 2"]


async def test_a_pull_that_is_cancelled_stores_what_it_had(device: Device) -> None:
    class Endless:
        async def __aiter__(self) -> AsyncIterator[list[str]]:
            yield [PULLING]
            await asyncio.Event().wait()

    pulling = asyncio.ensure_future(device.logs.stream(APP, Endless()))
    await device.settled()

    pulling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pulling

    assert await device.stored() == [PULLING]
