"""What a finished executable must do before it gets its name, where this machine can run it.

Itself, or with qemu on the oldest processor that the executable is for.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from reagent_build import probe
from reagent_build.errors import BuildError
from reagent_build.plan import Plan

_PATIENCE_S: Final = 120

# Run in the executable's own runtime; says nothing when all is well.
_SELF_CHECK: Final = """
import asyncio, hashlib, sqlite3, ssl, sys, zlib, zoneinfo
import _reagent

left = []
ours = [name for name in _reagent.module_names() if name.partition('.')[0] == 'reagent']
for name in [*ours, 'autobahn.asyncio.websocket', 'autobahn.wamp.protocol', 'docker', 'requests']:
    try:
        __import__(name)
    except ImportError as error:
        left.append(f'{name}: {error}')

def expect(what, holds):
    if not holds:
        left.append(what)

expect('SQLite', sqlite3.connect(':memory:').execute('select 6 * 7').fetchone() == (42,))
expect('SHA-256', hashlib.sha256(b'').hexdigest().startswith('e3b0c442'))
expect('zlib', zlib.decompress(zlib.compress(b'x')) == b'x')
expect('TLS', ssl.create_default_context().verify_mode == ssl.CERT_REQUIRED)
expect('asyncio', asyncio.run(asyncio.sleep(0, 42)) == 42)
expect('the version', _reagent.resource('version.txt').decode().strip() == sys.argv[1])
import reagent.adapters.tuf.client
roots = [name for name in _reagent.resource_names() if name.startswith('trust/')]
expect(f'roots {sys.argv[2:]}, not {roots}', roots == sys.argv[2:])
from securesystemslib.signer import _key
expect('signatures are verified without compiled code', _key.CRYPTO_IMPORT_ERROR)
expect('authorities', b'BEGIN CERTIFICATE' in _reagent.resource('cacert.pem'))
expect('trim', _reagent.trim() > 0)
expect('nothing is looked for in folders', sys.path == [])
print(*left, sep='\\n', end='')
"""


def check(plan: Plan, executable: Path) -> None:
    """Ask the file who it is, and its runtime whether everything is in it.

    Raises:
        BuildError: an answer is wrong.
    """
    if plan.runner is None:
        return
    for flag, wanted in _answers(plan).items():
        said = _ask((*plan.runner, str(executable)), flag)
        if said != wanted:
            raise BuildError(f"{executable.name} {flag} says {said!r}, not {wanted!r}")
    if plan.freezer == "static":
        names = sorted(root.name for root in plan.roots)
        done = probe.run(executable, _SELF_CHECK, plan.version, *names, runner=plan.runner)
        if done.returncode or done.stdout:
            raise BuildError(f"the runtime is not complete:\n{done.stdout}{done.stderr}")


def _answers(plan: Plan) -> Mapping[str, str]:
    return {"-version": plan.version, "-arch": plan.target.stamp}


def _ask(command: tuple[str, ...], flag: str) -> str:
    done = subprocess.run(
        [*command, flag], capture_output=True, text=True, check=False, timeout=_PATIENCE_S
    )
    return (done.stdout + done.stderr).strip()
