"""docs/contract/wamp.md 1.3: the computed vectors."""

from __future__ import annotations

import pytest

from reagent.adapters.wamp import cra
from reagent.errors import DialFailed

SECRET = "demo-device-secret"
CHALLENGE = (
    '{"nonce":"n0nce-1","authprovider":"dynamic","authid":"17-4021",'
    '"timestamp":"2031-05-06T07:08:09.000Z","authrole":"device","authmethod":"wampcra",'
    '"session":7000000001}'
)
PLAIN = "SRMbpOlhNjrf1RM8bQVJo8zVSEqFTELlcF2t31munBY="
SALTED = "XN1ODSnNDAdzPlGXY9E/hNwtnTfTVqKDbp23cCxRJOs="


@pytest.mark.parametrize("salt", [{}, {"salt": ""}, {"salt": None}])
def test_without_a_salt_the_secret_signs(salt: dict[str, object]) -> None:
    assert cra.signature(SECRET, {"challenge": CHALLENGE, **salt}) == PLAIN


@pytest.mark.parametrize(
    "numbers", [{}, {"iterations": 0, "keylen": 0}, {"iterations": 1000, "keylen": 32}]
)
def test_with_a_salt_the_derived_key_signs(numbers: dict[str, object]) -> None:
    extra = {"challenge": CHALLENGE, "salt": "pepper-01", **numbers}

    assert cra.signature(SECRET, extra) == SALTED


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"challenge": 7},
        {"challenge": CHALLENGE, "salt": "s", "iterations": 10**12},
        {"challenge": CHALLENGE, "salt": "s", "iterations": -1},
        {"challenge": CHALLENGE, "salt": "s", "keylen": "32"},
    ],
)
def test_what_is_no_challenge_is_a_failed_dial(extra: dict[str, object]) -> None:
    with pytest.raises(DialFailed):
        cra.signature(SECRET, extra)
