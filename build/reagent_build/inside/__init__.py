"""What runs inside the cross-build container.

With the container's Python 3.13 and nothing but its standard library. The host sends this package
along with the sources, so a change needs no new image; but what toolchain.py made lies in it.
"""
