"""Benchmarks: each figure of the agent beside a reference taken in the same run.

A machine of its own speed, loaded by others, gives times that mean little; the ratio of two things
measured in turn on it means something. Nothing here passes or fails: `docs/benchmarks.md` holds the
budgets, and a person judges.

    figures     samples, references, budgets, ratios
    report      the table, on a terminal and in docs/benchmarks.md
    processes   start to end of a process; memory and CPU of a process tree
    pythons     the interpreters that `-version` is compared with
    bare        the bare autobahn client that everything over the router is compared with
    leftovers   what must not stay in an engine that is not ours
    reference/  the programs that are run as references
    version, debian, size, start, handshake, logs, idle, update, reconnects, apps    one
    measurement each
"""
