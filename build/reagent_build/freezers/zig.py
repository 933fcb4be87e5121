"""CPython and its libraries cross-compiled for darwin with zig, the application as their payload.

What comes out is built, not run: nothing here can run it (reagent_build/darwin_checks.py).
docs/decisions/0012-darwin-and-the-rest.md says why so and what it costs.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from reagent_build.darwin_image import darwin_image, ensure_darwin
from reagent_build.freezers import Workshop
from reagent_build.freezers.static import REQUIREMENTS, inputs, members
from reagent_build.plan import Plan
from reagent_build.sbom_facts import Facts, Runtime
from reagent_build.sbom_licences import of_source
from reagent_build.wheels import ensure_wheels

_INSIDE: Final = (
    "mkdir /inputs && tar --extract --directory=/inputs"
    " && PYTHONPATH=/inputs/build PYTHONDONTWRITEBYTECODE=1"
    " exec python3.13 -OO -X no_debug_ranges -m reagent_build.inside.darwin /inputs"
)


def image(plan: Plan, workshop: Workshop) -> str:
    """The cross-build image, empty where there is none yet."""
    return darwin_image(workshop.docker, plan.target.stamp)


def freeze(plan: Plan, workshop: Workshop, partial: Path) -> None:
    """Make a darwin executable, judged and not run.

    Raises:
        BuildError: with what is missing, what a tool said, or what is wrong with it.
    """
    arch = plan.target.stamp
    made_in = ensure_darwin(workshop.docker, arch, workshop.cache, workshop.progress)
    workshop.progress.step("get the wheels (once for each requirements-runtime.txt)")
    wheels = ensure_wheels(REQUIREMENTS, workshop.cache)
    workshop.progress.step(f"compile and link {plan.target}")
    order = {"arch": arch, "commit": plan.commit}
    answer, messages = workshop.docker.filter(
        made_in,
        ("sh", "-c", _INSIDE),
        inputs(workshop.repository, wheels, order, plan.roots, ["build/darwin/stand_ins"]),
    )
    for line in messages.strip().splitlines():
        workshop.progress.say(f"  {line}")
    made = members(answer)
    partial.write_bytes(made["reagent"])
    Facts(
        wheels=[str(wheel) for wheel in wheels],
        requirements=str(REQUIREMENTS),
        runtimes=tuple(runtimes(json.loads(made["sources.json"]))),
    ).leave(partial)


def runtimes(sources: Mapping[str, Mapping[str, str]]) -> Iterator[Runtime]:
    """Debian's source packages that the executable is compiled from, and zig's own part.

    Args:
        sources: package -> version, homepage, copyright (inside/darwin_sources.py).

    Raises:
        BuildError: the licence of one of them is not known.
    """
    for name, source in sorted(sources.items()):
        if name == "zig":
            yield Runtime(
                name="compiler-rt of zig",
                version=source["version"],
                licence="MIT",
                purl=f"pkg:pypi/ziglang@{source['version']}",
                homepage=source["homepage"],
                notice=source["copyright"],
            )
            continue
        version = source["version"].replace("+", "%2B").replace(":", "%3A")
        yield Runtime(
            name=name,
            version=source["version"],
            licence=of_source(name, source["copyright"]).expression,
            purl=f"pkg:deb/debian/{name}@{version}?arch=source&distro=debian-13",
            homepage=source["homepage"],
            notice=source["copyright"],
        )
