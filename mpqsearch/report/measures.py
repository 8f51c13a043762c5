# SPDX-License-Identifier: Apache-2.0
"""The objectives as people read them: names, units, decimals."""

from collections.abc import Sequence
from dataclasses import dataclass

from mpqsearch.coordinates import LOG_RANGE
from mpqsearch.trials import TrialRecord

PERCENT = 100.0
ANALYTIC = "analytic"


@dataclass(frozen=True)
class Measure:
    """One objective.

    Attributes:
        key: The record's field.
        name: In words.
        unit: Of the figures shown.
        decimals: Shown of them.
    """

    key: str
    name: str
    unit: str
    decimals: int

    @property
    def is_accuracy(self) -> bool:
        """Whether more of it is better."""
        return self.key == "accuracy"

    @property
    def title(self) -> str:
        """Name and unit, for an axis."""
        return f"{self.name}, {self.unit}"

    def of(self, record: TrialRecord) -> float:
        """A record's figure in the unit, of six digits."""
        value = float(getattr(record, self.key))
        return round(PERCENT * value, 4) if self.is_accuracy else float(f"{value:.6g}")

    def text(self, value: float, *, estimated: bool = False) -> str:
        """A figure with its unit; `~` in front of an analytic estimate."""
        return f"{'~' if estimated else ''}{value:,.{self.decimals}f}\u00a0{self.unit}"

    def text_of(self, record: TrialRecord) -> str:
        """A record's figure with its unit."""
        return self.text(self.of(record), estimated=self.is_estimate(record))

    def is_estimate(self, record: TrialRecord) -> bool:
        """Whether the record's figure is an analytic estimate: times and energies may be."""
        return self in (LATENCY, ENERGY) and record.cost_origin == ANALYTIC

    def is_logarithmic(self, values: Sequence[float]) -> bool:
        """Whether an axis of these values is: a cost that spans a factor of ten or more."""
        if self.is_accuracy or not values or min(values) <= 0:
            return False
        return max(values) / min(values) > LOG_RANGE


ACCURACY = Measure("accuracy", "accuracy", "%", 2)
LATENCY = Measure("latency_us", "latency", "µs", 1)
ENERGY = Measure("energy_uj", "energy", "µJ", 2)
SIZE = Measure("size_bytes", "size", "B", 0)
COSTS = (LATENCY, ENERGY, SIZE)
MEASURES = (ACCURACY, *COSTS)
PAIRS = (
    (LATENCY, ACCURACY),
    (ENERGY, ACCURACY),
    (SIZE, ACCURACY),
    (LATENCY, ENERGY),
    (LATENCY, SIZE),
    (ENERGY, SIZE),
)
"""Every pair of objectives, as (across, up)."""
