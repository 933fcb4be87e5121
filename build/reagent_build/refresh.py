"""`python -m reagent_build.refresh`: the build images anew, with Debian's security updates.

Makes the base, the image that all architectures have in common, and those of the targets named
(every static line of `targets`), and says what changed: first what is linked, as their bills of
materials name it, then the rest. The next build is made from them, and its bill shows the same
versions. Images of other platforms that are named after the base follow at their next build. Those
of before stay in the engine under their names; nothing uses them.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from reagent_build import age
from reagent_build.container import Docker
from reagent_build.errors import BuildError
from reagent_build.images import common_tag, ensure_base, ensure_static, make_common
from reagent_build.progress import Progress, shown
from reagent_build.sbom_changes import Change, changes, versions
from reagent_build.sbom_papers import bill_of
from reagent_build.targets import (
    DEBIAN,
    PLATFORMS,
    Target,
    UnknownTargetError,
    check_known,
    read_targets,
)

REPOSITORY: Final = Path(__file__).resolve().parents[2]
_PACKAGES: Final = ("dpkg-query", "--show", "--showformat=${Package}\\t${Version}\\n")
_FAILED: Final = 1
_MISUSED: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 made anew, 1 failed, 2 misused."""
    parser = argparse.ArgumentParser(prog="refresh", description="Make the build images anew.")
    parser.add_argument("targets", nargs="*", metavar="os/arch", help="default: lines of `targets`")
    parser.add_argument("--engine", metavar="ADDRESS", help="Docker engine, as for the build")
    options = parser.parse_args(arguments)
    try:
        targets = tuple(map(Target.parse, options.targets)) or read_targets(REPOSITORY / "targets")
        check_known(targets)
        docker = Docker(options.engine)
        docker.check()
        with shown() as progress:
            lines = refresh(docker, targets, REPOSITORY / ".cache/build", progress)
        print("\n".join(lines), flush=True)
    except UnknownTargetError as error:
        print(f"refresh: {error}", file=sys.stderr)
        return _MISUSED
    except BuildError as error:
        print(f"refresh: {error}", file=sys.stderr)
        return _FAILED
    return 0


def refresh(
    docker: Docker, targets: Iterable[Target], cache: Path, progress: Progress
) -> list[str]:
    """Make the images anew; the answer is what to say about it.

    Raises:
        BuildError: one of them cannot be made. None is linked from older packages than another for
            that: the next build makes what is missing, or fails as well.
    """
    chosen = [each for each in targets if PLATFORMS[each].freezer == "static"]
    common = common_tag()
    day = docker.label(common, age.LABEL)
    before = _packages(docker, common)
    ensure_base(docker, cache, progress, fresh=True)
    make_common(docker, progress, fresh=True)
    for debian in dict.fromkeys(DEBIAN[each] for each in chosen):
        ensure_static(docker, debian, cache, progress)
    bills = [bill_of(REPOSITORY / "build/out" / each.file_name) for each in chosen]
    linked = {name for bill in bills for name in versions(bill)}
    return report(day, age.today().isoformat(), changes(before, _packages(docker, common)), linked)


def report(before: str, after: str, changed: Sequence[Change], linked: Iterable[str]) -> list[str]:
    """What to say, line by line.

    Args:
        before: day of the packages until now (ISO 8601); empty where there was no image.
        after: their day now.
        changed: every package that is another one now.
        linked: names that a bill of materials has.
    """
    if not before:
        return [f"the build images are made, with the packages of {after}; there were none before"]
    ours = set(linked)
    inside = [each for each in changed if each.name in ours]
    tools = [each for each in changed if each.name not in ours]
    lines = [f"the packages in the build images are of {after}, not of {before} any more"]
    lines += _listed("linked into executables", inside) if ours else []
    lines += _listed("of the build alone" if ours else "changed", tools)
    if inside:
        lines.append("build and release anew: what devices run holds the versions of before")
    return lines


def _listed(title: str, changed: Sequence[Change]) -> list[str]:
    return [f"{title}: {len(changed) or 'nothing'}", *(f"  {each}" for each in changed)]


def _packages(docker: Docker, image: str) -> Mapping[str, str]:
    if not docker.has_image(image):
        return {}
    said, _ = docker.filter(image, _PACKAGES, b"")
    return dict(line.split("\t") for line in said.decode().splitlines())


if __name__ == "__main__":
    sys.exit(main())
