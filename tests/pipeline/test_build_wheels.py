from __future__ import annotations

import zipfile
from pathlib import Path

from reagent_build.wheels import without_compiled_parts


def test_a_wheel_loses_what_is_compiled_and_keeps_a_true_record(tmp_path: Path) -> None:
    wheel = tmp_path / "thing-1.0-cp313-cp313-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl"
    with zipfile.ZipFile(wheel, "w") as whole:
        whole.writestr("thing/__init__.py", "x = 1\n")
        whole.writestr("thing/_fast.so", b"\x7fELF...")
        whole.writestr("thing/tool", b"\x7fELF...")
        whole.writestr(
            "thing-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: false\n"
            "Tag: cp313-cp313-manylinux_2_24_x86_64\nTag: cp313-cp313-manylinux_2_28_x86_64\n\n",
        )
        whole.writestr(
            "thing-1.0.dist-info/RECORD",
            "thing/__init__.py,sha256=a,6\nthing/_fast.so,sha256=b,7\nthing/tool,sha256=c,7\n"
            "thing-1.0.dist-info/WHEEL,sha256=d,9\nthing-1.0.dist-info/RECORD,,\n",
        )

    pure = without_compiled_parts(wheel)

    assert pure.name == "thing-1.0-py3-none-any.whl"
    assert not wheel.exists()
    with zipfile.ZipFile(pure) as part:
        assert sorted(part.namelist()) == [
            "thing-1.0.dist-info/RECORD",
            "thing-1.0.dist-info/WHEEL",
            "thing/__init__.py",
        ]
        assert part.read("thing-1.0.dist-info/RECORD").decode().splitlines() == [
            "thing/__init__.py,,",
            "thing-1.0.dist-info/WHEEL,,",
            "thing-1.0.dist-info/RECORD,,",
        ]
        assert part.read("thing-1.0.dist-info/WHEEL").decode().splitlines()[1:3] == [
            "Root-Is-Purelib: true",
            "Tag: py3-none-any",
        ]
