"""What others say in their own way is understood as far as it is used (wamp.md 1.2, 1.3, 5.2)."""

from __future__ import annotations

import json

import pytest

from reagent.adapters.wamp import incoming
from reagent.adapters.wamp.library import ProtocolError, message


def read(*said: object) -> object:
    return incoming.decode(json.dumps(said).encode())


@pytest.mark.parametrize(
    ("authid", "caller"),
    [
        ("501", "501"),
        ("system", "system"),
        (501, "501"),
        (5.5, "5.5"),
        (True, "true"),
        ([1], "[1]"),
        (None, None),
    ],
)
def test_a_caller_is_known_by_the_text_of_his_name(authid: object, caller: str | None) -> None:
    said = read(68, 5, 99, {"caller_authid": authid, "caller": "nobody", "x": {}}, [1], {"k": 2})

    assert isinstance(said, message.Invocation)
    assert (said.caller_authid, said.args, said.kwargs) == (caller, [1], {"k": 2})


def test_a_timeout_that_is_no_number_of_milliseconds_is_none() -> None:
    said = read(68, 5, 99, {"timeout": "soon"})

    assert isinstance(said, message.Invocation)
    assert said.timeout is None


@pytest.mark.parametrize("uri", ["some reason", "", "Duplicate value", "a..b", 5, None])
def test_an_error_whose_name_is_no_uri_keeps_its_words(uri: object) -> None:
    bare = read(8, 48, 3, {}, uri)
    whole = read(8, 48, 3, {}, uri, ["why"], None)

    text = uri if isinstance(uri, str) else json.dumps(uri)
    assert isinstance(bare, message.Error)
    assert isinstance(whole, message.Error)
    assert (bare.error, bare.args) == (incoming.NO_URI, [text])
    assert (whole.error, whole.args) == (incoming.NO_URI, [text, "why"])


def test_an_error_with_a_uri_stays_as_it_is() -> None:
    said = read(8, 48, 3, {"callee": None}, "a.b", ["why"], {"k": 1})

    assert isinstance(said, message.Error)
    assert (said.error, said.args, said.kwargs) == ("a.b", ["why"], {"k": 1})


def test_an_abort_and_a_goodbye_may_have_a_reason_of_any_kind() -> None:
    silent = read(3, {}, "go away")
    telling = read(3, {"message": "you know why"}, "go away")
    goodbye = read(6, {"resumable": "x"}, "good bye")

    assert isinstance(silent, message.Abort)
    assert isinstance(telling, message.Abort)
    assert isinstance(goodbye, message.Goodbye)
    assert silent.message == "go away"
    assert telling.message == "you know why"


@pytest.mark.parametrize(
    "roles",
    [
        {"broker": {}},
        {"dealer": {"features": None}},
        {"broker": {"features": {"event_history": {"size": 3}}}, "dealer": {}, "oracle": {}},
    ],
)
def test_a_router_that_is_a_broker_or_a_dealer_lets_us_in(roles: dict[str, object]) -> None:
    said = read(2, 7, {"roles": roles, "authid": 5, "authextra": "x"})

    assert isinstance(said, message.Welcome)
    assert said.session == 7


@pytest.mark.parametrize("details", [{}, {"roles": {}}, {"roles": {"oracle": {}}}, {"roles": 5}])
def test_a_router_that_is_neither_does_not(details: dict[str, object]) -> None:
    with pytest.raises(ProtocolError):
        read(2, 7, details)


def test_results_and_events_may_say_that_there_are_no_keywords() -> None:
    result = read(50, 3, {"callee": None, "progress": None}, [True], None)
    event = read(36, 5, 6, {"publisher": None, "topic": "a.b"}, [1], None)

    assert isinstance(result, message.Result)
    assert isinstance(event, message.Event)
    assert (result.args, bool(result.progress)) == ([True], False)
    assert (event.topic, event.args) == ("a.b", [1])
