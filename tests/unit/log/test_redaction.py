"""reagent.log.redaction: nothing secret in a line, and the rest of it readable."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from reagent import log
from reagent.log.redaction import forget, hide, protect, shown


@pytest.fixture(autouse=True)
def nothing_protected() -> Iterator[None]:
    forget()
    yield
    forget()


def test_a_protected_value_is_cut_out_of_text_fields_and_nested_values() -> None:
    protect("hunter22")

    assert hide("login with hunter22 failed") == "login with [redacted] failed"
    assert shown("reply", {"a": ["x hunter22"], "hunter22": 1}) == {
        "a": ["x [redacted]"],
        "[redacted]": 1,
    }
    assert shown("error", ValueError("bad hunter22")) == "bad [redacted]"


def test_a_secret_is_found_inside_json_and_repr_too() -> None:
    secret = 'a"b\\c\n'.strip() + "ü"
    protect(secret)

    assert "b" not in hide(json.dumps(secret))
    assert "b" not in hide(repr(secret))


def test_each_line_of_a_key_is_protected_and_its_frame_is_not() -> None:
    protect("-----BEGIN KEY-----\nMIIEline1\nline2line2\n-----END KEY-----\n")

    assert hide("-----BEGIN KEY----- MIIEline1") == "-----BEGIN KEY----- [redacted]"
    assert hide("x line2line2") == "x [redacted]"


def test_a_longer_secret_is_cut_before_the_one_it_begins_with() -> None:
    protect("abcd")
    protect("abcdefgh")

    assert hide("abcdefgh abcd") == "[redacted] [redacted]"


def test_too_short_a_value_does_not_cut_words_apart() -> None:
    protect("", "a", "abc")

    assert hide("abc a") == "abc a"


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "wifi_password",
        "Secret",
        "DEVICE_SECRET",
        "token",
        "identitytoken",
        "cred_key",
        "Authorization",
        "private_key",
        "config_passphrase",
    ],
)
def test_a_field_that_names_a_secret_is_not_shown(name: str) -> None:
    assert shown(name, "x") == "[redacted]"
    assert shown(name, 123) == "[redacted]"
    assert shown("outer", {name: {"a": 1}, "b": 2}) == {name: "[redacted]", "b": 2}


@pytest.mark.parametrize("name", ["app_key", "device_key", "swarm_key", "release_key", "key"])
def test_the_platforms_numbers_are_no_secrets(name: str) -> None:
    assert shown(name, 42) == 42


def test_of_an_environment_only_its_size_is_shown() -> None:
    assert shown("environment", {"A": "1", "B": "2"}) == "[2 variables]"
    assert shown("app", {"environment_variables": {"A": 1}, "env": ["A=1"]}) == {
        "environment_variables": "[1 variables]",
        "env": "[1 variables]",
    }
    assert shown("environment", "production") == "production"


def test_the_login_of_a_url_is_cut_out() -> None:
    assert hide("proxy http://user:pw@host:80/x and https://host/a@b ok") == (
        "proxy http://[redacted]@host:80/x and https://host/a@b ok"
    )


def test_what_is_nested_without_end_or_endless_is_cut_off() -> None:
    endless: dict[str, object] = {}
    endless["again"] = endless

    assert "[...]" in str(shown("x", endless))
    assert len(hide("x" * 1_000_000)) < 70_000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    secret=st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=8),
    before=st.text(),
    after=st.text(),
)
def test_no_line_ever_contains_a_protected_value(secret: str, before: str, after: str) -> None:
    secret = secret.strip()
    assume(len(secret) >= 8 and not secret.startswith("-----") and secret not in "[redacted]")
    written: list[log.Entry] = []
    log.configure(sinks=[written.append])
    protect(secret)

    log.get("x").info(before + secret + after, field=[before, secret], error=OSError(secret))

    line = json.loads(written[0].json())
    assert secret not in line["message"].replace("[redacted]", "")
    assert secret not in line["error"].replace("[redacted]", "")
    log.reset()
