"""From the reference to us and back, all of the way: it downloads us, its manager starts us, we take
over; a person orders us back. Identity, database and device file survive, and one agent runs.

The reference is played by its rules, as far as they are written down: 2.6, 4.1 to 4.6 and 5.1 of
docs/contract/system.md, and the database's scripts.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.cloud import Cloud
from sandbox.manager import Generation, Manager
from sandbox.program import Program
from sandbox.roots import Surroundings
from tests.frozen.steps import until
from tests.frozen.surroundings import need_root
from tests.frozen.updating import Press, Unit

OLD = "0.20.20"
BEFORE = 1_600_000_000
SCRIPTS = Path(__file__).parents[1] / "data" / "reference-db"
REFERENCE = """#!{python} -IS
import fcntl, hashlib, json, os, signal, sqlite3, sys, time, urllib.request
from pathlib import Path

words = sys.argv[1:]
if "-version" in words or "--version" in words:
    print("0.20.20")
    sys.exit(0)
if "-config" not in words:
    sys.exit("-config is required")
flags = dict(word[1:].split("=", 1) for word in words if "=" in word)
lock = os.open("/tmp/ironflock-reagent.lock", os.O_RDONLY | os.O_CREAT, 0o644)
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit("another instance is already running, stop the service")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

# Every start writes the device file back, in place.
config = Path(words[words.index("-config") + 1])
device = json.loads(config.read_text())
with config.open("r+") as file:
    file.truncate()
    json.dump(device, file, indent=4)

database = sqlite3.connect(flags["dbFileName"])
scripts = Path("{scripts}")
for name in ["init-script.sql", *sorted(each.name for each in scripts.glob("single-*"))]:
    for statement in (scripts / name).read_text().split(";\\n"):
        try:
            database.execute(statement)
        except sqlite3.OperationalError as error:
            if "duplicate column" not in str(error):
                raise
if not database.execute("SELECT count(*) FROM AppStates").fetchone()[0]:
    for statement in (scripts / "rows.sql").read_text().split(";\\n"):
        database.execute(statement)
database.commit()
apps = database.execute("SELECT app_name, app_key, stage FROM AppStates ORDER BY 2").fetchall()
database.close()
with open("{mark}", "a") as file:
    said = dict(pid=os.getpid(), key=device["device_key"], secret=device["secret"], apps=apps)
    print(json.dumps(said), file=file)

def get(path):
    base = flags["remoteUpdateURL"] + "/re-agent/"
    with urllib.request.urlopen(base + path, timeout=20) as answer:
        return answer.read()

def look():
    version = json.loads(get("availableVersions.json"))[device["environment"]]
    place = Path(flags["agentDir"], "reagent-v" + version)
    if version == "0.20.20" or place.exists():
        return
    content = get("linux/{arch}/" + version + "/reagent")
    wanted = get("linux/{arch}/" + version + "/reagent.sha256").split()[0].decode()
    if hashlib.sha256(content).hexdigest() == wanted:
        partial = Path(flags["agentDir"], "downloads", place.name)
        partial.parent.mkdir(exist_ok=True)
        partial.write_bytes(content)
        partial.chmod(0o755)
        partial.rename(place)

if flags.get("update") != "false":
    try:
        look()
    except OSError as error:
        print("no update:", error)
while True:
    time.sleep(0.1)
"""

pytestmark = pytest.mark.timeout(150)


class Journey(Unit):
    """A device of the reference: nothing of ours is there. Its /tmp and /run/reagent are its own."""

    def __init__(self, cloud: Cloud, program: Program) -> None:
        need_root()
        super().__init__(cloud, program, proof=3.0)
        device = self.device
        self.mark = device.folder / "the reference ran"
        self.old = self.folder / f"reagent-v{OLD}"
        text = REFERENCE
        for name, word in {
            "python": sys.executable, "scripts": SCRIPTS, "mark": self.mark,
            "arch": device.document["architecture"],
        }.items():  # fmt: skip
            text = text.replace(f"{{{name}}}", str(word))
        self.old.write_text(text)
        self.old.chmod(0o755)
        device.flashed.executable.unlink()
        for name in ("active", "previous", "latest"):
            link = self.folder / f"Reagent-{name}"
            link.unlink()
            link.symlink_to(self.old)
        run_dir = str(cloud.services.run_dir)
        for name in ("tmp", "locks"):
            (device.folder / name).mkdir()
        device.prefix = Surroundings(
            mounts=(
                ("tmpfs", "", "/mnt", ""),
                ("bind", run_dir, "/mnt/sandbox", ""),
                ("tmpfs", "", "/run", "mode=755"),
                ("bind", "/mnt/sandbox", run_dir, ""),
                ("bind", str(device.folder / "locks"), "/run/reagent", ""),
                ("bind", str(device.folder / "tmp"), "/tmp", ""),
            ),
            unset=("REAGENT_RUN_DIR",),
        ).prefix

    @property
    def links(self) -> tuple[str, str, str]:
        """Active, previous, latest."""
        return self.named("active"), self.named("previous"), self.named("latest")

    @property
    def said(self) -> list[dict[str, Any]]:
        """What the reference found, at each of its starts."""
        if not self.mark.exists():
            return []
        return [json.loads(line) for line in self.mark.read_text().splitlines()]

    @property
    def runs_the_reference(self) -> bool:
        """Whether it is the process that was started."""
        return bool(self.said) and self.said[-1]["pid"] == self.device.pid

    async def by_hand(self, program: Path, *words: str) -> tuple[int, str]:
        """Start another one beside it, in the same surroundings."""
        device = self.device
        process = await asyncio.create_subprocess_exec(
            *device.prefix, str(program), *words, env=device.variables, cwd=device.folder,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        async with asyncio.timeout(30):
            output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    def rows(self) -> list[tuple[object, ...]]:
        """The apps that its database knows."""
        connection = sqlite3.connect(f"file:{self.device.database}?mode=ro", uri=True)
        try:
            return connection.execute(
                "SELECT app_name, app_key, stage FROM AppStates ORDER BY 2"
            ).fetchall()
        finally:
            connection.close()


@pytest.mark.parametrize("generation", Generation)
async def test_the_reference_fetches_us_its_manager_starts_us_and_we_go_back_to_it_whole(
    cloud: Cloud, program: Program, generation: Generation
) -> None:
    unit = Journey(cloud, program)
    device, ours = unit.device, unit.device.flashed.executable
    again = device.command[1:]  # the flags of the service
    document = device.document
    # Nobody wants anything of apps here: what is stored is what counts.
    cloud.backend.fail("reswarm.containers.get_requested_app_states", times=-1)

    async def restart() -> None:
        """As `systemctl restart` it returns when the service was started again."""
        begun = device.starts
        device.send(signal.SIGTERM)
        await device.started(begun + 1)

    async def start() -> bool:
        return not device.running

    script = Manager(unit.folder, generation, start=start, restart=restart)
    cycling = asyncio.create_task(script.run(0.3))
    try:
        await device.serve(restart_after=0.5)
        await until(lambda: unit.runs_the_reference, 20.0, "the reference runs")
        Press.of(cloud, program).release(program.version)
        await restart()  # it looks when it starts
        await unit.on(program.version, within=60.0)
        arrived, rows, file = unit.links, unit.rows(), device.document
        deeds = [each.what for each in script.deeds]
        theirs_beside_ours = await unit.by_hand(unit.old, *again, "-update=false")

        done = script.cycles
        went = await unit.by_hand(ours, "update", "rollback", f"-agentDir={unit.folder}")
        await until(lambda: unit.runs_the_reference, 60.0, "the reference runs again")
        ours_beside_theirs = await unit.by_hand(ours, *again)
        await until(lambda: script.cycles >= done + 8, 30.0, "the script looked again")
    finally:
        cycling.cancel()
        await asyncio.gather(cycling, return_exceptions=True)

    wanted = [["Vision", 77, "PROD"], ["workbench", 12, "DEV"], ["inherited", 13, "PROD"]]
    apps = sorted(wanted, key=lambda row: int(str(row[1])))
    assert arrived == (program.version, OLD, program.version)
    assert "restart" in deeds
    assert rows == [tuple(row) for row in apps]
    assert file == document
    assert theirs_beside_ours[0] == 1
    assert "already running" in theirs_beside_ours[1]
    assert went[0] == 0, went[1]
    assert ours_beside_theirs[0] == 1
    assert "already running" in ours_beside_theirs[1]
    assert unit.links == (OLD, program.version, program.version)
    assert unit.runs_the_reference
    key = {"key": document["device_key"], "secret": document["secret"], "apps": apps}
    assert [{**each, "pid": 0} for each in unit.said] == [{**key, "pid": 0}] * len(unit.said)
    assert device.document == document
    assert script.deeds[-1].what == "restart"  # and nothing since we arrived
