"""What apps print, on its way to whoever listens (docs/contract/streams.md 1).

`applogs` is what the rest of the agent talks to. Below it: `batch` makes few messages of many
lines, `gate` knows which containers somebody listens to, `history` keeps the last hundred entries,
`channel` holds all of that for one container, `follow` reads streams into it.

`query` and `device_logs` answer for one window of an app's log and of the agent's own; `window`
reads the counts and times that callers give them.
"""

from reagent.logs.applogs import AppLogs

__all__ = ["AppLogs"]
