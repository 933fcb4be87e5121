"""Reading logs over WAMP: what becomes of the arguments (docs/contract/wamp.md 4.24-4.26)."""

from __future__ import annotations

from pathlib import Path

import pytest

from reagent.api.logs import Logs
from reagent.errors import BadRequest
from reagent.model.call import Call
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine

APP = "prod_77_vision"


class Told:
    """A history that says whose it is."""

    async def history(self, container: str) -> list[str]:
        return [f"history of {container}"]


def logs(engine: FakeEngine, agent_log: Path = Path("absent.log")) -> Logs:
    return Logs(Told(), engine, FakeClock(), agent_log=str(agent_log))


@pytest.mark.parametrize("name", [APP, f"/{APP}"])
async def test_a_container_is_found_by_the_name_that_the_engine_shows_too(name: str) -> None:
    engine = FakeEngine()
    engine.has_container(APP)
    engine.print(APP, ["tick"])

    window = await logs(engine).query_app_logs(Call(({"containerName": name},)))
    history = await logs(engine).get_app_log_history(Call(({"containerName": name},)))

    assert isinstance(window.args[0], dict)
    assert window.args[0]["source"] == "docker"
    assert history.args == ([f"history of {APP}"],)


@pytest.mark.parametrize("args", [(), (None,), ("nope",), ([],), ({"containerName": 123},)])
async def test_without_a_container_name_nothing_is_read(args: tuple[object, ...]) -> None:
    served = logs(FakeEngine())

    with pytest.raises(BadRequest):
        await served.get_app_log_history(Call(args))
    with pytest.raises(BadRequest):
        await served.query_app_logs(Call(args))


@pytest.mark.parametrize("args", [(), (None,), ({},)])
async def test_the_agents_own_log_needs_no_argument(
    args: tuple[object, ...], tmp_path: Path
) -> None:
    log = tmp_path / "reagent.log"
    log.write_text('{"level":"info","time":"2026-08-04T09:05:00Z","message":"joined"}\n')

    answer = await logs(FakeEngine(), log).query_device_logs(Call(args))

    assert isinstance(answer.args[0], dict)
    assert answer.args[0]["lines"] == ["2026-08-04T09:05:00Z INFO joined"]
