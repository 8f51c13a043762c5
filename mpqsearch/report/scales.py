# SPDX-License-Identifier: Apache-2.0
"""Scales of axes: accuracy by its error, costs by factors where they span many."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from mpqsearch.picks import ERROR_FLOOR
from mpqsearch.report.measures import ACCURACY, PERCENT, Measure
from mpqsearch.report.style import axis

Axis = dict[str, Any]
"""Settings of an axis, in Plotly's words."""

ERROR = "error"
"""How the page calls the position of an accuracy."""

COARSE_TICKS = (0, 30, 50, 70, 80, 90, 95, 98, 99, 99.5, 99.8)
FINE_TICKS = (*range(0, 80, 10), *range(80, 99), *(98 + tenth / 5 for tenth in range(5, 10)))
FEWEST_TICKS = 4
MOST_TICKS = 8
MARGIN, LABEL_MARGIN = 0.07, 0.14
"""Shares of the span that are free above and below it, where labels stand."""


def error_of(accuracy: float) -> float:
    """Where an accuracy, 0 to 1, stands: its error in percent, at least 0.1.

    Halving the error is as far everywhere, as for the knee; in equal steps of accuracy, all that is
    good would lie on one line.
    """
    return round(PERCENT * max(1.0 - accuracy, ERROR_FLOOR), 4)


def accuracy_axis(errors: Iterable[float], title: str = ACCURACY.title) -> Axis:
    """An axis of accuracies at their errors, best on top, with room for labels above."""
    found = list(errors) or [1.0]
    low, high = math.log10(min(found)), math.log10(max(found))
    span = max(high - low, 0.3)
    bounds = high + 0.1 * span, low - 0.16 * span
    floor = PERCENT * ERROR_FLOOR
    for steps in (COARSE_TICKS, FINE_TICKS):
        ticks = [(100 - tick, f"{tick:g}") for tick in steps]
        ticks.append((floor, "≥ 99.9" if min(found) <= floor else "99.9"))
        shown = [(at, text) for at, text in ticks if bounds[1] <= math.log10(at) <= bounds[0]]
        if len(shown) >= FEWEST_TICKS:
            break
    return axis(
        title,
        type="log",
        range=bounds,
        tickvals=[at for at, _ in shown],
        ticktext=[text for _, text in shown],
    )


def cost_axis(measure: Measure, values: Sequence[float]) -> Axis:
    """An axis of costs, logarithmic where they span a factor of ten."""
    logarithmic = measure.is_logarithmic(values)
    shown = [math.log10(value) if logarithmic else value for value in values] or [0.0, 1.0]
    span = max(shown) - min(shown) or abs(shown[0]) or 1.0
    bounds = min(shown) - LABEL_MARGIN * span, max(shown) + MARGIN * span
    if not logarithmic:
        return axis(measure.title, range=bounds)
    ticks = _ticks(*bounds)
    return axis(
        measure.title,
        type="log",
        range=bounds,
        tickvals=ticks,
        ticktext=[f"{tick / 1000:g}k" if tick >= 1000 else f"{tick:g}" for tick in ticks],
    )


def _ticks(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, ... between two powers of ten, or fewer where those are many."""
    for steps in ((1, 2, 5), (1, 3), (1,)):
        decades = range(math.floor(low), math.ceil(high) + 1)
        ticks = [step * 10.0**decade for decade in decades for step in steps]
        shown = [tick for tick in ticks if low <= math.log10(tick) <= high]
        if len(shown) <= MOST_TICKS:
            break
    return shown
