"""The tables of docs/proof.md: what runs found (`.cache/proof`), as data, and printed from it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from tests.proof import parts
from tests.proof.record import Record, Tried

ROOT: Final = Path(__file__).resolve().parents[2]
DATA: Final = ROOT / "tests/data/proof.json"
PAGE: Final = ROOT / "docs/proof.md"

# The version that an update brings there; the other one is that of before.
_NEW: Final = "1.1.0"
_KILL: Final = "SIGKILL"
_ERRORS: Final = ("ENOSPC", "EROFS", "EIO")

Summary = dict[str, Any]


# --- what was found


def found() -> dict[str, Summary]:
    """What every part that ran found; the others are left out."""
    records = ((part, Record.read(part)) for part in _SUMMARIES)
    return {
        part: {"commit": record.commit, "date": record.date, **_SUMMARIES[part](record)}
        for part, record in records
        if record is not None
    }


def load() -> dict[str, Summary]:
    """What was found once."""
    known: dict[str, Summary] = json.loads(DATA.read_text(encoding="utf-8"))
    return known


def save(data: Mapping[str, Summary]) -> None:
    """Keep it, and print the page."""
    DATA.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    text = PAGE.read_text(encoding="utf-8")
    for name, content in printed(data).items():
        text = put(text, name, content)
    PAGE.write_text(text, encoding="utf-8")


def _syscalls(record: Record) -> Summary:
    steps: dict[str, Counter[str]] = {}
    for each in record.tried:
        step = steps.setdefault(each.place.step, Counter())
        if not each.reached:
            continue
        step[each.place.fault] += 1
        if each.place.fault == _KILL:
            step[_then(each)] += 1
        step["lost"] += bool(each.lost)
    kills = [place for place in record.places if place.fault == _KILL]
    return {
        "places": len(record.places),
        "kills": len(kills),
        "tried": len(record.tried),
        "kills tried": sum(each.place.fault == _KILL for each in record.tried),
        "not reached": sum(not each.reached for each in record.tried),
        "steps": steps,
    }


def _ext4(record: Record) -> Summary:
    then = Counter(_then(each) for each in record.tried if not each.lost)
    return {
        "places": len(record.places),
        "tried": len(record.tried),
        "not reached": sum(not each.reached for each in record.tried),
        "old": then["old"],
        "new": then["new"],
        "lost": len(record.losses),
    }


def _twice_cut(record: Record) -> Summary:
    stories: list[Any] = list(record.facts.values())
    points, disks = (sum(each[column] for each in stories) for column in (0, 1))
    return {"stories": len(stories), "points": points, "disks": disks}


def _then(tried: Tried) -> str:
    return "new" if tried.ran == _NEW else "old"


_SUMMARIES: Final[Mapping[str, Callable[[Record], Summary]]] = {
    parts.SYSCALLS: _syscalls,
    parts.SYSCALLS_BEFORE: _syscalls,
    **dict.fromkeys(parts.EXT4.values(), _ext4),
    parts.TWICE: _twice_cut,
    **dict.fromkeys((parts.ENDURANCE, parts.HISTORIES), lambda record: record.facts),
}


# --- the page


def put(text: str, name: str, content: str) -> str:
    """The page's text with another content of a section."""
    before, begin, rest = text.partition(_begin(name))
    if not begin:
        raise ValueError(f"the page has no section {name}")
    _, _, after = rest.partition(_END)
    return f"{before}{begin}\n\n{content}\n\n{_END}{after}"


def section(name: str) -> str:
    """A section as the page has it."""
    text = PAGE.read_text(encoding="utf-8")
    return text.partition(_begin(name))[2].partition(_END)[0].strip()


def printed(data: Mapping[str, Summary]) -> dict[str, str]:
    """Every section that data has something for."""
    made: dict[str, str] = {}
    if parts.SYSCALLS in data:
        made["system calls"] = _system_calls(data[parts.SYSCALLS], data.get(parts.SYSCALLS_BEFORE))
    if any(part in data for part in parts.EXT4.values()):
        made["ext4"] = _file_systems(data)
    for part, say in _SENTENCES.items():
        if part in data:
            made[part] = f"{say(data[part])} {_when(data[part])}"
    return made


def _system_calls(data: Summary, before: Summary | None) -> str:
    columns = (_KILL, "old", "new", *_ERRORS, "lost")
    said = f"{data['tried']:,} of {data['places']:,} places tried,"
    lines = [
        f"{said} among them {data['kills tried']} of {data['kills']} kills. {_when(data)}",
        "",
        "| step | SIGKILL | then old | then new | ENOSPC | EROFS | EIO | losses |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    total: Counter[str] = Counter()
    for step, counts in sorted(data["steps"].items()):
        total += Counter(counts)
        lines.append(_row(step, (counts.get(column, 0) for column in columns)))
    lines.append(_row("**total**", (f"**{total[column]}**" for column in columns)))
    lines.append("")
    lines.append(
        '"Then" is the active version after the start behind a kill; a trial that was cut goes on'
        f" later. At {_tries(data['not reached'])} the call was not reached, because threads had come"
        " in another order: they ended as ever, and count for nothing here."
    )
    if before is not None:
        lost = sum(counts.get("lost", 0) for counts in before["steps"].values())
        said = f"Before that {before['tried']:,} of {before['places']:,} places, {lost} losses."
        lines += ["", f"{said} {_when(before)}"]
    return "\n".join(lines)


def _tries(number: int) -> str:
    return "1 try" if number == 1 else f"{number} tries"


def _file_systems(data: Mapping[str, Summary]) -> str:
    lines = [
        "| data mode | cuts | then old | then new | losses | as of |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for mode, part in parts.EXT4.items():
        if part in data:
            of = data[part]
            cuts = f"{of['tried']} of {of['places']}"
            of_what = f"{of['commit']}, {of['date']}"
            lines.append(_row(mode, (cuts, of["old"], of["new"], of["lost"], of_what)))
    return "\n".join(lines)


def _row(first: str, cells: Iterable[object]) -> str:
    return f"| {' | '.join((first, *map(str, cells)))} |"


def _when(data: Summary) -> str:
    return f"(As of {data['commit']}, {data['date']}.)"


def _endurance(data: Summary) -> str:
    before, after = data["descriptors"]
    return (
        f"{data['updated']} updates, {data['rolled back']} rollbacks, {data['killed']} kills:"
        f" {before} descriptors before and {after} after, {data['versions']} versions in the folder."
    )


def _twice(data: Summary) -> str:
    return (
        f"Cut again at every operation of the recovery, in {data['stories']} stories:"
        f" {data['points']:,} more cuts, {data['disks']:,} more different disks, no loss."
    )


def _histories(data: Summary) -> str:
    return (
        f"{data['lives']:,} lives of up to {data['steps']} steps, {data['cuts']:,} cuts in them,"
        " no loss."
    )


_SENTENCES: Final[Mapping[str, Callable[[Summary], str]]] = {
    parts.ENDURANCE: _endurance,
    parts.TWICE: _twice,
    parts.HISTORIES: _histories,
}

_END: Final = "<!-- end -->"


def _begin(name: str) -> str:
    return f"<!-- {name} -->"
