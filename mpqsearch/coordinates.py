# SPDX-License-Identifier: Apache-2.0
"""Accuracy and costs as losses whose reference point is 1 in each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LOG_RANGE = 10.0
"""A cost that spans more than this factor is compared by its logarithm."""

REFERENCE_BEYOND = 1.1
"""The reference point lies a tenth of the range beyond the worst, so that the worst counts too.

Source: usual in benchmarks of several objectives (pymoo's and Optuna's examples).
"""


@dataclass(frozen=True)
class CostAxis:
    """How one cost becomes a loss: 0 at `best`, 1 at `reference`, linear or logarithmic between.

    Attributes:
        best: Cost whose loss is 0.
        reference: Cost whose loss is 1; larger than `best`.
        logarithmic: Whether factors are compared, not differences; then both are above 0.
    """

    best: float
    reference: float
    logarithmic: bool = False

    def __post_init__(self) -> None:
        if not self.best < self.reference:
            raise ValueError(
                f"a cost's reference must be above its best, {self.best:g}, but is"
                f" {self.reference:g}"
            )
        if self.logarithmic and self.best <= 0:
            raise ValueError(f"a logarithmic cost must be above 0 but its best is {self.best:g}")

    def losses(self, costs: Floats) -> Floats:
        """Losses of costs, of any shape."""
        if self.logarithmic:
            scaled = np.log(costs / self.best) / np.log(self.reference / self.best)
        else:
            scaled = (costs - self.best) / (self.reference - self.best)
        return np.asarray(scaled, dtype=np.float64)

    @classmethod
    def spanning(cls, costs: Floats) -> Self:
        """The axis that places these costs (count,) in 0 ... 1 / 1.1."""
        best, worst = float(costs.min()), float(costs.max())
        if best == worst:
            return cls(best, best + 1.0)
        if best > 0 and worst / best > LOG_RANGE:
            return cls(best, best * (worst / best) ** REFERENCE_BEYOND, logarithmic=True)
        return cls(best, best + (worst - best) * REFERENCE_BEYOND)


@dataclass(frozen=True)
class Coordinates:
    """The losses a hypervolume is measured in.

    Attributes:
        axes: One for each cost, in the order of the study's objectives after accuracy.
        worst_error: Error, 0 to 1, whose loss is 1: candidates that err more are worth nothing.
    """

    axes: tuple[CostAxis, ...]
    worst_error: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.worst_error <= 1:
            raise ValueError(f"worst_error must be in (0, 1] but is {self.worst_error:g}")

    def cost_losses(self, costs: Sequence[Sequence[float]] | NDArray[Any]) -> Floats:
        """Losses (count, axes) of costs (count, axes)."""
        table = np.asarray(costs, dtype=np.float64).reshape(-1, len(self.axes))
        columns = [axis.losses(table[:, at]) for at, axis in enumerate(self.axes)]
        return np.stack(columns, axis=1)

    def error_losses(self, accuracies: Sequence[float] | NDArray[Any]) -> Floats:
        """Losses (count,) of accuracies (count,), 0 to 1."""
        return (1.0 - np.asarray(accuracies, dtype=np.float64)) / self.worst_error

    @classmethod
    def spanning(cls, costs: Floats, worst_error: float = 0.5) -> Self:
        """Coordinates in which these costs (count, axes) fill their range."""
        return cls(tuple(CostAxis.spanning(column) for column in costs.T), worst_error)
