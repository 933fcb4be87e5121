"""The Authenticode signature: what osslsigncode is told, and that it is a signature."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from reagent_build.errors import BuildError
from reagent_build.plan import Facts, plan
from reagent_build.signing import Signing, chosen, command, holds, sign
from reagent_build.targets import Target

needs_tools = pytest.mark.skipif(
    not (shutil.which("osslsigncode") and shutil.which("openssl")),
    reason="osslsigncode and openssl sign and judge",
)


@dataclass(frozen=True)
class Authority:
    """A root made for a test, and a signer whom it vouches for."""

    root: Path
    certificate: Path
    key: Path


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("authority")
    root, root_key = folder / "root.pem", folder / "root.key"
    leaf, key, request = folder / "leaf.pem", folder / "leaf.key", folder / "leaf.csr"
    uses = folder / "uses"
    uses.write_text("extendedKeyUsage=codeSigning\nkeyUsage=digitalSignature\n")
    _openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=Test Root",
        "-keyout", str(root_key), "-out", str(root),
    )  # fmt: skip
    _openssl(
        "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/O=Test/CN=Test Signer",
        "-keyout", str(key), "-out", str(request),
    )  # fmt: skip
    _openssl(
        "x509", "-req", "-in", str(request), "-CA", str(root), "-CAkey", str(root_key),
        "-CAcreateserial", "-days", "20", "-extfile", str(uses), "-out", str(leaf),
    )  # fmt: skip
    key.chmod(0o600)
    return Authority(root, leaf, key)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program for Windows with something behind it, as PyInstaller makes them."""
    head = bytearray(0x400)
    head[:2], head[0x3C:0x40] = b"MZ", (0x80).to_bytes(4, "little")
    # PE32+ for amd64 with one section; what a signer looks at and nothing more.
    coff = b"PE\0\0" + bytes.fromhex("6486 0100 00000000 00000000 00000000 f000 2200")
    optional = bytearray(240)
    optional[:2] = b"\x0b\x02"
    optional[0x20:0x28] = (0x1000).to_bytes(4, "little") + (0x200).to_bytes(4, "little")
    optional[0x38:0x40] = (0x2000).to_bytes(4, "little") + (0x400).to_bytes(4, "little")
    optional[0x6C:0x70] = (16).to_bytes(4, "little")
    section = b".text\0\0\0" + b"".join(
        number.to_bytes(4, "little") for number in (0x200, 0x1000, 0x200, 0x400)
    ) + bytes(16)  # fmt: skip
    head[0x80 : 0x80 + len(coff + optional + section)] = coff + optional + section
    file = tmp_path / "program.exe"
    file.write_bytes(bytes(head) + bytes(0x200) + b"what is carried" * 100 + bytes(4))
    return file


def _verified(file: Path, root: Path) -> str:
    command = ["osslsigncode", "verify", "-CAfile", str(root), "-in", str(file)]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def _signing(authority: Authority, password: Path | None = None) -> Signing:
    return Signing(
        certificate=authority.certificate, key=authority.key, password=password, timestamps=()
    )


@needs_tools
def test_what_is_signed_verifies_with_the_authority_and_no_other(
    authority: Authority, program: Path
) -> None:
    before = program.read_bytes()

    sign(_signing(authority), program)

    assert before != program.read_bytes()
    assert "Signature verification: ok" in _verified(program, authority.root)
    other = _verified(program, Path("/etc/ssl/certs/ca-certificates.crt"))
    assert "Signature verification: failed" in other


@needs_tools
def test_a_flipped_byte_is_noticed(authority: Authority, program: Path) -> None:
    sign(_signing(authority), program)
    content = bytearray(program.read_bytes())
    content[content.index(b"carried")] ^= 1
    program.write_bytes(content)

    said = _verified(program, authority.root)

    assert not holds(said)
    assert "Signature verification: ok" not in said


@needs_tools
def test_a_key_that_does_not_fit_leaves_the_file_as_it_was(
    authority: Authority, program: Path, tmp_path: Path
) -> None:
    before = program.read_bytes()
    stranger = tmp_path / "stranger.key"
    _openssl("genrsa", "-out", str(stranger), "2048")
    wrong = Signing(certificate=authority.certificate, key=stranger, password=None, timestamps=())

    with pytest.raises(BuildError, match="it cannot be signed"):
        sign(wrong, program)

    assert program.read_bytes() == before
    assert list(tmp_path.glob("*.signed")) == []


@needs_tools
def test_an_encrypted_key_is_opened_by_a_file(
    authority: Authority, program: Path, tmp_path: Path
) -> None:
    password, locked = tmp_path / "password", tmp_path / "locked.key"
    password.write_text("open sesame\n")
    _openssl(
        "rsa", "-aes256", "-in", str(authority.key), "-out", str(locked),
        "-passout", f"file:{password}",
    )  # fmt: skip
    signing = Signing(
        certificate=authority.certificate, key=locked, password=password, timestamps=()
    )

    sign(signing, program)

    assert "Signature verification: ok" in _verified(program, authority.root)
    assert "open sesame" not in " ".join(command(signing, program, program))


def _private(path: Path, content: str = "x") -> Path:
    path.write_text(content)
    path.chmod(0o600)
    return path


def test_no_secret_stands_on_the_command_line(tmp_path: Path) -> None:
    signing = Signing(
        certificate=tmp_path / "c.pem",
        key=tmp_path / "k.pem",
        password=tmp_path / "p",
        timestamps=("http://a", "http://b"),
    )

    words = command(signing, tmp_path / "in", tmp_path / "out")

    assert words[words.index("-readpass") + 1] == str(tmp_path / "p")
    assert words.count("-ts") == 2
    assert "-pass" not in words


def test_one_file_may_hold_certificate_and_key(tmp_path: Path) -> None:
    both = _private(tmp_path / "both.pfx")

    signing = chosen(str(both), None, {}) if shutil.which("osslsigncode") else None

    if signing is not None:
        assert "-pkcs12" in command(signing, both, both)
        assert "-key" not in command(signing, both, both)


def test_nothing_named_is_nothing_signed() -> None:
    assert chosen(None, None, {}) is None


def test_what_cannot_be_used_is_refused_before_anything_begins(tmp_path: Path) -> None:
    certificate = tmp_path / "c.pem"
    certificate.write_text("x")
    open_key = tmp_path / "open.key"
    open_key.write_text("x")
    open_key.chmod(0o644)

    for named, key, said in (
        (str(certificate), None, "no key"),
        (None, "k.pem", "no certificate"),
        (str(certificate), str(tmp_path / "gone"), "no such file"),
        (str(certificate), str(open_key), "others may read it"),
        (str(tmp_path / "gone.pem"), str(open_key), "no such file"),
    ):
        with pytest.raises(BuildError, match=said):
            chosen(named, key, {})


def test_the_plan_says_with_what_an_executable_for_windows_is_signed(tmp_path: Path) -> None:
    windows, linux = Target("windows", "amd64"), Target("linux", "amd64")
    signing = Signing(certificate=tmp_path / "ours.pem", key=None, password=None, timestamps=())

    facts = Facts(
        version="1.2.3",
        commit="0123456789abcdef",
        machine=linux,
        engine="20.10.24",
        engine_refusal="",
        freezers=frozenset(("static", "wine")),
        emulators=frozenset(),
        output=tmp_path,
    )

    unsigned = plan((windows, linux), facts, None)
    signed = plan((windows, linux), replace(facts, signing=signing), None)

    assert "Authenticode: none, no certificate was given" in str(unsigned[0])
    assert "Authenticode: signed with ours.pem, without a timestamp" in str(signed[0])
    assert "Authenticode" not in str(unsigned[1]) + str(signed[1])
    assert signed[1].signing is None
