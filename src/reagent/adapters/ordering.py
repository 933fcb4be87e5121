"""Where the agent that runs and the commands beside it meet, on this system."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from reagent.adapters.windows.control import order, places, taking_orders
    from reagent.adapters.windows.lock import AlreadyRunning, only_agent
else:
    from reagent.adapters.posix.control import order, places, taking_orders
    from reagent.adapters.posix.lock import AlreadyRunning, only_agent

__all__ = ["AlreadyRunning", "only_agent", "order", "places", "taking_orders"]
