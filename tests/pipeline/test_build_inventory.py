"""reagent_build.inside.inventory, relink: what the linker's map says, and whose it is."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from reagent_build.inside import relink
from reagent_build.inside.inventory import contributions, owner, owners
from reagent_build.inside.toolchain import BuildError

MAP = """\
Archive member included to satisfy reference by file (symbol)

/usr/lib/libssl.a(s3_lib.o)
                              /work/launcher_c.o (SSL_new)

Discarded input sections

 .text.unused   0x0000000000000000      0x1f0 /usr/lib/libunused.a(never.o)

Memory Configuration

Linker script and memory map

LOAD /usr/lib/crt1.o
Address of section .reagent set to 0x8000000
LOAD /work/launcher_c.o
START GROUP
LOAD /usr/lib/libssl.a
LOAD /usr/lib/libm.a
START GROUP
LOAD /usr/lib/libm-2.41.a
END GROUP
END GROUP
LOAD linker stubs

.text           0x0000000000401000    0x10000
 .text.main     0x0000000000401000       0x20 /work/launcher_c.o
 *fill*         0x0000000000401020        0x4
 .text.a_name_that_is_too_long_for_its_column
                0x0000000000401040       0x10 /usr/lib/libssl.a(s3_lib.o)
                0x0000000000401040                SSL_new
 .rodata        0x0000000000402000        0x8 /usr/lib/libssl.a(s3_lib.o)
 .text          0x0000000000402100        0x0 /usr/lib/libssl.a(empty.o)
 .comment       0x0000000000000000       0x27 /usr/lib/libm-2.41.a(e_exp.o)
"""


def test_an_archive_counts_with_the_bytes_that_it_gave_and_its_members_by_name() -> None:
    assert contributions(MAP) == {
        "/work/launcher_c.o": {"launcher_c.o": 0x20},
        "/usr/lib/libssl.a": {"s3_lib.o": 0x18},
    }


def test_what_is_no_map_is_refused() -> None:
    with pytest.raises(BuildError, match="no map"):
        contributions("ld: cannot find -lssl")


def test_a_file_belongs_to_the_package_that_brought_it_whatever_links_lead_there(
    tmp_path: Path,
) -> None:
    info, real = tmp_path / "info", tmp_path / "usr/lib"
    info.mkdir()
    real.mkdir(parents=True)
    (real / "libssl.a").touch()
    (tmp_path / "lib").symlink_to(real)
    (info / "libssl-dev:arm64.list").write_text(f"{real}\n{real}/libssl.a\n")

    installed = owners(info)

    assert owner(f"{tmp_path}/lib/../lib/libssl.a", installed) == "libssl-dev:arm64"
    with pytest.raises(BuildError, match=r"libmine\.a was linked, and no Debian package has it"):
        owner(f"{real}/libmine.a", installed)


def test_linking_again_is_given_the_same_files_in_the_same_order() -> None:
    assert list(relink.inputs(MAP)) == [
        "/usr/lib/crt1.o",
        "/work/launcher_c.o",
        "--start-group",
        "/usr/lib/libssl.a",
        "/usr/lib/libm.a",
        "/usr/lib/libm-2.41.a",
        "--end-group",
    ]


def linked(folder: Path) -> str:
    """A map of two files that exist, and a linker script that names one of them."""
    (folder / "main.o").write_bytes(b"\x7fELF main")
    (folder / "libc.a").write_bytes(b"!<arch>\n libc")
    (folder / "libm.a").write_text("GROUP ( libc.a )")
    names = ("main.o", "libm.a", "libc.a")
    return "".join(f"LOAD {folder / name}\n" for name in names)


def test_the_archive_holds_every_file_the_command_and_the_tools(tmp_path: Path) -> None:
    packed = relink.archive(linked(tmp_path), "some-cpu-linux-gnu", "ld 2.44\n")

    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        names = archive.getnames()
        script = archive.extractfile("relink.sh")
        assert script is not None
        text = script.read().decode()
    assert names == [
        "README",
        "relink.sh",
        "versions.txt",
        "linked/main.o",
        "linked/libc.a",
    ]
    assert text.index("linked/main.o") < text.index("linked/libc.a")
    assert "linked/libm.a" not in text
    assert "some-cpu-linux-gnu-$1" in text


def test_the_same_files_make_the_same_archive(tmp_path: Path) -> None:
    map_text = linked(tmp_path)
    first = relink.archive(map_text, "cpu", "")
    (tmp_path / "libc.a").touch()

    assert relink.archive(map_text, "cpu", "") == first
    assert int.from_bytes(first[4:8], "little") == 0
    assert b"root" not in gzip.decompress(first)


def test_two_files_of_one_name_cannot_be_told_apart_and_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/main.o").write_bytes(b"\x7fELF other")
    map_text = linked(tmp_path) + f"LOAD {tmp_path}/other/main.o\n"

    with pytest.raises(BuildError, match="have one name"):
        relink.archive(map_text, "cpu", "")
