"""reagent_build.inside.start: what every start imports and generates, learnt by starting once."""

import marshal
import re
import subprocess
import sys
from pathlib import Path

from reagent_build.inside import start

PATCHED = """
import _reagent
_reagent.generated("def f():\\n 'said'\\n return 42")
_reagent.generated("0:'a(?P<b>c)'")
_reagent.generated("0:'[^a]*'")
name = _reagent.resource("version.txt")
"""


def started(tmp_path: Path, bits: int = 64) -> tuple[list[str], list[tuple[str, object]]]:
    (tmp_path / "asks.py").write_text(PATCHED)
    (tmp_path / "version.txt").write_text("1.0.0\n")
    table = {"asks": (str(tmp_path / "asks.py"), False), "never": ("/nowhere", False)}

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", start.__file__],
        input=marshal.dumps((("asks",), str(tmp_path), table, bits)),
        capture_output=True,
        check=True,
    )

    names, generated = marshal.loads(done.stdout)
    return names, generated


def test_only_what_was_imported_is_named(tmp_path: Path) -> None:
    names, _ = started(tmp_path)

    assert "asks" in names
    assert "never" not in names


def test_a_text_becomes_its_code_without_docstrings(tmp_path: Path) -> None:
    _, generated = started(tmp_path)

    namespace: dict[str, object] = {}
    exec(dict(generated)["def f():\n 'said'\n return 42"], namespace)  # type: ignore[arg-type]
    made = namespace["f"]
    assert callable(made)
    assert (made(), made.__doc__) == (42, None)


def test_a_regular_expression_becomes_what_the_engine_takes(tmp_path: Path) -> None:
    _, generated = started(tmp_path)

    made = dict(generated)["0:'a(?P<b>c)'"]
    assert isinstance(made, tuple)
    assert made[:2] + made[3:5] == ("a(?P<b>c)", int(re.UNICODE), 1, {"b": 1})
    assert {type(word) for word in made[2]} == {int}


def test_any_number_of_times_is_as_much_as_the_target_can_count(tmp_path: Path) -> None:
    counts = {}

    for bits in (32, 64):
        made = dict(started(tmp_path, bits)[1])["0:'[^a]*'"]
        assert isinstance(made, tuple)
        counts[bits] = 2**31 - 1 in made[2]

    assert counts == {32: True, 64: False}
