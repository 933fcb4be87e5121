"""Which files of its host the executable opens: those of docs/reference/files.md, and no others."""

from __future__ import annotations

import asyncio
import fnmatch
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from reagent_build.probe import make_probe
from sandbox.callers import Caller
from sandbox.cloud import Cloud
from sandbox.engine import OwnEngine
from sandbox.paths import REPOSITORY
from sandbox.program import Program
from sandbox.roots import tree
from tests.frozen.foreign import LIBRARIES, NSSWITCH, crashing, opened, traced
from tests.frozen.name_server import doorway, name_server
from tests.frozen.surroundings import answers, on_tree, without_traceback
from tests.frozen.test_tls_and_proxies import Certificate

pytestmark = pytest.mark.timeout(120)

NAME = "router.lab.example"
PAGE = REPOSITORY / "docs/reference/files.md"
# What a program of another libc reads, and what it loads.
FOREIGN = ("*.so", "*.so.*", "*/nsswitch.conf", "*/openssl.cnf", "*/gconv*", "*/locale/*", "*.mo")

LOOK_UPS = """
import grp, os, pwd, socket
assert_equal = lambda found, wanted: print("same" if found == wanted else f"{found!r}, not {wanted!r}")
def missing(ask, *words):
    try:
        return ask(*words)
    except (KeyError, OSError):
        return "missing"
assert_equal(pwd.getpwnam("root").pw_uid, 0)
assert_equal(missing(pwd.getpwnam, "nobody-there"), "missing")
assert_equal(missing(pwd.getpwuid, 54321), "missing")
assert_equal(grp.getgrgid(0).gr_name, "root")
assert_equal(missing(grp.getgrnam, "nothing-there"), "missing")
assert_equal(os.getgrouplist("root", 0), [0])
assert_equal(missing(socket.getservbyname, "https"), 443)
found = {each[4][0] for each in socket.getaddrinfo("router.lab.example", 443)}
assert_equal(found, {"127.0.0.1", "::1"})
assert_equal(missing(socket.getaddrinfo, "nothing.lab.example", 443), "missing")
assert_equal(missing(socket.gethostbyname, "localhost"), "127.0.0.1")
assert_equal(missing(socket.gethostbyaddr, "127.0.0.1")[0], "localhost")
"""


def documented() -> list[str]:
    """The paths that the page names, as patterns."""
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    return [path for row in rows for path in re.findall(r"`([^`]+)`", row.split("|")[1])]


def foreign_to(page: list[str], paths: list[str]) -> list[str]:
    return [path for path in paths if not any(fnmatch.fnmatchcase(path, each) for each in page)]


async def test_no_module_of_another_libc_is_ever_looked_at(
    program: Program, cloud: Cloud, tmp_path: Path
) -> None:
    device = cloud.new_device(program)
    module = tree("oldest") / LIBRARIES[1:] / "libnss_mdns4.so.2"
    trap, probe, log = (tmp_path / name for name in ("trap.so", "probe", "trace"))
    trap.write_bytes(crashing(module))
    make_probe(program.executable, probe)
    async with name_server({NAME: ["127.0.0.1", "::1"]}) as server:
        inside = on_tree(
            device,
            "oldest",
            files={
                "/etc/nsswitch.conf": NSSWITCH,
                "/etc/resolv.conf": f"nameserver {server.address}\noptions timeout:1 attempts:1\n",
                "/etc/hosts": "127.0.0.1 localhost\n",
                "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
                "/etc/group": "root:x:0:\n",
                "/etc/services": "https 443/tcp\n",
            },
            copies=((str(trap), f"{LIBRARIES}/libnss_crash.so.2"), (str(probe), "/probe")),
        )

        def run(*command: str, given: str = "") -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [*traced(log), *inside.prefix, *command],
                input=given, capture_output=True, text=True, check=False, timeout=60,
                env={"LC_ALL": "de_DE.ISO-8859-1"},
            )  # fmt: skip

        theirs = await asyncio.to_thread(run, "/usr/bin/getent", "passwd", "nobody-there")
        caught = opened(log, "/usr/bin/getent")
        ours = await asyncio.to_thread(run, "/probe", given=LOOK_UPS)
        seen = opened(log, "/probe")

    assert theirs.returncode == -signal.SIGILL  # the trap works
    assert f"{LIBRARIES}/libnss_crash.so.2" in caught
    assert set(ours.stdout.splitlines()) == {"same"}, ours.stdout + ours.stderr
    assert ours.returncode == 0
    assert [path for path in seen if any(fnmatch.fnmatch(path, each) for each in FOREIGN)] == []
    assert foreign_to(documented(), list(seen)) == []


async def test_a_start_opens_what_is_documented_and_nothing_else(
    cloud: Cloud, program: Program, user: Caller, engine: OwnEngine, tmp_path: Path
) -> None:
    certificate = Certificate(tmp_path, NAME)
    log = tmp_path / "trace"
    async with (
        name_server({NAME: ["127.0.0.1", "::1"]}) as server,
        doorway("127.0.0.1", cloud.router.port, certificate.serving()) as port,
    ):
        device = cloud.new_device(
            program,
            changes={"device_endpoint_url": f"wss://{NAME}:{port}/ws-re-dev"},
            flags=(f"-remoteUpdateURL={cloud.bucket.url}",),
        )
        inside = on_tree(
            device,
            "oldest",
            unset=("REAGENT_RUN_DIR",),
            files={
                "/etc/nsswitch.conf": NSSWITCH,
                "/etc/resolv.conf": f"nameserver {server.address}\n",
                "/etc/ssl/certs/ca-certificates.crt": certificate.pem,
            },
        )
        device.prefix = (*traced(log), *inside.prefix)

        await answers(cloud, device, user)
        for procedure in ("list_containers", "get_images", "get_storage_data", "get_os_release"):
            await user.ask(device.identity, procedure)
        await cloud.bucket.answered("*")
        without_traceback(device)
        # The tracer takes no orders; the agent is what it runs.
        for process in device.leftovers():
            os.kill(process, signal.SIGTERM)
        assert await device.exited() == 0

    seen = [
        path
        for path in opened(log, str(device.flashed.active))
        if not path.startswith(f"{device.folder}/")
    ]
    assert [path for path in seen if any(fnmatch.fnmatch(path, each) for each in FOREIGN)] == []
    assert foreign_to(documented(), seen) == []
    assert "/etc/ssl/certs/ca-certificates.crt" in seen  # that it is seen at all


def test_the_page_names_no_file_that_only_another_libc_reads() -> None:
    assert [each for each in documented() if each.endswith((".so", "nsswitch.conf"))] == []
