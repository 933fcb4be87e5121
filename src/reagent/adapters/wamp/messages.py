"""Our words as WAMP messages, and the text of errors; pure (docs/contract/wamp.md 1.2, 1.5, 9.2).

Bytes never reach the serializer: it refuses them, because autobahn's would mark them with a NUL
that the platform does not expect. What is binary is sent as base64 text by who knows that it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from reagent.adapters.wamp.library import Message, make, message, role
from reagent.errors import CallFailed
from reagent.model.call import Answer

REALM = "realm1"
CANCELED = "wamp.error.canceled"
INVALID_ARGUMENT = "wamp.error.invalid_argument"
CLOSE_REALM = "wamp.close.close_realm"
GOODBYE_AND_OUT = "wamp.close.goodbye_and_out"
SYSTEM_SHUTDOWN = "wamp.close.system_shutdown"
INTERNAL = "internal error"


def encode(outgoing: Message) -> bytes:
    """What goes over the wire.

    Raises:
        CallFailed: the message holds what JSON has no word for.
    """
    try:
        text = _ENCODER.encode(outgoing.marshal())
    except (TypeError, ValueError, RecursionError) as error:
        raise CallFailed(f"this cannot be sent as JSON: {error}") from error
    # A lone surrogate, out of a file name for example, is worth a question mark, not the message.
    return text.encode("utf-8", "replace")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain
)

# What a client may announce and autobahn has words for; `caller_identification` of the callee is
# what privileges rest on.
_IDENTIFICATION = "publisher_identification"
_CALLS = ("call_canceling", "call_timeout", "caller_identification", "progressive_call_results")


def _features(kind: Callable[..., object], *names: str) -> object:
    return kind(**dict.fromkeys(names, True))


_ROLES = {
    "publisher": _features(
        role.RolePublisherFeatures,
        "subscriber_blackwhite_listing",
        "publisher_exclusion",
        _IDENTIFICATION,
    ),
    "subscriber": _features(
        role.RoleSubscriberFeatures, "pattern_based_subscription", _IDENTIFICATION
    ),
    "callee": _features(
        role.RoleCalleeFeatures, "pattern_based_registration", "shared_registration", *_CALLS
    ),
    "caller": _features(role.RoleCallerFeatures, *_CALLS),
}

authenticate = make(message.Authenticate)
goodbye = make(message.Goodbye)
call = make(message.Call)
publish = make(message.Publish)
subscribe = make(message.Subscribe)
unsubscribe = make(message.Unsubscribe)
unregister = make(message.Unregister)
_hello = make(message.Hello)
_register = make(message.Register)
_cancel = make(message.Cancel)
_yield = make(message.Yield)
_error = make(message.Error)

_INVOCATION: int = message.Invocation.MESSAGE_TYPE


def hello(authid: str) -> Message:
    """HELLO with nothing but who we are, how we prove it and what we can."""
    return _hello(REALM, _ROLES, authmethods=["wampcra"], authid=authid)


def register(request: int, procedure: str, *, force: bool) -> Message:
    """REGISTER; without `force` the options are empty."""
    return _register(request, procedure, force_reregister=True if force else None)


def cancel(request: int) -> Message:
    """CANCEL that does not wait for the callee."""
    return _cancel(request, mode="killnowait")


def success(request: int, answer: Answer) -> Message:
    """YIELD; what is empty is not sent."""
    return _yield(request, args=list(answer.args), kwargs=dict(answer.kwargs))


def failure(request: int, text: str) -> Message:
    """ERROR of a handler: one URI and one shape for all of them."""
    return _error(_INVOCATION, request, CANCELED, args=[{"error": text}])


def interrupted(request: int) -> Message:
    """ERROR after INTERRUPT or the timeout of the call: without arguments."""
    return _error(_INVOCATION, request, CANCELED)


def not_understood(request: int, text: str) -> Message:
    """ERROR for an invocation that is no proper one."""
    return _error(_INVOCATION, request, INVALID_ARGUMENT, args=[text])


def unknown_registration(request: int, registration: int) -> Message:
    """ERROR for an invocation of what we did not register."""
    return not_understood(request, f"no handler for registration {registration}")


def answer(reply: object) -> Answer:
    """RESULT, in our words."""
    if not isinstance(reply, message.Result):
        return Answer()
    return Answer(reply.args or (), reply.kwargs or {})


def number_in(reply: object, name: str) -> int:
    """The number of the registration or subscription that the router gave."""
    value: int = getattr(reply, name)
    return value


def error_text(uri: str, args: Sequence[object] | None, kwargs: Mapping[str, object] | None) -> str:
    """An ERROR in one line: its URI, then its arguments."""
    parts = [part if isinstance(part, str) else _shown(part) for part in args or ()]
    if kwargs:
        parts.append(_shown(kwargs))
    return f"{uri}: {', '.join(parts)}" if parts else uri


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
