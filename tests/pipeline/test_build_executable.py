"""The executable in build/out, as the build left it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reagent_build import probe
from reagent_build.checksum import sha256, sidecar
from reagent_build.targets import machine_target

REPOSITORY = Path(__file__).resolve().parents[2]
TARGET = machine_target(sys.platform, os.uname().machine)
EXECUTABLE = REPOSITORY / "build/out" / TARGET.file_name
BUDGET_BYTES = 24_000_000

pytestmark = [
    pytest.mark.frozen,
    pytest.mark.skipif(not EXECUTABLE.exists(), reason=f"{EXECUTABLE.name} is not built"),
]


def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [EXECUTABLE, *arguments], capture_output=True, text=True, check=False, env={}, timeout=20
    )


def in_its_runtime(program: str) -> str:
    if b"_reagent_importer" not in EXECUTABLE.read_bytes():
        pytest.skip("only the static executable carries its own runtime")
    done = probe.run(EXECUTABLE, program)
    assert done.stderr == ""
    return done.stdout


def test_it_says_the_version_and_the_architecture_it_was_built_for() -> None:
    version = (REPOSITORY / "src/reagent/version.txt").read_text()

    answers = ask("-version"), ask("-arch")

    assert [(done.returncode, done.stdout) for done in answers] == [
        (0, version),
        (0, TARGET.stamp + "\n"),
    ]


def test_its_sidecar_is_its_digest() -> None:
    assert sidecar(EXECUTABLE).read_text() == sha256(EXECUTABLE) + "\n"


def test_it_fits_its_budget_and_can_be_run_by_everybody() -> None:
    status = EXECUTABLE.stat()

    assert status.st_size <= BUDGET_BYTES
    assert status.st_mode & 0o777 == 0o755


def test_it_needs_no_loader_and_no_library() -> None:
    in_its_runtime("")

    said = subprocess.run(
        ["readelf", "--program-headers", EXECUTABLE], capture_output=True, text=True, check=True
    ).stdout
    assert "INTERP" not in said
    assert "DYNAMIC" not in said


def test_no_module_is_looked_for_in_folders() -> None:
    said = in_its_runtime("import sys; print(sys.path, [f.__name__ for f in sys.meta_path])")

    assert said == "[] ['Importer', 'BuiltinImporter', 'FrozenImporter']\n"


def test_the_words_it_was_started_with_are_the_applications_as_they_were_typed() -> None:
    assert "Usage of" in ask("-help").stderr
    assert str(EXECUTABLE) in ask("-help").stderr


def test_the_hosts_openssl_configuration_is_not_read(tmp_path: Path) -> None:
    in_its_runtime("")
    probe.make_probe(EXECUTABLE, tmp_path / "probe")
    (tmp_path / "openssl.cnf").write_text("openssl_conf = missing_section\n[broken\n")

    done = subprocess.run(
        [tmp_path / "probe"],
        input="import ssl; print(ssl.create_default_context().verify_mode)",
        capture_output=True,
        text=True,
        check=False,
        env={"OPENSSL_CONF": str(tmp_path / "openssl.cnf")},
        timeout=20,
    )

    assert (done.stdout, done.stderr) == ("2\n", "")


def test_names_are_looked_up_without_the_hosts_plug_ins() -> None:
    program = (
        "import socket, pwd\n"
        "print(socket.getaddrinfo('localhost', 1, type=socket.SOCK_STREAM)[0][4][0] in"
        " {'127.0.0.1', '::1'})\n"
        "try: pwd.getpwnam('nobody-of-that-name')\n"
        "except KeyError: print('unknown')\n"
    )

    assert in_its_runtime(program) == "True\nunknown\n"


def test_an_interrupt_is_heard_by_who_listens_and_ends_quietly_who_does_not() -> None:
    program = (
        "import os, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "try: os.kill(os.getpid(), signal.SIGINT); signal.pause()\n"
        "except KeyboardInterrupt: print('heard')\n"
    )

    deaf = "import os, signal\nos.kill(os.getpid(), signal.SIGINT); print('still here')\n"

    assert in_its_runtime(program) == "heard\n"
    assert in_its_runtime(deaf) == ""


def test_memory_is_given_back_once_the_start_is_over() -> None:
    program = (
        "import asyncio, ssl, sqlite3, _reagent\n"
        "def resident():\n"
        "    return int(open('/proc/self/statm').read().split()[1])\n"
        "before = resident(); _reagent.trim(); print(resident() < before * 0.8)\n"
    )

    assert in_its_runtime(program) == "True\n"


def test_time_zones_come_from_the_device() -> None:
    program = "import zoneinfo\nprint('/usr/share/zoneinfo' in zoneinfo.TZPATH)\n"

    assert in_its_runtime(program) == "True\n"
