"""The dialect of Go's `flag` package, which every caller of the agent already speaks.

One dash or two, `-x v` or `-x=v`; a bool takes its value only behind `=`; the first word that is
no flag ends the flags (docs/contract/system.md 2.2). argparse cannot be taught it: it abbreviates,
and refuses `-debug=false`. What a refusal says is Go's text to the letter: people search for it.

`-version` pays for every import made here.
"""

import sys

# A Go uint is as wide as the machine's words.
LARGEST_UINT = 2 * sys.maxsize + 1

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_BASES = {"b": 2, "o": 8, "x": 16}
_DIGITS = {digit: value for value, digit in enumerate("0123456789abcdefghijklmnopqrstuvwxyz")}
_ESCAPES = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
    '"': r"\"",
}


class UsageError(Exception):
    """The command line cannot be read; the text says why, as Go would."""


class HelpWanted(Exception):
    """`-help` or `-h` was given."""


class BadValue(ValueError):
    """A text is not of the flag's type; Go's word for why."""


class Flag:
    """A declared flag: name, default, usage. Its subclasses are the types Go knows.

    A class attribute that reads as its value: on an object whose `__dict__` holds the attribute
    that value is found first, on every other one the default stands.
    """

    kind: type = str
    word = ""

    def __init__(self, name: str, usage: str) -> None:
        self.name = name
        self.usage = usage

    def parse(self, text: str) -> bool | int | str:
        """The value a text stands for.

        Raises:
            BadValue: it stands for none.
        """
        raise NotImplementedError

    @property
    def default_text(self) -> str:
        """The default as the usage shows it; empty where it is the zero value of its type."""
        raise NotImplementedError

    def described(self) -> str:
        """The lines of the usage about this flag."""
        word = f" {self.word}" if self.word else ""
        default = f" (default {self.default_text})" if self.default_text else ""
        return f"  -{self.name}{word}\n    \t{self.usage}{default}\n"


class Bool(Flag):
    """True when it stands alone; `=` and one of twelve words otherwise."""

    kind = bool

    def __init__(self, name: str, usage: str, *, default: bool = False) -> None:
        super().__init__(name, usage)
        self.default = default

    def __get__(self, instance: object, owner: type) -> bool:
        """The default: a value that was given stands in the object itself."""
        return self.default

    @property
    def default_text(self) -> str:
        """`true`, or nothing."""
        return "true" if self.default else ""

    def parse(self, text: str) -> bool:
        """One of Go's twelve words."""
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        raise BadValue("parse error")


class Uint(Flag):
    """A number from 0 up, in any of Go's notations."""

    kind = int
    word = "uint"

    def __init__(self, name: str, usage: str, *, default: int = 0) -> None:
        super().__init__(name, usage)
        self.default = default

    def __get__(self, instance: object, owner: type) -> int:
        """The default: a value that was given stands in the object itself."""
        return self.default

    @property
    def default_text(self) -> str:
        """Decimal; nothing for zero."""
        return str(self.default) if self.default else ""

    def parse(self, text: str) -> int:
        """`10`, `0x0a`, `0b1010`, `0o12`, `012`, `1_000`."""
        return parse_uint(text)


class String(Flag):
    """Any text."""

    word = "string"

    def __init__(self, name: str, usage: str, *, default: str = "") -> None:
        super().__init__(name, usage)
        self.default = default

    def __get__(self, instance: object, owner: type) -> str:
        """The default: a value that was given stands in the object itself."""
        return self.default

    @property
    def default_text(self) -> str:
        """Quoted; nothing for the empty text."""
        return quoted(self.default) if self.default else ""

    def parse(self, text: str) -> str:
        """The text itself."""
        return text


def parse(
    flags: dict[str, Flag], words: list[str]
) -> tuple[dict[str, bool | int | str], list[str]]:
    """Read a command line; the last of several values of one flag counts.

    Args:
        flags: by name.
        words: without the program's own name.

    Returns:
        The values that were given, by flag name, and the words behind the flags.

    Raises:
        UsageError: a word cannot be read.
        HelpWanted: help was asked for before anything that cannot be read.
    """
    values: dict[str, bool | int | str] = {}
    place = 0
    while place < len(words):
        word = words[place]
        if len(word) < 2 or word[0] != "-":
            break
        place += 1
        if word == "--":
            break
        name, equals, text = _split(word)
        flag = flags.get(name)
        if flag is None:
            if name in {"help", "h"}:
                raise HelpWanted
            raise UsageError(f"flag provided but not defined: -{name}")
        if not equals and not isinstance(flag, Bool):
            if place == len(words):
                raise UsageError(f"flag needs an argument: -{name}")
            text = words[place]
            place += 1
        values[name] = _value(flag, text if equals or not isinstance(flag, Bool) else "true")
    return values, words[place:]


def usage(program: str, flags: dict[str, Flag]) -> str:
    """What `-help` shows: the flags in byte-wise order of their names."""
    lines = [f"Usage of {program}:\n"]
    lines += [flags[name].described() for name in sorted(flags)]
    return "".join(lines)


def parse_uint(text: str) -> int:
    """A number as Go's `strconv.ParseUint(text, 0, 64)` reads it, faults in its order.

    Raises:
        BadValue: `parse error`, or `value out of range` when that shows first.
    """
    base, digits = _base(text)
    number = 0
    for character in digits:
        if character == "_":
            continue
        digit = _DIGITS.get(character.lower() if character.isascii() else "", base)
        if digit >= base:
            raise BadValue("parse error")
        number = number * base + digit
        if number > LARGEST_UINT:
            raise BadValue("value out of range")
    if not text or ("_" in text and not _underscores_separate_digits(text)):
        raise BadValue("parse error")
    return number


def quoted(text: str) -> str:
    """A text as Go's `%q` prints it; a byte that is no UTF-8 becomes an escape too."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _split(word: str) -> tuple[str, str, str]:
    """Name, `=` or nothing, and what follows it."""
    name = word[2:] if word.startswith("--") else word[1:]
    if not name or name[0] in "-=":
        raise UsageError(f"bad flag syntax: {word}")
    return name.partition("=")


def _value(flag: Flag, text: str) -> bool | int | str:
    try:
        return flag.parse(text)
    except BadValue as error:
        if isinstance(flag, Bool):
            why = f"invalid boolean value {quoted(text)} for -{flag.name}: {error}"
        else:
            why = f"invalid value {quoted(text)} for flag -{flag.name}: {error}"
        raise UsageError(why) from error


def _base(text: str) -> tuple[int, str]:
    """The base that the prefix says, and the text without the prefix."""
    if not text.startswith("0"):
        return 10, text
    if len(text) >= 3 and text[1].lower() in _BASES:
        return _BASES[text[1].lower()], text[2:]
    return 8, text[1:]


def _underscores_separate_digits(text: str) -> bool:
    """Whether each underscore stands between digits; a prefix counts as one."""
    if text[0] == "0" and text[1:2].lower() in _BASES:
        text = "0" + text[2:]
    return not (text[0] == "_" or text[-1] == "_" or "__" in text)


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
