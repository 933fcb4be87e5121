"""A protocol on a connected socket: through the proxy at its other end, encrypted where asked."""

from __future__ import annotations

import asyncio
import socket
import ssl

from reagent.adapters.net.endpoint import Endpoint
from reagent.adapters.net.proxies import Proxy
from reagent.adapters.net.tunnel import Tunnel
from reagent.errors import DialFailed


async def attach(
    sock: socket.socket,
    endpoint: Endpoint,
    protocol: asyncio.BaseProtocol,
    *,
    context: ssl.SSLContext | None,
    proxy: Proxy | None,
) -> None:
    """Return when the protocol is connected to the endpoint; on an error the socket is closed.

    Args:
        sock: connected, to the proxy where there is one, else to the endpoint.
        endpoint: whom the protocol is to speak to, and whose name a certificate must bear.
        protocol: gets the connection.
        context: None leaves it as it is.
        proxy: is asked to CONNECT.

    Raises:
        DialFailed: the proxy refuses, or the line ends.
        OSError: so does the network; `ssl.SSLError` is one.
    """
    loop = asyncio.get_running_loop()
    if proxy is None:
        name = endpoint.host if context is not None else None
        await loop.create_connection(lambda: protocol, sock=sock, ssl=context, server_hostname=name)
        return
    tunnel = Tunnel(endpoint, proxy.credentials)
    transport, _ = await loop.create_connection(lambda: tunnel, sock=sock)
    try:
        await tunnel.open
        if context is None:
            transport.set_protocol(protocol)
            protocol.connection_made(transport)
            return
        secured = await loop.start_tls(transport, protocol, context, server_hostname=endpoint.host)
    except BaseException:
        transport.abort()
        raise
    if secured is None:
        raise DialFailed("the connection ended during the TLS handshake")
    protocol.connection_made(secured)
