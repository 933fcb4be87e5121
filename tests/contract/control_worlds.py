"""What carries orders on this system, and somebody who talks through it without manners."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final, Protocol

from reagent.adapters.control import ANSWER_WITHIN_S, LONGEST_LINE

if sys.platform == "win32":
    from reagent.adapters.windows.control import name, order, taking_orders
    from reagent.adapters.windows.pipes import Line
else:
    import socket
    from contextlib import suppress

    from reagent.adapters.posix.control import NAME, order, taking_orders

__all__ = ["HAS_AN_END", "Caller", "call", "order", "taking_orders"]

# Whether who calls can say that nothing more comes.
HAS_AN_END: Final = sys.platform != "win32"


class Caller(Protocol):
    """Somebody who is connected; all calls block."""

    def say(self, text: bytes) -> None:
        """Send this, whether anybody takes it or not, and no more."""
        ...

    def hear(self) -> bytes:
        """All that is said until the agent hangs up."""
        ...

    def close(self) -> None:
        """Hang up."""
        ...


if sys.platform == "win32":

    class _Pipe:
        def __init__(self, folder: Path) -> None:
            self._line = Line(name(str(folder)), ANSWER_WITHIN_S)

        def say(self, text: bytes) -> None:
            try:
                self._line.say(text)
            except OSError:  # it need not take all that anybody sends
                return

        def hear(self) -> bytes:
            return b"".join(line + b"\n" for line in self._line.lines(LONGEST_LINE))

        def close(self) -> None:
            self._line.close()

    call = _Pipe
else:

    class _Socket:
        def __init__(self, folder: Path) -> None:
            self._line = socket.socket(socket.AF_UNIX)
            self._line.settimeout(20)
            self._line.connect(str(folder / NAME))

        def say(self, text: bytes) -> None:
            with suppress(ConnectionError):  # it need not take all that anybody sends
                self._line.sendall(text)
                self._line.shutdown(socket.SHUT_WR)

        def hear(self) -> bytes:
            answer = b""
            with suppress(ConnectionError):
                while part := self._line.recv(4096):
                    answer += part
            return answer

        def close(self) -> None:
            self._line.close()

    call = _Socket
