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
    device     a flashed device folder and the service manager that runs it
    cloud      all of it, up in parallel and down in order

Nothing here is ever part of the frozen executable, and nothing changes a tracked file.
"""
