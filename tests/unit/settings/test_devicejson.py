"""reagent.settings.devicejson: a device file's text, read and written as Go's JSON does."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reagent.settings import devicejson

ORDER = [
    "name",
    "secret",
    "board",
    "status",
    "password",
    "wlanssid",
    "swarm_key",
    "device_key",
    "swarm_name",
    "description",
    "architecture",
    "serial_number",
    "authentication",
    "swarm_owner_name",
    "config_passphrase",
    "device_endpoint_url",
    "docker_registry_url",
    "docker_main_repository",
]


def rewritten(text: str) -> str:
    return devicejson.encode(devicejson.decode(text.encode())).decode()


def test_every_key_is_written_in_the_platforms_order_even_when_empty() -> None:
    written = json.loads(rewritten("{}"))

    assert list(written) == ORDER
    assert written["description"] is None
    assert written["board"] == {
        "cpu": "",
        "docs": None,
        "board": "",
        "model": "",
        "boardname": "",
        "modelname": "",
        "reflasher": False,
        "architecture": "",
    }
    assert written["authentication"] == {"key": "", "certificate": ""}
    assert written["swarm_key"] == 0


def test_four_keys_are_left_out_when_empty_and_stand_in_their_place_otherwise() -> None:
    optional = ("environment", "insecure-registries", "appliance_domain", "update_url")

    empty = json.loads(rewritten(json.dumps(dict.fromkeys(optional, ""))))
    full = list(json.loads(rewritten(json.dumps(dict.fromkeys(optional, "x")))))

    assert not set(optional) & set(empty)
    assert full[15:] == [
        "device_endpoint_url",
        "environment",
        "docker_registry_url",
        "insecure-registries",
        "docker_main_repository",
        "appliance_domain",
        "update_url",
    ]


def test_the_text_is_gos_indented_json() -> None:
    text = rewritten('{"name": "a<b>&c\\u2028\\u2029ü\\t\\"", "x": [1, {}, []]}')

    assert text.startswith(
        '{\n "name": "a\\u003cb\\u003e\\u0026c\\u2028\\u2029ü\\t\\"",\n "secret": "",'
    )
    assert text.endswith('\n "x": [\n  1,\n  {},\n  []\n ]\n}')


def test_unknown_keys_survive_behind_the_known_ones_and_inside_the_board() -> None:
    text = '{"b_new": {"k": [1.5]}, "board": {"latestImages": [1], "model": "m"}, "a_new": 1}'

    written = json.loads(rewritten(text))

    assert list(written)[-2:] == ["b_new", "a_new"]
    assert written["b_new"] == {"k": [1.5]}
    assert list(written["board"])[-1] == "latestImages"
    assert written["board"]["model"] == "m"


def test_keys_match_in_any_case_and_the_last_of_twins_counts() -> None:
    document = devicejson.decode(b'{"Serial_Number": "a", "SECRET": "s", "serial_number": "b"}')

    assert devicejson.value(document, "serial_number") == "b"
    assert devicejson.value(document, "secret") == "s"
    assert "SECRET" not in json.loads(devicejson.encode(document))


@pytest.mark.parametrize(
    ("key", "wrong", "zero"),
    [
        ("swarm_key", '"42"', 0),
        ("swarm_key", "42.0", 0),
        ("swarm_key", "true", 0),
        ("swarm_key", "9223372036854775808", 0),
        ("name", "5", ""),
        ("name", "null", ""),
        ("secret", '["s"]', ""),
    ],
)
def test_a_value_of_the_wrong_type_is_the_zero_value_and_the_rest_is_read(
    key: str, wrong: str, zero: object
) -> None:
    document = devicejson.decode(f'{{"{key}": {wrong}, "serial_number": "s"}}'.encode())

    assert devicejson.value(document, key) == zero
    assert devicejson.value(document, "serial_number") == "s"


def test_a_board_of_the_wrong_type_has_no_model() -> None:
    document = devicejson.decode(b'{"board": "x", "serial_number": "s"}')

    assert devicejson.value(document, "board", "model") == ""
    assert devicejson.misfits(document) == ["board"]


def test_a_wrong_type_stays_in_the_file_until_somebody_replaces_it() -> None:
    text = '{"password": 12345678, "board": {"reflasher": "yes"}}'

    written = json.loads(rewritten(text))

    assert written["password"] == 12345678
    assert written["board"]["reflasher"] == "yes"
    assert devicejson.misfits(devicejson.decode(text.encode())) == ["password", "board.reflasher"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"1",
        b"{",
        b'{"hush": "x"',
        b'{"hush": "x"}\0\0\0',
        b'{"hush": "x"} {"hush": "y"}',
        b'{"hush": NaN}',
        b'{"hush": -Infinity}',
        b'{"hush": "tab\there"}',
        b'{"hush": ' + b"[" * 200_000,
        b'{"swarm_key": ' + b"1" * 5000 + b"}",
        '{"hush": "x"}'.encode("utf-16"),
        b"\xef\xbb\xbf",
    ],
    ids=lambda content: repr(content[:24]),
)
def test_what_is_not_exactly_one_object_is_refused_without_quoting_it(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^(it |Exceeds)") as refusal:
        devicejson.decode(content)

    assert "hush" not in str(refusal.value)


def test_the_mark_that_windows_editors_write_is_no_fault() -> None:
    document = devicejson.decode(b'\xef\xbb\xbf{"name": "x"}')

    assert devicejson.value(document, "name") == "x"


def test_bytes_and_escapes_that_are_no_text_become_the_replacement_character() -> None:
    assert json.loads(rewritten('{"name": "a\\ud800b"}'))["name"] == "a\ufffdb"
    assert devicejson.value(devicejson.decode(b'{"name": "a\xffb"}'), "name") == "a\ufffdb"


texts = st.text(st.characters(exclude_categories=["Cs"]))
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(texts, anything, max_size=5))
def test_whatever_stands_there_survives_a_second_reading(found: dict[str, object]) -> None:
    once = devicejson.decode(json.dumps(found).encode())

    again = devicejson.decode(devicejson.encode(once))

    assert again == once
    unknown = {name for name in found if name.lower() not in {key.name for key in devicejson.KEYS}}
    assert {name: again[name] for name in unknown} == {name: found[name] for name in unknown}


def test_half_a_character_is_none_in_what_is_read_either() -> None:
    read = devicejson.decode(
        b'{"serial_number":"a\\ud800b","secret":"\\ud83e\\udd84","board":{"model":"\\udfff"}}'
    )

    assert read["serial_number"] == "a\ufffdb"
    assert read["secret"] == "\U0001f984"
    assert devicejson.value(read, "board", "model") == "\ufffd"


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
def test_a_number_that_no_float_holds_leaves_a_file_that_can_be_read_again(number: str) -> None:
    once = rewritten(f'{{"serial_number":"s","description":{number},"mine":[{number},1.5]}}')

    again = devicejson.decode(once.encode())

    assert again["serial_number"] == "s"
    assert again["mine"] == [None, 1.5]
