"""A disk as it is and as a power cut may leave it.

What a process sees and what survives are two things. Of a file that was written and not fsynced a
cut leaves any of: nothing or what was there before, its beginning, its beginning and then zeros, its
end behind zeros (blocks are written in any order), zeros, everything. Names that were made, taken away or moved and
whose folder was not fsynced are there or not, each for itself, so a later one may be there without an earlier one; a rename is whole
or did not happen.
A link whose folder was not fsynced after it was made may have lost its target, even where a later
rename of it survived.

`cut_at(n)` lets n operations happen and raises `PowerCut` at the next; `worlds()` then gives every
disk that a machine may find when it comes up again.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from reagent.contracts.files import Found, Kind

Content = bytes
_PLENTY = 1 << 40


class PowerCut(BaseException):
    """The power is gone: nobody catches this by mistake."""


class Numbers:
    """0, 1, 2 and so on. A whole device is copied, and an iterator of `itertools` cannot be."""

    def __init__(self) -> None:
        self._next = 0

    def __next__(self) -> int:
        self._next += 1
        return self._next - 1


@dataclass
class Node:
    """A file, a link or a folder, whatever names it has."""

    kind: Kind
    number: int
    content: Content = b""
    target: str = ""
    mode: int = 0o644
    mtime: float = 0.0
    # What certainly survives; None: not even the node.
    durable: tuple[Content, int, float] | None = None
    target_durable: bool = True

    def settle(self) -> None:
        self.durable = (self.content, self.mode, self.mtime)

    @property
    def dirty(self) -> bool:
        return self.durable != (self.content, self.mode, self.mtime)


@dataclass(frozen=True)
class Change:
    """What happened to names and is not on the disk yet. `None` takes the name away."""

    names: tuple[tuple[str, Node | None], ...]
    folders: frozenset[str]


@dataclass
class FakeFiles:
    """Implements `contracts.files.Files`."""

    now: float = 1_000.0
    names: dict[str, Node] = field(default_factory=dict)
    safe: dict[str, Node] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    done: int = 0
    cut: int = -1
    full: bool = False
    fails: dict[str, int] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    after_each: Callable[[], None] | None = None
    _numbers: Numbers = field(default_factory=Numbers)

    # --- arranging

    def folder(self, path: str) -> None:
        """Have a folder, on the disk."""
        self._place(path, Node(Kind.FOLDER, next(self._numbers)))

    def file(
        self, path: str, content: Content = b"", *, mode: int = 0o755, mtime: float = 500.0
    ) -> None:
        """Have a file, on the disk."""
        node = Node(Kind.FILE, next(self._numbers), content, mode=mode, mtime=mtime)
        node.settle()
        self._place(path, node)

    def link(self, path: str, target: str) -> None:
        """Have a link, on the disk."""
        self._place(path, Node(Kind.LINK, next(self._numbers), target=target))

    def pipe(self, path: str) -> None:
        """Have something that is neither."""
        self._place(path, Node(Kind.OTHER, next(self._numbers)))

    def fail(self, operation: str, number: int) -> None:
        """From now on this operation fails with that `errno`; 0 heals it."""
        self.fails[operation] = number

    def cut_at(self, operations: int) -> None:
        """Let so many more operations happen."""
        self.cut = self.done + operations

    # --- the contract

    def lstat(self, path: str) -> Found:
        node = self._node(path)
        size = len(node.target if node.kind is Kind.LINK else node.content)
        return Found(node.kind, size, node.mode, node.mtime, (1, node.number))

    def readlink(self, path: str) -> str:
        node = self._node(path)
        if node.kind is not Kind.LINK:
            raise _error(errno.EINVAL, path)
        return node.target

    def read(self, path: str, most: int) -> bytes:
        node = self._file(path)
        if len(node.content) > most:
            raise _error(errno.EFBIG, path)
        return node.content

    def sha256(self, path: str) -> str:
        return hashlib.sha256(self._file(path).content).hexdigest()

    def list(self, folder: str) -> list[str]:
        if self._node(folder).kind is not Kind.FOLDER:
            raise _error(errno.ENOTDIR, folder)
        inside = (path.rpartition("/") for path in self.names)
        return [name for place, _, name in inside if place == folder]

    def free(self, folder: str) -> int:
        self._node(folder)
        return 0 if self.full else _PLENTY

    def create(self, path: str, mode: int) -> FakeNewFile:
        self._step("create", path)
        if path in self.names:
            raise _error(errno.EEXIST, path)
        if self._parent(path).kind is not Kind.FOLDER:
            raise _error(errno.ENOTDIR, path)
        node = Node(Kind.FILE, next(self._numbers), mode=mode, mtime=self.now)
        self._change((path, node))
        return FakeNewFile(self, node)

    def append(self, path: str) -> FakeNewFile:
        return FakeNewFile(self, self._file(path))

    def symlink(self, target: str, path: str) -> None:
        self._step("symlink", path)
        self._parent(path)
        if path in self.names:
            raise _error(errno.EEXIST, path)
        node = Node(Kind.LINK, next(self._numbers), target=target, target_durable=False)
        self._change((path, node))

    def rename(self, path: str, to: str) -> None:
        self._step("rename", f"{path} {to}")
        node = self._node(path)
        self._parent(to)
        there = self.names.get(to)
        if there is not None and there.kind is Kind.FOLDER and node.kind is not Kind.FOLDER:
            raise _error(errno.EISDIR, to)
        self._change((path, None), (to, node))

    def unlink(self, path: str) -> None:
        self._step("unlink", path)
        if self._node(path).kind is Kind.FOLDER:
            raise _error(errno.EISDIR, path)
        self._change((path, None))

    def utime(self, path: str, seconds: float) -> None:
        self._step("utime", path)
        self._node(path).mtime = seconds

    def chmod(self, path: str, mode: int) -> None:
        self._step("chmod", f"{path} {mode:o}")
        self._file(path).mode = mode

    def fsync(self, path: str) -> None:
        self._step("fsync", path)
        node = self._node(path)
        if node.kind is Kind.FOLDER:
            self._settle_folder(path)
        else:
            node.settle()

    # --- what a cut leaves

    def worlds(self) -> Iterator[FakeFiles]:
        """Every disk that may be found after the power went now; each is a disk of its own."""
        for kept in itertools.product((False, True), repeat=len(self.changes)):
            names = dict(self.safe)
            for change, is_kept in zip(self.changes, kept, strict=True):
                if is_kept:
                    _apply(names, change)
            yield from self._fates(names)

    def some_worlds(self, most: int, dice: random.Random) -> Iterator[FakeFiles]:
        """The same where they are no more than that; otherwise so many of them, drawn.

        A disk on which nothing can be synced any more has thousands of them, and then millions.
        """
        if 2 ** len(self.changes) <= most:
            found = list(itertools.islice(self.worlds(), most + 1))
            if len(found) <= most:
                yield from found
                return
        for _ in range(most):
            names = dict(self.safe)
            for change in self.changes:
                if dice.random() < 0.5:
                    _apply(names, change)
            unsure = (node for node in _distinct(names) if _is_unsure(node))
            yield self._found(names, {id(node): dice.choice(_fates_of(node)) for node in unsure})

    def _fates(self, names: dict[str, Node]) -> Iterator[FakeFiles]:
        unsure = [node for node in _distinct(names) if _is_unsure(node)]
        for fates in itertools.product(*(_fates_of(node) for node in unsure)):
            yield self._found(names, dict(zip((id(node) for node in unsure), fates, strict=True)))

    def _found(self, names: dict[str, Node], came: dict[int, Node]) -> FakeFiles:
        copies = {id(node): came.get(id(node)) or _copy(node) for node in _distinct(names)}
        found = {path: copies[id(node)] for path, node in names.items()}
        return FakeFiles(
            now=self.now + 60, names=dict(found), safe=dict(found), _numbers=self._numbers
        )

    def fingerprint(self) -> object:
        """Equal for two disks on which the same things stand."""
        return frozenset(
            (path, node.kind, node.content, node.target, node.mode, node.mtime)
            for path, node in self.names.items()
        )

    # --- inside

    def _step(self, operation: str, what: str) -> None:
        if self.cut >= 0 and self.done >= self.cut:
            raise PowerCut
        if self.after_each is not None and self.done:
            self.after_each()
        number = self.fails.get(operation, 0)
        if number:
            raise _error(number, what)
        self.done += 1
        self.log.append(f"{operation} {what}")

    def _node(self, path: str) -> Node:
        node = self.names.get(path.removesuffix("/."))
        if node is None:
            raise _error(errno.ENOENT, path)
        return node

    def _file(self, path: str) -> Node:
        node = self._node(path)
        if node.kind is Kind.FOLDER:
            raise _error(errno.EISDIR, path)
        if node.kind is not Kind.FILE:
            raise _error(errno.ELOOP if node.kind is Kind.LINK else errno.EINVAL, path)
        return node

    def _parent(self, path: str) -> Node:
        return self._node(path.rpartition("/")[0])

    def _place(self, path: str, node: Node) -> None:
        self.names[path] = self.safe[path] = node

    def _change(self, *names: tuple[str, Node | None]) -> None:
        folders = frozenset(path.rpartition("/")[0] for path, _ in names)
        change = Change(names, folders)
        self.changes.append(change)
        _apply(self.names, change)

    def _settle_folder(self, folder: str) -> None:
        """All changes of this folder are on the disk; one that concerns another folder too waits."""
        rest = []
        for change in self.changes:
            folders = change.folders - {folder}
            if folders:
                rest.append(Change(change.names, folders))
            else:
                _apply(self.safe, change)
        self.changes = rest
        for path, node in self.names.items():
            if path.rpartition("/")[0] == folder:
                node.target_durable = True


@dataclass
class FakeNewFile:
    """Implements `contracts.files.NewFile`."""

    files: FakeFiles
    node: Node
    closed: bool = False

    def write(self, content: bytes) -> None:
        self.files._step("write", str(len(content)))
        if self.files.full:
            self.node.content += content[: len(content) // 2]
            raise _error(errno.ENOSPC, "write")
        self.node.content += content

    def read(self, offset: int, size: int) -> bytes:
        return self.node.content[offset : offset + size]

    def size(self) -> int:
        return len(self.node.content)

    def chmod(self, mode: int) -> None:
        self.files._step("chmod", oct(mode))
        self.node.mode = mode

    def utime(self, seconds: float) -> None:
        self.files._step("utime", str(seconds))
        self.node.mtime = seconds

    def fsync(self) -> None:
        self.files._step("fsync", "file")
        self.node.settle()

    def close(self) -> None:
        self.closed = True


def _apply(names: dict[str, Node], change: Change) -> None:
    for path, node in change.names:
        if node is None:
            names.pop(path, None)
        else:
            names[path] = node


def _distinct(names: dict[str, Node]) -> list[Node]:
    return list({id(node): node for node in names.values()}.values())


def _is_unsure(node: Node) -> bool:
    if node.kind is Kind.LINK:
        return not node.target_durable
    return node.kind is Kind.FILE and node.dirty


def _fates_of(node: Node) -> list[Node]:
    """What may become of it; the first is that it came through."""
    if node.kind is Kind.LINK:
        return [_copy(node), _copy(node, target="")]
    old, mode, mtime = node.durable or (b"", node.mode, node.mtime)
    new = node.content
    contents = {new} if old == new else {new, old, *_torn(new)}
    fates = [_copy(node, content=content) for content in sorted(contents, reverse=True)]
    if (mode, mtime) != (node.mode, node.mtime):
        fates.append(_copy(node, mode=mode, mtime=mtime))
    return fates


def _torn(content: Content) -> set[Content]:
    """What lies on the disk when some of its blocks were written, in whatever order."""
    half = len(content) // 2
    head, tail = content[:half], content[half:]
    blank = b"\0" * len(content)
    return {head, head + blank[half:], blank[:half] + tail, blank}


def _copy(node: Node, **other: object) -> Node:
    fields = {
        "content": node.content, "target": node.target, "mode": node.mode, "mtime": node.mtime,
    } | other  # fmt: skip
    copy = Node(node.kind, node.number, **fields)  # type: ignore[arg-type]
    copy.settle()
    return copy


def _error(number: int, what: str) -> OSError:
    return OSError(number, os.strerror(number), what)
