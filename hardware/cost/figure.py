# SPDX-License-Identifier: Apache-2.0
"""A figure of a cost: its value, the interval it lies in, and where it comes from."""

import enum
from dataclasses import dataclass


class Origin(enum.Enum):
    """Where a figure comes from."""

    EXACT = "exact"
    ANALYTIC = "analytic"
    CALIBRATED = "calibrated"
    MEASURED = "measured"
    SIMULATED = "simulated"
    """Calibrated or measured with rows that a simulated board gave."""


@dataclass(frozen=True)
class Figure:
    """A value, the interval it lies in at two standard deviations, and where it comes from."""

    value: float
    low: float
    high: float
    origin: Origin

    @classmethod
    def around(cls, value: float, deviation: float, origin: Origin) -> "Figure":
        """A figure with its standard deviation; it is never below zero."""
        reach = 2 * deviation
        return cls(value, max(value - reach, 0.0), value + reach, origin)

    @classmethod
    def exact(cls, value: float) -> "Figure":
        """A figure that is counted, not estimated."""
        return cls(value, value, value, Origin.EXACT)
