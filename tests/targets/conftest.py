"""The sandbox's own way to run other processors' executables, and the page about them.

What there is to use: `sandbox/fixtures.py`, and `machine` of `windows_service.py` beside this.
"""

from sandbox.fixtures import (  # noqa: F401 - pytest finds fixtures by their names here
    backend,
    cloud,
    device,
    registry,
    router,
    services,
    system,
    user,
)
from tests.targets.windows_service import machine  # noqa: F401 - see above
