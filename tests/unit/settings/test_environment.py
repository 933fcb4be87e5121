"""reagent.settings.environment: docs/contract/system.md 4.1 and 10.2."""

import pytest

from reagent.model.device import Identity
from reagent.settings.environment import environment


@pytest.mark.parametrize(
    ("word", "endpoint", "channel"),
    [
        ("production", "wss://cbw.datapods.io/ws-re-dev", "production"),
        ("staging", "", "staging"),
        ("", "wss://cbw.datapods.io/ws-re-dev", "test"),
        ("", "wss://cbw.record-evolution.com/ws-re-dev", "production"),
        ("", "wss://cbw.ironflock.com/ws-re-dev", "production"),
        ("", "wss://cbw.datapods.ironflock.com/ws", "test"),
        ("", "ws://localhost:8080/ws", "local"),
        ("", "", "local"),
    ],
)
def test_the_channel_is_the_files_word_or_follows_from_the_endpoint(
    word: str, endpoint: str, channel: str
) -> None:
    identity = Identity(serial_number="s", environment=word, device_endpoint_url=endpoint)

    assert environment(identity) == channel
