"""What a darwin executable must be, judged by reading it: it cannot be run where it is built."""

from typing import Final

from reagent_build import macho_signature
from reagent_build.macho import Macho, MachoError, read

OLDEST_SYSTEM: Final = (11, 0)
LIBRARIES: Final = ("/usr/lib/libSystem.B.dylib",)
PAYLOAD: Final = ("__TEXT", "__reagent")
# The kernel runs nothing unsigned on these.
_MUST_BE_SIGNED: Final = frozenset({"arm64"})


def faults(content: bytes, arch: str, payload: bytes) -> list[str]:
    """Everything that is wrong, a line each.

    Args:
        content: the file.
        arch: for which processor it should be, as in `targets`.
        payload: the block that should lie in it.
    """
    try:
        macho = read(content)
    except MachoError as error:
        return [str(error)]
    found = [*_of_kind(macho, arch), *_of_imports(macho)]
    section = macho.sections.get(PAYLOAD)
    if section is None:
        found.append("it has no payload")
    elif content[section.offset :][: len(payload)] != payload or section.size < len(payload):
        found.append("its payload is not what was put into it")
    if macho.signature is not None or arch in _MUST_BE_SIGNED:
        found += macho_signature.faults(content, macho)
    if macho.signature and macho.signature.offset + macho.signature.size != macho.size:
        found.append("something stands behind its signature")
    return found


def _of_kind(macho: Macho, arch: str) -> list[str]:
    oldest = ".".join(map(str, macho.oldest_system))
    wrong = {
        f"it is for {macho.arch}, not {arch}": macho.arch != arch,
        "it is not for macOS": not macho.platform_is_macos,
        f"it wants macOS {oldest}": macho.oldest_system != OLDEST_SYSTEM,
        "it has an address of its own": not macho.position_independent,
    }
    return [what for what, is_so in wrong.items() if is_so]


def _of_imports(macho: Macho) -> list[str]:
    others = [name for name in macho.libraries if name not in LIBRARIES]
    found = [f"it wants {name}" for name in others]
    if not macho.libraries or not macho.imports:
        found.append("it does not even want libSystem")
    found += [
        f"nobody has to have {each.name}"
        for each in macho.imports
        if not 1 <= each.library <= len(macho.libraries)
    ]
    return found
