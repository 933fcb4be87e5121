"""The parts of an executable, one shape for all: Debian's packages, wheels, and other runtimes."""

import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Final, TypedDict, cast

from reagent_build.errors import BuildError
from reagent_build.sbom_facts import Facts, Runtime
from reagent_build.sbom_licences import checked, of_source

DISTRIBUTION: Final = "debian-13"
# Source package, as a pattern -> vendor and product in the CPE dictionary.
_CPE: Final[Mapping[str, tuple[str, str]]] = {
    r"glibc": ("gnu", "glibc"),
    r"gcc-\d+.*": ("gnu", "gcc"),
    r"openssl": ("openssl", "openssl"),
    r"sqlite3": ("sqlite", "sqlite"),
    r"python3\.\d+": ("python", "python"),
    r"zlib": ("zlib", "zlib"),
    r"expat": ("libexpat_project", "libexpat"),
    r"libzstd": ("facebook", "zstandard"),
}
_PIN: Final = re.compile(r"^([\w.-]+)==\S+((?:\s+--hash=sha256:[0-9a-f]{64})+)", re.MULTILINE)
_PAPERS: Final = re.compile(r"(LICEN[CS]E|NOTICE|COPYING|AUTHORS)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One component; `inside` are the files of it that were linked, or what it was built into."""

    name: str
    version: str
    licence: str
    purl: str
    kind: str
    """In our words: "Debian source package", "linked library", "Python package", "runtime"."""
    cpe: str = ""
    homepage: str = ""
    sha256: str = ""
    named_licences: tuple[str, ...] = ()
    details: tuple[tuple[str, str], ...] = ()
    notice: str = ""
    inside: tuple["Part", ...] = ()


class _Package(TypedDict):
    package: str
    name: str
    architecture: str
    version: str
    source: str
    source_version: str
    homepage: str
    copyright: str


class _Linked(TypedDict):
    file: str
    package: str
    members: int
    bytes: int


def parts(facts: Facts) -> tuple[Part, ...]:
    """Everything that is in an executable, by name.

    Raises:
        BuildError: the licence of one of them is not known.
    """
    pins = _pins(Path(facts.requirements).read_text()) if facts.requirements else {}
    found = [
        *(_debian(facts.debian) if facts.debian else ()),
        *(_wheel(Path(path), pins) for path in facts.wheels),
        *map(_runtime, facts.runtimes),
    ]
    return tuple(sorted(found, key=lambda part: (part.kind, part.name, part.version)))


def upstream(version: str) -> str:
    """What the authors call a version that Debian calls 1:1.3.dfsg+really1.3.1-1+deb13u1."""
    bare = version.partition(":")[2] or version
    bare = bare.rpartition("-")[0] or bare
    bare = bare.rpartition("really")[2]
    return re.split(r"[+.~](?:dfsg|ds|repack)", bare)[0]


def _debian(inventory: Mapping[str, object]) -> Iterable[Part]:
    packages = cast("list[_Package]", inventory["packages"])
    linked = cast("list[_Linked]", inventory["linked"])
    modules = cast("Mapping[str, int]", inventory["modules"])
    sources: defaultdict[tuple[str, str], list[_Package]] = defaultdict(list)
    for each in packages:
        sources[each["source"], each["source_version"]].append(each)
    for (source, version), built in sources.items():
        text = built[0]["copyright"]
        licence = of_source(source, text)
        yield Part(
            name=source,
            version=version,
            licence=licence.expression,
            named_licences=licence.named,
            purl=f"pkg:deb/debian/{source}@{_quoted(version)}?arch=source&distro={DISTRIBUTION}",
            cpe=_cpe_of(source, built[0]["version"]),
            homepage=built[0]["homepage"],
            kind="Debian source package",
            notice=text,
            inside=tuple(
                Part(
                    name=package["name"],
                    version=package["version"],
                    licence=licence.expression,
                    purl=(
                        f"pkg:deb/debian/{package['name']}@{_quoted(package['version'])}"
                        f"?arch={package['architecture']}&distro={DISTRIBUTION}&upstream={source}"
                    ),
                    kind="linked library",
                    details=_details(package["package"], linked, modules),
                )
                for package in built
            ),
        )


def _details(
    package: str, linked: Iterable[_Linked], modules: Mapping[str, int]
) -> tuple[tuple[str, str], ...]:
    found = [
        ("reagent:linked", f"{each['file']}: {each['members']} objects, {each['bytes']} bytes")
        for each in linked
        if each["package"] == package
    ]
    if package in modules:
        found.append(("reagent:modules", f"{modules[package]} modules of the standard library"))
    return tuple(sorted(found))


def _wheel(path: Path, pins: Mapping[str, str]) -> Part:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        info = next(name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = HeaderParser().parsestr(archive.read(info).decode())
        folder = info.removesuffix("METADATA")
        notice = "\n\n".join(
            archive.read(name).decode(errors="replace").strip()
            for name in sorted(names)
            if name.startswith(folder) and _PAPERS.match(name.rpartition("/")[2])
        )
    name, version = metadata["Name"], metadata["Version"]
    return Part(
        name=name,
        version=version,
        licence=_licence_of(metadata, name),
        purl=f"pkg:pypi/{_normal(name)}@{version}",
        kind="Python package",
        sha256=pins.get(_normal(name), ""),
        notice=notice,
    )


def _licence_of(metadata: Message, name: str) -> str:
    """The expression of PEP 639, or the older field where it holds one."""
    said = metadata["License-Expression"] or metadata["License"]
    if not said:
        raise BuildError(f"{name} does not say in its METADATA under which licence it is")
    return checked(said.strip(), name)


def _runtime(runtime: Runtime) -> Part:
    return Part(
        name=runtime.name,
        version=runtime.version,
        licence=checked(runtime.licence, runtime.name),
        purl=runtime.purl,
        cpe=_cpe(runtime.vendor, runtime.name, runtime.version) if runtime.vendor else "",
        homepage=runtime.homepage,
        sha256=runtime.sha256,
        kind="runtime",
        notice=runtime.notice,
    )


def _pins(requirements: str) -> Mapping[str, str]:
    """Package -> the digest of the one file that is taken; none where there is a choice."""
    pins: dict[str, Sequence[str]] = {
        _normal(name): re.findall(r"[0-9a-f]{64}", hashes)
        for name, hashes in _PIN.findall(requirements)
    }
    return {name: hashes[0] for name, hashes in pins.items() if len(hashes) == 1}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _quoted(version: str) -> str:
    return version.replace("+", "%2B").replace(":", "%3A")


def _cpe_of(source: str, version: str) -> str:
    for pattern, (vendor, product) in _CPE.items():
        if re.fullmatch(pattern, source):
            return _cpe(vendor, product, upstream(version))
    return ""


def _cpe(vendor: str, product: str, version: str) -> str:
    return f"cpe:2.3:a:{vendor}:{product}:{version}:*:*:*:*:*:*:*"
