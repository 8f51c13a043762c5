# SPDX-License-Identifier: Apache-2.0
"""What the cost model predicts against what a board took."""

from dataclasses import dataclass

import plotly.graph_objects as go

from hardware.cost.figure import Origin
from hardware.cost.measurements import Window
from mpqsearch.report.contents import Contents
from mpqsearch.report.measures import ENERGY, LATENCY, Measure
from mpqsearch.report.points import Points
from mpqsearch.report.style import BOARD, GREY, Figure, axis, styled
from mpqsearch.trials import TrialRecord


@dataclass(frozen=True)
class Compared:
    """One candidate, predicted and measured.

    Attributes:
        record: The candidate, with what the search priced it at.
        board_latency_us: What a board took.
        board_energy_uj: None where only times were measured.
    """

    record: TrialRecord
    board_latency_us: float
    board_energy_uj: float | None


def compared(contents: Contents) -> list[Compared]:
    """Candidates that were measured in the mode they were priced in."""
    priced = {
        record.candidate: record
        for record in contents.records
        if record.cost_origin != Origin.MEASURED.value
    }
    return [
        Compared(priced[one.candidate], one.time_us, one.energy_uj)
        for one in contents.measured
        if one.candidate in priced
        and one.window is Window.INPUT_AND_INFERENCE
        and str(one.mode) == contents.about.mode
    ]


def board_figures(contents: Contents, points: Points) -> list[Figure]:
    """Predicted against measured latency and energy; none where nothing was measured."""
    found = compared(contents)
    latency = [(one.record, one.board_latency_us) for one in found]
    energy = [(one.record, one.board_energy_uj) for one in found if one.board_energy_uj is not None]
    return [
        _figure(measure, pairs, points)
        for measure, pairs in ((LATENCY, latency), (ENERGY, energy))
        if pairs
    ]


def _figure(measure: Measure, pairs: list[tuple[TrialRecord, float]], points: Points) -> Figure:
    predicted = [measure.of(record) for record, _ in pairs]
    board = [value for _, value in pairs]
    ends = [0.0, 1.05 * max(*predicted, *board)]
    plot = go.Figure(
        go.Scatter(
            x=ends,
            y=ends,
            mode="lines",
            line={"color": GREY, "dash": "dash"},
            name="equal",
            hoverinfo="skip",
        )
    )
    plot.add_trace(points.trace(BOARD, [record for record, _ in pairs], predicted, board))
    styled(
        plot,
        xaxis=axis(f"predicted {measure.title}", range=ends),
        yaxis=axis(f"board {measure.title}", range=ends),
    )
    worst = max(abs(value / model - 1) for model, value in zip(predicted, board, strict=True))
    said = f"Of {len(pairs)} measured, the model is off by {worst:.1%} at most."
    return Figure(f"board-{measure.name}", f"{measure.name} on the board".capitalize(), said, plot)
