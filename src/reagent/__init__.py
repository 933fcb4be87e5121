"""The device agent that ships as one file.

Imports go down only:

    __main__      argv in, exit status out
    launcher      which version runs
    commands      what a person types
    agent         composition root: with launcher the only importer of adapters
    lifecycle     boot, reconnect, stop
    api           what callers ask of us       | adapters   how we ask the world
    apps          an app's life on this device
    connection | logs | terminals | tunnels | device | updates     one idea each
    aio           asyncio made safe
    contracts     what we ask of the world     | settings   what we were told
    model         words of the domain
    errors        what can go wrong
"""
