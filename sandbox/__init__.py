"""A cloud in a box: what a demo, a newcomer and the integration tests share.

    paths      where things are kept: `.cache/` for what is worth keeping, a run folder for the rest
    reaper     ends what we started even when we are killed ourselves
    processes  a program of ours: started, waited for, ended within a bound
    packages   the Debian packages the sandbox stands on, and what each is for
    crossbar   Crossbar's own Python environment
    engine     a Docker engine of our own (or one that is there already)
    registry   a container registry with logins
    images     tiny images made without an engine, pushed over HTTP
    router     Crossbar, and a router that never answers
    backend    every `reswarm.*` procedure, answered from SQLite
    callers    what a platform user or the platform itself asks of a device
    program    what a device runs, and its device file
    variants   many versions of one executable, good and broken, without building them
    workshop   a copy of the repository in which versions are built and released
    bucket     where devices look for versions, and everything that goes wrong there
    device     a flashed device folder and the service manager that runs it
    manager    the field's manager script, which believes the folder to be its own
    cloud      all of it, up in parallel and down in order

Nothing here is ever part of the frozen executable, and nothing changes a tracked file.
"""

import importlib.util
import sys
from pathlib import Path

# A clone need not be installed for `python -m sandbox`: the flashing code is the agent's own.
if importlib.util.find_spec("reagent") is None:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))
