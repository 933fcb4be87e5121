from __future__ import annotations

import json

import pytest

from reagent.errors import BadRelease
from reagent.model.device import Identity
from reagent.updates import channel

VERSIONS = {"production": "1.2.0", "test": "1.3.0", "local": "1.4.0", "all": "1.1.0"}


def manifest(**versions: object) -> bytes:
    return json.dumps(versions).encode()


@pytest.mark.parametrize(
    ("environment", "version"),
    [("production", "1.2.0"), ("test", "1.3.0"), ("local", "1.4.0"), ("staging", "1.1.0")],
)
def test_a_channel_has_its_version_or_the_one_for_everybody(environment: str, version: str) -> None:
    assert channel.announced(manifest(**VERSIONS), environment) == version


@pytest.mark.parametrize("own", ["", None, 5, ["1.2.0"]])
def test_a_channel_whose_entry_is_empty_or_no_text_has_the_one_for_everybody(own: object) -> None:
    assert channel.announced(manifest(test=own, all="1.1.0"), "test") == "1.1.0"


def test_other_channels_may_hold_anything() -> None:
    assert channel.announced(manifest(test="1.3.0", extra={"a": [1]}), "test") == "1.3.0"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"<html>not found</html>", "no JSON: '<html>not found"),
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no object"),
        (b'"1.2.3"', "no object"),
        (b"null", "no object"),
        (b"{}", "names no version for 'production', and none for 'all'"),
        (b'{"test": "1.0.0"}', "names no version for 'production'"),
        (b'{"all": ""}', "names no version"),
    ],
)
def test_a_broken_version_file_is_refused_and_shown(body: bytes, says: str) -> None:
    with pytest.raises(BadRelease, match=r".*") as refused:
        channel.announced(body, "production")

    assert says in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("system", "arch", "path"),
    [
        ("linux", "amd64", "re-agent/linux/amd64/0.18.20/reagent"),
        ("windows", "amd64", "re-agent/windows/amd64/0.18.20/reagent.exe"),
        ("linux", "armv7", "re-agent/linux/armv7/0.18.20/reagent"),
    ],
)
def test_where_an_executable_lies(system: str, arch: str, path: str) -> None:
    url = channel.executable_url("https://b.example/dl", "0.18.20", system=system, arch=arch)

    assert url == f"https://b.example/dl/{path}"


def test_where_the_tunnel_client_of_windows_lies() -> None:
    url = channel.object_url(
        "https://b", "re-agent/frpc", "frpc", "0.70.0", system="windows", arch="amd64"
    )

    assert url == "https://b/re-agent/frpc/windows/amd64/0.70.0/frpc.exe"


def test_the_device_files_base_comes_before_the_flags() -> None:
    stock, own = Identity(serial_number="1"), Identity(serial_number="1", update_url="http://own/")

    assert channel.base_of(stock, "https://flag.example/") == "https://flag.example"
    assert channel.base_of(own, "https://flag.example") == "http://own"
    assert channel.manifest_url("http://own") == "http://own/re-agent/availableVersions.json"


DIGEST = "ab" * 32


@pytest.mark.parametrize(
    "sidecar",
    [f"{DIGEST}\n", DIGEST, f"  {DIGEST.upper()}\r\n", f"{DIGEST}  reagent\n",
     f"{DIGEST}  reagent\n# {'x' * 5000}\n"],
)  # fmt: skip
def test_a_checksum_is_the_first_word(sidecar: str) -> None:
    assert channel.digest_in(sidecar.encode()) == DIGEST


@pytest.mark.parametrize(
    "sidecar",
    [b"", b"\n", b"<!DOCTYPE html>", DIGEST[:-1].encode(), f"{DIGEST}0".encode(), b"g" * 64,
     b"\xff" * 64, f"sha256:{DIGEST}".encode(), b" " * 1024 + DIGEST.encode()],
)  # fmt: skip
def test_what_is_no_checksum_is_refused(sidecar: bytes) -> None:
    with pytest.raises(BadRelease, match="holds no SHA-256"):
        channel.digest_in(sidecar)
