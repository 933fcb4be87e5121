"""The notices that go with an executable: whose work is in it, and the texts that go with it."""

from collections.abc import Iterable, Mapping
from typing import Final

from reagent_build.sbom_parts import Part

_HEAD: Final = """\
Third-party notices of {name}

This executable contains the works below. Each is followed by its copyright notice and the text of
its licence; what Debian's notices call /usr/share/common-licenses stands at the end.
"""
_SOURCES: Final = """
The sources of what comes from Debian are Debian's source packages in exactly these versions, to be
had from Debian's archive and, for ever, from snapshot.debian.org. The GNU C Library is under the
LGPL: {objects}, published beside the executable, holds what it takes
to link it again with a changed one. libgcc is under the GPL with the GCC runtime library exception.
"""
_RULE: Final = "=" * 78


def notices(name: str, objects: str, parts: Iterable[Part], licences: Mapping[str, str]) -> str:
    """One text.

    Args:
        name: the executable.
        objects: the file with what it is linked from; empty where none of it is Debian's.
        parts: what is in it.
        licences: texts that notices name instead of quoting them.
    """
    known = list(parts)
    lines = [_HEAD.format(name=name)]
    lines += [f"  {part.name} {part.version}: {part.licence}" for part in known]
    if objects:
        lines.append(_SOURCES.format(objects=objects))
    for part in known:
        if part.notice:
            lines += ["", _RULE, f"{part.name} {part.version} ({part.licence})", _RULE, ""]
            lines.append(part.notice.strip())
    for title, text in sorted(licences.items()):
        lines += ["", _RULE, f"/usr/share/common-licenses/{title}", _RULE, "", text.rstrip()]
    return "\n".join(lines) + "\n"
