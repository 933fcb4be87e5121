"""docs/proof.md says what was found."""

from __future__ import annotations

import pytest

from tests.proof import page, parts


def test_the_page_says_what_was_found() -> None:
    sections = page.printed(page.load())

    assert len(sections) >= 3
    for name, content in sections.items():
        assert page.section(name) == content, "print it: nox -s proof -- --write"


def test_every_part_that_ran_has_its_place_on_the_page() -> None:
    places = {
        **dict.fromkeys((parts.SYSCALLS, parts.SYSCALLS_BEFORE), "system calls"),
        **dict.fromkeys(parts.EXT4.values(), "ext4"),
    }

    for part, data in page.load().items():
        assert data["commit"] in page.section(places.get(part, part)), part


def test_another_section_is_refused() -> None:
    with pytest.raises(ValueError, match="no section nowhere"):
        page.put("text", "nowhere", "content")
