"""`python -m sandbox`: keep a cloud in a box up until Ctrl-C, and say how to talk to it."""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from sandbox import images
from sandbox.cloud import Cloud, cloud
from sandbox.packages import PackagesMissing
from sandbox.processes import SandboxError
from sandbox.program import device_file, frozen
from sandbox.router import BACKEND

EPILOG = """\
Without --device it prints a device file that any agent may use. Nothing is left when it ends.
"""


def describe(whole: Cloud) -> str:
    """How to talk to a sandbox that is up: addresses, logins, and where to look."""
    services = whole.services
    engine = services.engine.address if services.engine else f"none ({services.no_engine})"
    router = whole.router
    logins = "\n".join(
        f"             {authid:<8} {secret}"
        for authid, secret in router.secrets.items()
        if "-" not in authid and authid != BACKEND
    )
    return f"""\
  router     {router.url}   realm realm1, WAMP-CRA
{logins}
  registry   {whole.registry.address}
  bucket     {whole.bucket.url} serves {whole.bucket.root}
  engine     {engine}
             docker -H {engine} ps
  backend    sqlite3 {whole.backend.database.file}
  run folder {services.run_dir}   (logs of all parts)"""


def push_examples(whole: Cloud) -> str:
    """Put the ready-made apps into the registry; returns their names."""
    names = []
    for key, name in enumerate(("counter", "crasher", "burst", "environment", "web"), start=101):
        names.append(whole.registry.push_app(key, name, "1.0.0", images.app(name)))
    for version in ("1.0.0", "1.1.0"):
        image = images.app("versioned", env={"VERSION": version})
        names.append(whole.registry.push_app(106, "versioned", version, image))
    return "\n".join(f"             {name}" for name in names)


async def keep(arguments: argparse.Namespace) -> None:
    """The sandbox, until we are cancelled."""
    async with cloud(lambda line: print(f"  {line}", flush=True), engine=arguments.engine) as whole:
        print(describe(whole))
        print(f"  apps\n{push_examples(whole)}")
        if arguments.device:
            device = whole.new_device(frozen(arguments.device))
            await device.serve()
            print(f"  device     {device.identity.serial_number}\n             {device.folder}")
        else:
            who = whole.new_identity()
            document = device_file(who, endpoint=whole.router.url, registry=whole.registry.address)
            file = whole.services.run_dir / "device-config.flock"
            file.touch(mode=0o600)
            file.write_bytes(json.dumps(document, indent=1).encode())
            print(f"  device     -config {file}")
        print("Ctrl-C ends it.", flush=True)
        await asyncio.Event().wait()


def main() -> int:
    """Run until Ctrl-C; 1 when something is missing, with what it is."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__, epilog=EPILOG)
    parser.add_argument("--engine", help="use the Docker engine at this address")
    parser.add_argument("--device", type=Path, help="flash and run this executable too")
    try:
        asyncio.run(keep(parser.parse_args()))
    except KeyboardInterrupt:
        print("\nended")
    except (SandboxError, PackagesMissing) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
