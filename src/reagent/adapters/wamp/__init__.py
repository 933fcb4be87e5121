"""WAMP over WebSocket; the one folder that knows autobahn.

    connect     a dial: TCP, proxy, TLS, upgrade, join
    endpoint    where to dial and through what, pure
    tls         what we trust and what we show
    cra         the answer to a challenge, pure
    wire        autobahn's WebSocket under asyncio: text frames in and out
    session     one joined session: requests, registrations, subscriptions, invocations
    requests    what we asked the router and wait for
    replies     our words <-> WAMP messages, pure
    backend     the platform's procedures over any messenger
    rows        the platform's app rows, read leniently, pure

autobahn gives the WebSocket protocol; its `ApplicationSession` is not used. It closes the
connection on what a live router may send (a RESULT after our CANCEL, an INVOCATION of a
registration that was just taken over), delivers events of one subscription concurrently, matches
errors by exact class, and imports cryptography, raw sockets and every serializer to do so.
"""
