"""HTTP/1.1 on the event loop, as little of it as the agent needs.

    chunks      what a body looks like on the wire
    connection  one connection: a request goes out, a head and body bytes come back
    target      where a URL leads, and what is sent there; pure
    exchange    one GET over the network: proxy, TLS, redirects
    download    a file on its way, and how it goes on after a break
    pace        when a line is too slow
    downloads   documents and files from a bucket, with every bound

The Docker engine is spoken to over the same connection. The standard library's client would block,
and costs a start more than all of this.
"""
