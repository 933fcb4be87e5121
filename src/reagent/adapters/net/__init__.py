"""What every connection of ours stands on: names, sockets, proxies, trust.

How it is done, without a word of what is said then:

    endpoint    where a connection goes, pure
    addresses   from a name to a connected socket
    proxies     which proxy the environment names, pure
    tunnel      asks a proxy to connect
    dial        a protocol on a socket: through a proxy, encrypted
    tls         what we trust and what we show
"""
