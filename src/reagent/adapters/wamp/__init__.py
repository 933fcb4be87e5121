"""WAMP over WebSocket; the one folder that knows autobahn.

    connect         a dial: TCP, proxy, TLS, upgrade, join
    endpoint        which router to dial, pure
    wire            autobahn's WebSocket under asyncio: text messages in and out
    line            what a session needs of a wire
    session         one joined session
    handshake, cra  from HELLO to WELCOME
    asking          what we send, and waiting for answers
    requests        what we asked the router and wait for
    invocations     calls that reach us
    subscriptions   events that reach us
    keepalive       pings
    messages        our words <-> WAMP messages, pure
    backend, rows   the platform's procedures over any messenger
    library         the one import of autobahn

autobahn gives the WebSocket protocol and the WAMP messages; its `ApplicationSession` is not used.
It closes the connection on what a live router may send (a RESULT after our CANCEL, an INVOCATION of
a registration that was just taken over), delivers events concurrently, matches errors by exact
class, and imports raw sockets and every serializer to do so.
"""
