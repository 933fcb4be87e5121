"""-profiling: a page about the running agent, for somebody who is on the device.

What every task waits for, where memory was allocated, what the collector holds. Bound to loopback
and to nothing else: the reference showed its profile to the whole network, on port 80
(docs/contract/system.md 2.7). Where that one lay, at /debug/pprof/, it is found as well, and in
parts under the names that Go has for them. Measuring allocations costs memory and time, so it is
done only while the page is served.
"""

from __future__ import annotations

import asyncio
import gc
import io
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from reagent import log

ADDRESS: Final = "127.0.0.1"
DEFAULT_PORT: Final = 80
_PATIENCE_S: Final = 5.0
_LARGEST_REQUEST: Final = 8 * 1024
_ROWS: Final = 25

_log = log.get(__name__)


@asynccontextmanager
async def serve_profiling(port: int) -> AsyncIterator[bool]:
    """Serve the page until the block ends; every connection ends with it.

    A port that cannot be had is logged, and the block runs without the page.

    Args:
        port: on 127.0.0.1; 0 means 80, as it always did.

    Yields:
        Whether the page is served.
    """
    import tracemalloc  # noqa: PLC0415 - only somebody who profiles pays for it

    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            connections.add(task)
            task.add_done_callback(connections.discard)
        await _answer(reader, writer)

    try:
        server = await asyncio.start_server(
            serve, ADDRESS, port or DEFAULT_PORT, limit=_LARGEST_REQUEST
        )
    except (OSError, OverflowError) as error:
        _log.error("the profiling page cannot be served", port=port or DEFAULT_PORT, error=error)
        yield False
        return
    started = not tracemalloc.is_tracing()
    if started:
        tracemalloc.start()
    _log.info("profiling page", url=f"http://{ADDRESS}:{port or DEFAULT_PORT}/")
    try:
        yield True
    finally:
        server.close()
        for task in tuple(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        if started:
            tracemalloc.stop()


def page() -> str:
    """What the page says now; it stops the agent for as long as it takes to count."""
    return "\n".join(f"== {title}\n{text()}" for title, text in _PARTS.items())


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            head = await reader.readuntil(b"\r\n\r\n")
            status, text = _response(head)
            body = text.encode()
            writer.write(
                f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            )
            writer.write(body)
            await writer.drain()
    except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        _log.debug("a profiling request was not answered", error=error)
    finally:
        writer.close()


def _response(head: bytes) -> tuple[str, str]:
    request, *headers = head.decode("latin-1").split("\r\n")
    method, _, rest = request.partition(" ")
    target = rest.partition(" ")[0]
    if any(_names_another_machine(header) for header in headers):
        # A page of somebody else that a browser on the device was lured to: browsers always say it.
        return "403 Forbidden", "ask for 127.0.0.1\n"
    if method != "GET":
        return "405 Method Not Allowed", "only GET\n"
    made = _PAGES.get(target.partition("?")[0])
    if made is None:
        return "404 Not Found", "".join(f"{path}\n" for path in ("there is:", *_PAGES))
    return "200 OK", made()


def _names_another_machine(header: str) -> bool:
    name, _, value = header.partition(":")
    host = value.strip().partition(":")[0]
    return name.strip().lower() == "host" and host not in {ADDRESS, "localhost"}


def _tasks() -> str:
    text = io.StringIO()
    for task in sorted(asyncio.all_tasks(), key=asyncio.Task.get_name):
        text.write(f"{task.get_name()}\n")
        for frame in task.get_stack():
            code = frame.f_code
            text.write(f"    {code.co_filename}:{frame.f_lineno} {code.co_qualname}\n")
    return text.getvalue()


def _memory() -> str:
    import tracemalloc  # noqa: PLC0415 - see serve_profiling

    if not tracemalloc.is_tracing():
        return "not measured\n"
    current, peak = tracemalloc.get_traced_memory()
    lines = [f"{current} bytes now, {peak} at most, since the page is served"]
    for statistic in tracemalloc.take_snapshot().statistics("lineno")[:_ROWS]:
        frame = statistic.traceback[0]
        where = f"{frame.filename}:{frame.lineno}"
        lines.append(f"{statistic.size:>12} bytes {statistic.count:>8} blocks {where}")
    return "\n".join(lines) + "\n"


def _collector() -> str:
    objects = gc.get_objects()
    kinds = Counter(type(found).__qualname__ for found in objects)
    lines = [
        f"{len(objects)} objects, {len(sys.modules)} modules",
        f"counts {gc.get_count()}, thresholds {gc.get_threshold()}, frozen {gc.get_freeze_count()}",
    ]
    lines += [f"{count:>12} {kind}" for kind, count in kinds.most_common(_ROWS)]
    return "\n".join(lines) + "\n"


_PARTS: Final[dict[str, Callable[[], str]]] = {
    "tasks": _tasks,
    "memory by line": _memory,
    "collector": _collector,
}
_PAGES: Final[dict[str, Callable[[], str]]] = {
    "/": page,
    "/debug/pprof": page,
    "/debug/pprof/": page,
    "/debug/pprof/goroutine": _tasks,
    "/debug/pprof/heap": _memory,
    "/debug/pprof/allocs": _memory,
}
