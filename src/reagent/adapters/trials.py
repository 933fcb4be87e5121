"""A version below the one that tries it, as processes of this system."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from reagent.adapters.windows.candidate import Candidate, Signals, adopted, ask
else:
    from reagent.adapters.posix.candidate import Candidate, Signals, adopted, ask

__all__ = ["Candidate", "Signals", "adopted", "ask"]
