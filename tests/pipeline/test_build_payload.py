"""reagent_build.inside.payload: the block of an executable and the tables that point into it."""

import marshal
import zlib
from pathlib import Path

from reagent_build.inside.contents import Module
from reagent_build.inside.payload import Entry, Payload, c_tables, compiled, laid_out

CODE = b"the same line of code again\n" * 50


def content(payload: Payload, entry: Entry) -> bytes:
    held = payload.block[entry.offset : entry.offset + entry.size]
    return zlib.decompress(held) if entry.inflated else held


def test_everything_can_be_read_back_through_the_tables() -> None:
    modules = {"b": (CODE, False), "a": (CODE + b"a", True), "a.c": (CODE + b"c", False)}
    resources = {"version.txt": b"1.0.0\n"}

    payload = laid_out(modules, resources, {"text": b"made"}, stored={"a"})

    assert {at.name: (content(payload, at), at.is_package) for at in payload.modules} == modules
    assert {at.name: content(payload, at) for at in payload.resources} == resources
    assert {at.name: content(payload, at) for at in payload.generated} == {"text": b"made"}


def test_what_every_start_imports_lies_first_and_as_it_is() -> None:
    payload = laid_out({"a": (CODE, False), "z": (CODE, False)}, {}, {}, stored={"z"})

    a, z = payload.modules
    assert (z.offset, z.inflated) == (0, 0)
    assert a.offset >= z.size
    assert a.inflated == len(CODE) > a.size


def test_what_is_generated_is_never_compressed_as_every_start_asks_for_it() -> None:
    payload = laid_out({}, {}, {"text": CODE}, stored=())

    assert payload.generated == (Entry("text", 0, len(CODE), 0, is_package=False),)


def test_what_compression_does_not_shrink_is_not_compressed() -> None:
    noise = bytes(range(256))

    payload = laid_out({}, {"noise": noise}, {}, stored=())

    assert payload.resources == (Entry("noise", 0, 256, 0, is_package=False),)


def test_tables_are_sorted_by_the_bytes_of_names_as_strcmp_sorts() -> None:
    names = ["a.b", "a_b", "a", "aB", "ä"]

    payload = laid_out(dict.fromkeys(names, (CODE, False)), {}, {}, stored=())

    found = [entry.name.encode() for entry in payload.modules]
    assert found == sorted(found)


def test_the_order_of_the_sources_does_not_change_a_byte() -> None:
    one = laid_out(
        {"a": (CODE, False), "b": (b"b", True)}, {"x": b"1", "y": b"2"}, {}, stored={"b"}
    )
    two = laid_out(
        {"b": (b"b", True), "a": (CODE, False)}, {"y": b"2", "x": b"1"}, {}, stored={"b"}
    )

    assert one == two


def test_bytecode_holds_no_docstrings_no_asserts_and_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text('"""Says what it is."""\nassert False, "never"\n')

    code = compiled(Module("module", path, is_package=False, shown_as="<module.py>"))

    assert b"Says what" not in code
    assert b"never" not in code
    assert str(tmp_path).encode() not in code
    assert marshal.loads(code).co_filename == "<module.py>"


def test_the_tables_in_c_hold_a_row_for_each_entry_and_escape_what_c_would_read() -> None:
    payload = laid_out(
        {"encodings": (b"code", True)}, {'odd"name\\': b"x"}, {}, stored={"encodings"}
    )

    text = c_tables(
        payload,
        bootstrap=["encodings"],
        builtins={"sys": "NULL", "_ssl": "reagent_init__ssl"},
        command='print("hello")\n',
    )

    assert '{"encodings", 0, 4, 0, 1},' in text
    assert '{"encodings", payload + 0, 4, 1},' in text
    assert '{"odd\\"name\\\\", 16, 1, 0, 0},' in text
    assert "extern PyObject *reagent_init__ssl(void);" in text
    assert "extern PyObject *NULL" not in text
    assert 'L"print(\\"hello\\")\\n";' in text
