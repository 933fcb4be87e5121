"""What only the build knows. A frozen executable carries another module of this name in its place.

These are the answers of a source tree.
"""

ARCH: str | None = None
COMMIT = "unknown"
FREEZER = "source"
