"""What is asked of a bucket. Every write names the generation it replaces; there is no other way.

Generations: every object has one, it is above 0 and changes with every write. 0 says "does not
exist". A writer that saw an older state than there is gets `Changed`, never his will.
"""

from dataclasses import dataclass
from typing import Final, Protocol

from reagent_build.progress import Moved, unheard

ABSENT: Final = 0
"""The generation of what does not exist: a write that expects it never overwrites."""


@dataclass(frozen=True, slots=True)
class Stat:
    """What a bucket knows of an object without reading it."""

    name: str
    size: int
    generation: int
    fingerprint: str
    """Equal for equal content within one bucket; says nothing across buckets."""
    cache_control: str
    content_type: str


class Bucket(Protocol):
    """Objects by name, `/` in names as it comes. Every call ends within a bound."""

    @property
    def address(self) -> str:
        """How a person names it: gs://re-agent, or a folder."""

    def stat(self, name: str) -> Stat | None:
        """What is known of an object; None if there is none.

        Raises:
            StoreError: the bucket does not say.
        """

    def names(self, prefix: str) -> tuple[Stat, ...]:
        """All objects whose names begin so, in order of their names.

        Raises:
            StoreError: the bucket does not say.
        """

    def get(self, name: str) -> tuple[Stat, bytes]:
        """An object and what is in it, both of one generation.

        Raises:
            ObjectMissing: there is none.
            StoreError: it could not be read whole.
        """

    def put(self, name: str, content: bytes, *, replacing: int, moved: Moved = unheard) -> Stat:
        """Write an object at one stroke, with `layout.CACHE_CONTROL` and its content type.

        Args:
            name: of the object.
            content: what will be in it.
            replacing: the generation that is to be replaced; ABSENT creates and never overwrites.
            moved: hears of progress.

        Raises:
            Changed: another generation is there, or one where none should be.
            StoreError: it was not written, or nobody knows whether it was.
        """

    def copy(self, source: Stat, name: str, *, replacing: int) -> Stat:
        """Copy within the bucket, without moving the bytes here.

        Raises:
            ObjectMissing: the source is gone.
            Changed: the source, or what is to be replaced, is of another generation.
            StoreError: it was not written, or nobody knows whether it was.
        """
