"""Every attack of the table is refused by the rule that it names, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from reagent.errors import ReagentError, Untrusted
from sandbox.bucket import Bucket
from tests.contract.attacks import ATTACKS, Attack, page
from tests.contract.trusting import Device, executable
from tests.fakes.repository import ONLINE, Repository

PAGE = Path(__file__).parents[2] / "docs/reference/attacks.md"


@pytest.fixture
async def device(tmp_path: Path) -> AsyncIterator[Device]:
    """It took 1.0.1 under the second root; 1.0.2 was rolled out since."""
    with Bucket(tmp_path / "buckets") as bucket:
        repository = Repository(bucket)
        repository.rotate("timestamp")
        repository.release("1.0.0", executable("1.0.0"))
        repository.before = repository.copy()
        repository.release("1.0.1", executable("1.0.1"))
        folder = tmp_path / "device"
        folder.mkdir()
        made = Device(folder, repository)
        await made.update()
        made.start()
        repository.now += timedelta(days=1)
        repository.release("1.0.2", executable("1.0.2"))
        yield made


def named(attack: Attack) -> str:
    return attack.name


@pytest.mark.parametrize("attack", ATTACKS, ids=named)
async def test_it_is_refused_by_its_rule(device: Device, attack: Attack) -> None:
    whole = device.repository.copy()
    attack.does(device)

    if attack.ends == "nothing new":
        assert (await device.update()).version == "1.0.2"
        return
    with pytest.raises(ReagentError) as refused:
        await device.update()

    error = refused.value
    assert attack.ends == (error.rule if isinstance(error, Untrusted) else error.slug), str(error)
    assert device.versions == {"1.0.1"}
    assert list((device.folder / "downloads").iterdir()) == []
    if isinstance(error, Untrusted):
        note = device.memory.record.refused
        assert note is not None
        assert note.rule == attack.ends
        assert f"refused by the rule {attack.ends}: " in str(error)

    if attack.mends:
        device.repository.bucket.heal()
        device.repository.show(whole)
        for name in device.repository.copy().keys() - whole.keys():
            device.repository.lose(name)
        assert (await device.update()).version == "1.0.2"
        assert device.memory.record.refused is None


@pytest.mark.parametrize("attack", ATTACKS, ids=named)
async def test_its_owner_gets_over_it_with_new_keys_and_a_new_release(
    device: Device, attack: Attack
) -> None:
    attack.does(device)
    with suppress(ReagentError):
        await device.update()

    repository = device.repository
    repository.bucket.heal()
    repository.signers.clear()
    repository.now += timedelta(days=1)
    for role in ONLINE:
        repository.rotate(role)
    repository.release("1.0.4", executable("1.0.4"))
    device.within = 10.0
    device.believe(repository.now)

    assert (await device.update()).version == "1.0.4"
    assert device.memory.record.refused is None


def test_the_page_shows_this_table() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert page() in text, "copy what tests.contract.attacks.page() returns into the page"
