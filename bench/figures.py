"""What was measured, beside what, and how the two compare."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_SCALES: Final = {"s": 1.0, "ms": 1e3, "MB": 1e-6, "/s": 1.0}


@dataclass(frozen=True, slots=True)
class Sample:
    """Values of one thing, in base units (seconds, bytes, calls per second)."""

    values: tuple[float, ...]
    unit: str

    @staticmethod
    def of(values: Sequence[float], unit: str) -> "Sample":
        """A sample shown in `unit`: s, ms, MB or /s."""
        return Sample(tuple(values), unit)

    @property
    def median(self) -> float:
        """The figure that stands for all."""
        return statistics.median(self.values)

    def shown(self) -> str:
        """The median in its unit, with lowest and highest where there are several."""
        scale = _SCALES[self.unit]
        middle = _short(self.median * scale)
        if len(self.values) == 1:
            return f"{middle} {self.unit}"
        low, high = _short(min(self.values) * scale), _short(max(self.values) * scale)
        return f"{middle} {self.unit} ({low}-{high})"


@dataclass(frozen=True, slots=True)
class Budget:
    """How much is allowed: of the value in base units, or of the ratio to the reference."""

    limit: float
    unit: str

    def shown(self) -> str:
        """The limit as a person reads it."""
        if self.unit == "x":
            return f"<= {_short(self.limit)} x"
        return f"<= {_short(self.limit * _SCALES[self.unit])} {self.unit}"

    def kept(self, ours: float, ratio: float | None) -> bool | None:
        """Whether it is kept; None where there is no reference to compare with."""
        if self.unit == "x":
            return None if ratio is None else ratio <= self.limit
        return ours <= self.limit


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: a measurement of the agent, its reference in the same run, its budget."""

    what: str
    ours: Sample
    beside: str = ""
    reference: Sample | None = None
    budget: Budget | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours over the reference, of the medians."""
        if self.reference is None or not self.reference.median:
            return None
        return self.ours.median / self.reference.median

    def cells(self) -> tuple[str, ...]:
        """The row as text: what, ours, reference, beside what, ratio, budget."""
        ratio, budget = self.ratio, "-"
        if self.budget is not None:
            kept = self.budget.kept(self.ours.median, ratio)
            budget = self.budget.shown() + {True: "", False: " **over**", None: " ?"}[kept]
        return (
            self.what,
            self.ours.shown(),
            self.reference.shown() if self.reference else "-",
            self.beside or "-",
            f"{ratio:.2f} x" if ratio is not None else "-",
            budget,
        )


@dataclass(frozen=True, slots=True)
class Table:
    """What is no single figure: where something goes, row by row."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie; the nearest one that was measured."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _short(number: float) -> str:
    if number >= 1000:
        return f"{number:,.0f}"
    return f"{number:.3g}" if number < 100 else f"{number:.0f}"
