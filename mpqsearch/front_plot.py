# SPDX-License-Identifier: Apache-2.0
"""The front as a plot of letters: accuracy against one cost."""

import enum
import math
from collections.abc import Sequence

from hardware.nearest import nearest_of
from mpqsearch.errors import StudyError
from mpqsearch.front import front_of
from mpqsearch.letter_plot import MARGIN, PLOT_WIDTH, letter_plot
from mpqsearch.picks import ERROR_FLOOR
from mpqsearch.report.measures import ENERGY, LATENCY, SIZE, Measure
from mpqsearch.trials import Outcome, TrialRecord

LINES = 10
FEWEST_COLUMNS = 20
FRONT, BEATEN = "o", "."


class PlotCost(enum.Enum):
    """The cost of a plot; the value is its name on the command line."""

    LATENCY = "latency"
    ENERGY = "energy"
    SIZE = "size"
    NONE = "none"

    @classmethod
    def parse(cls, name: str) -> "PlotCost":
        """The cost of a name.

        Raises:
            StudyError: where there is none of it.
        """
        names = [one.value for one in cls]
        if name not in names:
            raise StudyError(
                f"--plot must be one of {', '.join(names)} but is {name!r}{nearest_of(name, names)}"
            )
        return cls(name)


_MEASURES = {
    PlotCost.LATENCY: (LATENCY, "us"),
    PlotCost.ENERGY: (ENERGY, "uJ"),
    PlotCost.SIZE: (SIZE, "B"),
}
"""Units as the table writes them: a terminal may know no Greek."""


def front_plot(records: Sequence[TrialRecord], cost: PlotCost, columns: int) -> list[str]:
    """Draws scored candidates: the front, the uniform references by their bits, who is beaten.

    Accuracies stand at the logarithm of their error, as the knee measures them; so does a cost that
    spans a factor of ten or more.

    Args:
        records: Every candidate of the study.
        cost: What runs across.
        columns: Width of the terminal.

    Returns:
        The lines; none where the front has fewer than two members, or no plot is wanted.
    """
    front = front_of(records)
    if len(front) < 2 or cost is PlotCost.NONE:
        return []
    measure, unit = _MEASURES[cost]
    scored = [record for record in records if record.outcome is Outcome.SCORED]
    costs = [measure.of(record) for record in scored]
    axis = f"{unit} {measure.name}{', log' if measure.is_logarithmic(costs) else ''}"
    width = max(FEWEST_COLUMNS, min(PLOT_WIDTH, columns - MARGIN - len(axis) - 1))
    errors = [math.log(max(1 - record.accuracy, ERROR_FLOOR)) for record in scored]
    most, least = max(errors), min(errors)
    count = LINES if most > least else 1
    lines = _places(errors, count)
    across = _places(_scaled(costs, measure), width)
    members = {id(record) for record in front}
    signs: dict[tuple[int, int], str] = {}
    for record, line, column in sorted(
        zip(scored, lines, across, strict=True), key=lambda one: _rank(one[0], members)
    ):
        signs[line, column] = _sign(record, members)
    steps = [least + (most - least) * at / (LINES - 1) for at in range(count)]
    levels = [1 - math.exp(step) for step in steps]
    ends = (measure.text(min(costs)).split()[0], measure.text(max(costs)).split()[0])
    kinds = f"{FRONT} front, 8 4 2 uniform, {BEATEN} beaten"
    return [*letter_plot(signs, levels, ends, axis, width=width), f"{'':{MARGIN}}{kinds}"]


def _scaled(costs: Sequence[float], measure: Measure) -> list[float]:
    return [math.log(one) for one in costs] if measure.is_logarithmic(costs) else list(costs)


def _places(values: Sequence[float], count: int) -> list[int]:
    """The place of each value among `count`, from 0 at the least."""
    low, span = min(values), max(values) - min(values) or 1.0
    return [round((one - low) / span * (count - 1)) for one in values]


def _rank(record: TrialRecord, members: set[int]) -> tuple[bool, bool]:
    """Who is drawn over whom: the front over references over all others."""
    return id(record) in members, bool(record.reference)


def _sign(record: TrialRecord, members: set[int]) -> str:
    if record.reference:
        return record.reference[-1]
    return FRONT if id(record) in members else BEATEN
