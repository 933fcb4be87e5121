"""Memory of this process, as Windows counts it."""

from __future__ import annotations

import gc

from reagent.adapters.windows import kernel


class ProcessMemory:
    """Implements `contracts.memory.Memory`."""

    def resident(self) -> int:
        """See the contract: the working set."""
        return kernel.resident()

    def give_back(self) -> None:
        """See the contract. Windows takes clean pages by itself."""
        gc.collect()
