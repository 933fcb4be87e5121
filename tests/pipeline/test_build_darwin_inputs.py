"""What the darwin executables are compiled from."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from reagent_build.darwin_image import ZIG_TARGETS, darwin_tag
from reagent_build.freezers.zig import runtimes
from reagent_build.images import BUILD
from reagent_build.inside.darwin import stand_ins
from reagent_build.inside.darwin_setup import setup_local
from reagent_build.inside.darwin_sources import (
    SourceError,
    source_lists,
    to_try,
    wanted_version,
)
from reagent_build.targets import PLATFORMS

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg") is None, reason="compares with dpkg")

STDLIB = """\
*@MODULE_BUILDTYPE@*
@MODULE_ARRAY_TRUE@array arraymodule.c
@MODULE__SHA2_TRUE@_sha2 sha2module.c -I$(srcdir)/I Modules/_hacl/libHacl_Hash_SHA2.a
@MODULE__SSL_TRUE@_ssl _ssl.c
# @MODULE__XX_TRUE@xx xx.c
"""


def test_every_darwin_target_has_its_name_in_zigs_words() -> None:
    wanted = {target.stamp for target in PLATFORMS if target.os == "darwin"}

    assert set(ZIG_TARGETS) == wanted
    assert len({darwin_tag(arch, base) for arch in wanted for base in "ab"}) == 2 * len(wanted)


def test_the_wanted_version_is_that_of_the_source() -> None:
    assert wanted_version("Package: libssl-dev\nSource: openssl\nVersion: 3.5.9-1\n") == "3.5.9-1"


def test_a_source_of_another_version_than_its_package_says_so_itself() -> None:
    shown = "Package: x\nSource: y (1.2-3)\nVersion: 1:9-3\n\nPackage: x\nVersion: 1:8-1\n"

    assert wanted_version(shown) == "1.2-3"


def test_an_unknown_package_is_said() -> None:
    with pytest.raises(SourceError, match="knows no such package"):
        wanted_version("")


@needs_dpkg
def test_older_versions_stand_in_the_newest_first_and_newer_ones_never() -> None:
    known = ["3.5.7-1~deb13u2", "3.6.5-1", "3.5.7-1~deb13u3", "3.5.9-1~deb13u1"]

    tried = to_try(known, "3.5.9-1~deb13u1", exact=False)

    assert tried == ["3.5.9-1~deb13u1", "3.5.7-1~deb13u3", "3.5.7-1~deb13u2"]


@needs_dpkg
def test_what_must_be_exact_has_no_stand_in() -> None:
    assert to_try(["3.13.4-1"], "3.13.5-2", exact=True) == ["3.13.5-2"]


def test_sources_come_from_where_packages_come_from() -> None:
    lists = source_lists("http://a/debian/ trixie main\nhttp://s/ trixie-security main\n")

    assert lists == [
        "deb-src http://a/debian/ trixie main",
        "deb-src http://s/ trixie-security main",
        "deb-src [check-valid-until=no] http://a/debian/ forky main",
    ]


def test_nobodys_packages_are_nobodys_sources() -> None:
    assert source_lists("") == []


def test_modules_are_compiled_from_what_cpython_says() -> None:
    lines = setup_local(["array", "_ssl", "posix"], STDLIB).splitlines()

    assert lines == ["*static*", "_ssl _ssl.c -I/opt/darwin/include", "array arraymodule.c"]


def test_an_object_takes_the_place_of_the_archive_that_is_not_made() -> None:
    (_, line) = setup_local(["_sha2"], STDLIB).splitlines()

    assert line == "_sha2 sha2module.c -I$(srcdir)/I _hacl/Hacl_Hash_SHA2.c -D_BSD_SOURCE"


def test_no_flag_reads_as_a_definition() -> None:
    """In Setup.local, a line with an equals sign is a variable of make."""
    table = tomllib.loads((BUILD / "static/extensions.toml").read_text())
    names = {*table["archive"], *table["compile"]}
    stdlib = "\n".join(f"@MODULE_X_TRUE@{name} {name}.c" for name in names)

    assert "=" not in setup_local(names, stdlib)


def test_a_source_that_stands_in_for_a_newer_one_is_said() -> None:
    versions = {"expat": "1", "openssl": "1", "python3.13": "1", "sqlite3": "1", "zlib": "1"}
    newer = {"libssl-dev": "2"}

    said = stand_ins(versions, lambda binary: newer.get(binary, "1"))

    assert said == ["warning: openssl 1, as no mirror had the source of 2"]


def test_the_bill_names_every_source_with_its_licence() -> None:
    copyright_text = "Format: x\n\nFiles: *\nCopyright: somebody\nLicense: Zlib\n"
    sources = {
        "zlib": {"version": "1:1.3.1-1+deb13u1", "homepage": "", "copyright": copyright_text},
        "zig": {"version": "0.17.1", "homepage": "", "copyright": "MIT"},
    }

    found = {each.name: (each.licence, each.purl) for each in runtimes(sources)}

    assert found == {
        "zlib": (
            "Zlib",
            "pkg:deb/debian/zlib@1%3A1.3.1-1%2Bdeb13u1?arch=source&distro=debian-13",
        ),
        "compiler-rt of zig": ("MIT", "pkg:pypi/ziglang@0.17.1"),
    }


def test_the_wheel_of_zig_is_pinned_for_both_kinds_of_engine() -> None:
    pinned = (BUILD / "requirements-zig.txt").read_text()

    assert pinned.count("--hash=sha256:") == 2


def test_the_compiler_can_be_started(tmp_path: Path) -> None:
    """Docker keeps the mode of what it copies."""
    copied = shutil.copy(BUILD / "darwin/darwin-cc", tmp_path)

    assert Path(copied).stat().st_mode & 0o111 == 0o111


@pytest.mark.parametrize("host", ["printer", "example.com:80"])
def test_no_host_goes_around_proxies_that_nobody_named(host: str) -> None:
    """Asked as urllib asks on darwin, in a Python that finds the stand-ins."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import _osx_support, _scproxy\n"
        "from urllib.request import _proxy_bypass_macosx_sysconf as goes_around\n"
        "print(goes_around(sys.argv[2], _scproxy._get_proxy_settings()), _scproxy._get_proxies())\n"
        "print(_osx_support.customize_config_vars({'TZPATH': 'x'}))\n"
    )
    command = [sys.executable, "-I", "-c", program, str(BUILD / "darwin/stand_ins"), host]

    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert said.splitlines() == ["False {}", "{'TZPATH': 'x'}"]
