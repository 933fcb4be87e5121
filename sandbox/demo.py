"""`./demo`: the main job, end to end. A device comes online from one file and runs an app."""

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from reagent_build.progress import Progress, shown
from sandbox import crossbar, images, packages
from sandbox.callers import SYSTEM, Caller
from sandbox.cloud import Cloud, Services, cloud_on, services
from sandbox.demo_update import releases
from sandbox.device import Device
from sandbox.paths import REPOSITORY
from sandbox.processes import SandboxError
from sandbox.program import frozen
from sandbox.workshop import Workshop

APP: Final = (101, "counter", "1.0.0")
EXECUTABLE: Final = REPOSITORY / f"build/out/reagent-linux-{images.architecture()}"


class DemoFailed(Exception):
    """Something is not as it has to be; the text says what."""


@dataclass
class Summary:
    """What was shown, for the end."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    def add(self, what: str, how: str) -> None:
        """Remember one line."""
        self.lines.append((what, how))

    def show(self) -> None:
        """Print all of them."""
        width = max(len(what) for what, _ in self.lines)
        print("\nSummary")
        for what, how in self.lines:
            print(f"  {what:<{width}}  {how}")


def build(progress: Progress, engine: str | None) -> None:
    """Make this machine's executable; the build says what it does.

    Raises:
        DemoFailed: it could not be built.
    """
    command = [sys.executable, "-m", "reagent_build"]
    command += ["--engine", engine] if engine else ["--freezer", "pyinstaller"]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=REPOSITORY
    )
    last = ""
    if running.stdout is not None:
        for line in running.stdout:
            last = line.rstrip()
            progress.say(f"    {last}")
    if running.wait() != 0:
        raise DemoFailed(f"the build failed: {last}")


def same(what: str, expected: object, found: object) -> None:
    """Hold what was found against what has to be.

    Raises:
        DemoFailed: it differs.
    """
    if expected != found:
        raise DemoFailed(f"{what}: expected {expected!r}, found {found!r}")


async def come_online(progress: Progress, cloud: Cloud, device: Device, summary: Summary) -> None:
    """Start the executable and watch it reach CONNECTED."""
    who = device.identity
    progress.step(f"start the executable as device {who.authid}")
    begun = time.monotonic()
    await device.serve()
    await cloud.backend.status(who, "CONFIGURING")
    # Without an engine it is the heartbeat, 30 s later, that says so.
    await cloud.backend.status(who, "CONNECTED", within=20 if cloud.services.engine else 45)
    took = time.monotonic() - begun
    progress.say(f"    {' -> '.join(cloud.backend.statuses(who))} after {took:.2f} s")
    summary.add("device online", f"CONNECTED {took:.2f} s after launch")
    async with Caller(cloud.router, SYSTEM) as caller:
        answer = await caller.ask(who, "device_handshake")
        progress.say(f"    device_handshake answers {dict(answer.kwargs)}")
        same("serial number", who.serial_number, answer.kwargs.get("id"))


async def run_app(progress: Progress, cloud: Cloud, device: Device, summary: Summary) -> None:
    """Ask the device over WAMP to run an app from the registry, then to stop and remove it."""
    key, name, version = APP
    who = device.identity
    container = device.container(key, name)
    image = cloud.registry.push_app(key, name, version, images.app(name))
    wanted: dict[str, object] = {
        "app_key": key,
        "app_name": name,
        "stage": "PROD",
        "current_state": "REMOVED",
        "release_key": 900,
        "requestor_account_key": who.owner_account,
        "present_version": version,
        "newest_version": version,
        "environment": {"GREETING": {"value": "hello from the platform"}},
    }
    async with Caller(cloud.router, SYSTEM) as caller:
        logs = await caller.logs(who, container)

        async def bring(target: str, through: Sequence[str]) -> None:
            seen = len(cloud.backend.states(who, key))
            progress.step(f"ask for {target}")
            known = cloud.backend.states(who, key)
            now = {"current_state": known[-1]} if known else {}
            await caller.ask(who, "request_app_state", **{**wanted, **now, "target_state": target})
            states = await cloud.backend.state(who, key, through[-1], since=seen)
            progress.say(f"    {' -> '.join(states)}")
            same(f"states on the way to {target}", list(through), states)

        await bring("RUNNING", ("STARTING", "DOWNLOADING", "PRESENT", "RUNNING"))
        progress.step("look at the container and its log")
        show_container(progress, cloud, container, image)
        lines = await logs.until_line("line 3")
        same("first log lines", ["line 1", "line 2", "line 3"], lines[:3])
        progress.say(f"    on the log topic: {lines[:3]} ...")
        for message in logs.messages:
            progress.say(f"    the agent says: {message}")
        summary.add("app", f"{image} ran as {container}, log complete from its first line")
        await bring("PRESENT", ("STOPPING", "STOPPING", "PRESENT"))
        await bring("REMOVED", ("DELETING", "REMOVED"))
        await bring("RUNNING", ("STARTING", "DOWNLOADING", "PRESENT", "RUNNING"))
        await bring("UNINSTALLED", ("DELETING", "REMOVED", "UNINSTALLED"))
    data = device.apps / "prod" / name
    async with asyncio.timeout(10):  # deleted behind the report
        while data.exists():
            await asyncio.sleep(0.1)
    summary.add("life cycle", "run, stop, remove, run, uninstall: states reported in order")


def show_container(progress: Progress, cloud: Cloud, container: str, image: str) -> None:
    """Print name, labels, environment and mounts; fail where they are not the contract's."""
    engine = cloud.services.engine
    if engine is None:
        raise DemoFailed("there is no engine")
    with engine.client() as client:
        seen = client.containers.get(container)
        config: Mapping[str, object] = seen.attrs["Config"]
        same("name", f"/{container}", seen.attrs["Name"])
        same("image", image, config["Image"])
        same("labels", "True", seen.labels.get("real"))
        environment = seen.attrs["Config"]["Env"]
        same("GREETING", True, "GREETING=hello from the platform" in environment)  # noqa: FBT003
        mounts = {each["Destination"]: each["Source"] for each in seen.attrs["Mounts"]}
        same("mounts", True, {"/data", "/shared"} <= set(mounts))  # noqa: FBT003
        progress.say(f"    name   {container}, image {image}, labels {seen.labels}")
        names = sorted(line.partition("=")[0] for line in environment)
        progress.say(f"    env    {' '.join(names)}")
        for target, source in sorted(mounts.items()):
            progress.say(f"    mount  {target} <- {source}")


async def walk(progress: Progress, shared: Services, summary: Summary, *, keep: bool) -> None:
    """The part behind the build."""
    async with cloud_on(shared) as cloud:
        progress.step("flash a device: device file, executable, links")
        device = cloud.new_device(frozen(EXECUTABLE))
        for each in sorted(device.flashed.folder.iterdir()):
            arrow = f" -> {each.readlink()}" if each.is_symlink() else ""
            progress.say(f"    {each.name}{arrow}")
        await come_online(progress, cloud, device, summary)
        if shared.engine is None:
            progress.say(f"    the app step is not run: {shared.no_engine}")
            summary.add("app", f"not run: {shared.no_engine}")
        else:
            await run_app(progress, cloud, device, summary)
        workshop = await asyncio.to_thread(
            Workshop,
            shared.run_dir / "copy",
            cloud.bucket.root,
            shared.engine.address if shared.engine else None,
            lambda line: progress.say(f"    {line}"),
        )
        for line in await releases(progress, cloud, device, workshop):
            summary.add("release", line)
        if keep:
            progress.step("the sandbox stays up: Ctrl-C ends it")
            from sandbox.__main__ import describe  # noqa: PLC0415 - a program, not a library

            progress.say(describe(cloud))
            progress.say(
                f"  device     {device.identity.serial_number}\n             {device.folder}"
            )
            await asyncio.Event().wait()
        progress.step("stop the device as a service manager would")
        status = await device.stop()
        same("exit status after SIGTERM", 0, status)
        summary.add("stop", "GOODBYE and exit 0 on SIGTERM, nothing left running")
        same("left-over processes", [], device.leftovers())


def run(progress: Progress, options: argparse.Namespace, summary: Summary) -> None:
    """Everything, in order."""
    begun = time.monotonic()

    def say(line: str) -> None:
        progress.say(f"    {line}")

    progress.step("make Crossbar's environment, install what is missing")
    packages.ensure(packages.SERVICES, say)
    crossbar.ensure(say)
    progress.step("start engine, registry and router")
    with services(say, engine=options.engine) as shared:
        if shared.engine is None:
            say("there is no Docker engine: building natively with PyInstaller, no app will run")
        progress.step("build this machine's executable")
        if shared.engine is not None:
            packages.try_to_have(packages.BUILD, say)
        build(progress, shared.engine.address if shared.engine else None)
        size = EXECUTABLE.stat().st_size / 1e6
        summary.add("executable", f"{EXECUTABLE.relative_to(REPOSITORY)}, {size:.1f} MB")
        asyncio.run(walk(progress, shared, summary, keep=options.keep))
    summary.add("took", f"{time.monotonic() - begun:.0f} s")


def main() -> int:
    """0 when everything went as it has to, 1 with the reason otherwise."""
    parser = argparse.ArgumentParser(prog="./demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the sandbox up at the end")
    parser.add_argument(
        "--engine", metavar="ADDRESS", help="use the Docker engine at this address, start none"
    )
    options = parser.parse_args()
    summary = Summary()
    try:
        with shown() as progress:
            run(progress, options, summary)
    except KeyboardInterrupt:
        print("\nended")
        return 0 if options.keep else 130
    except (DemoFailed, SandboxError, packages.PackagesMissing, TimeoutError) as error:
        print(f"\n./demo failed: {error}", file=sys.stderr)
        return 1
    summary.show()
    return 0


if __name__ == "__main__":
    sys.exit(main())
