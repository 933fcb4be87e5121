"""What libraries write to Python's `logging`, brought into the agent's own log."""

from __future__ import annotations

import logging
import sys
from typing import Final

from reagent import log

_LIBRARIES_OF_MESSAGING: Final = ("autobahn", "txaio")


class _Bridge(logging.Handler):
    """Turns a record into an entry; `logger` names the library."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record; a record that cannot be formatted is named, never raised."""
        try:
            event = record.getMessage()
        except Exception:  # noqa: BLE001 - a library's mistake
            event = str(record.msg)
        fields: dict[str, object] = {"logger": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            fields["error"] = record.exc_info[1]
            fields["stack"] = logging.Formatter().formatException(record.exc_info)
        log.emit(_level(record.levelno), event, fields, f"{_file(record.pathname)}:{record.lineno}")


_bridge: Final = _Bridge()


def install(*, messaging: bool) -> None:
    """Put the bridge under the root logger, once, and set who may say how much."""
    root = logging.getLogger()
    if _bridge not in root.handlers:
        root.addHandler(_bridge)
    root.setLevel(logging.WARNING)
    for library in _LIBRARIES_OF_MESSAGING:
        logging.getLogger(library).setLevel(logging.DEBUG if messaging else logging.WARNING)
    txaio = sys.modules.get("txaio")
    if messaging and txaio is not None:
        # It drops what is below its own level before `logging` hears of it, and has no level
        # before it knows which event loop it is for. Its lowest one, `trace`, would print whole
        # messages, with the environments of apps in them.
        txaio.use_asyncio()
        txaio.set_global_log_level("debug")


def _level(number: int) -> int:
    """Their number in ours; they agree but for the names in between."""
    return max(log.DEBUG, min(log.ERROR, number // 10 * 10))


def _file(path: str) -> str:
    """The part below site-packages, where it has one."""
    return path.rpartition("site-packages/")[2]
