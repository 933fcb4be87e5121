from __future__ import annotations

import pytest

from reagent.adapters.wamp.wire import frame


def unmask(payload: bytes, key: bytes) -> bytes:
    return bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, b"\x81\x80"),
        (1, b"\x81\x81"),
        (125, b"\x81\xfd"),
        (126, b"\x81\xfe\x00\x7e"),
        (65_535, b"\x81\xfe\xff\xff"),
        (65_536, b"\x81\xff\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_a_frame_says_its_length_and_is_masked(size: int, head: bytes) -> None:
    payload = bytes(index % 251 for index in range(size))

    raw = frame(1, payload, b"\x01\x02\x03\x04")

    assert raw[: len(head)] == head
    assert raw[len(head) : len(head) + 4] == b"\x01\x02\x03\x04"
    assert unmask(raw[len(head) + 4 :], b"\x01\x02\x03\x04") == payload
