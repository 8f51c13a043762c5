# SPDX-License-Identifier: Apache-2.0
"""What an input length can reach."""

import itertools

import plotly.graph_objects as go

from mpqsearch.report.contents import Contents
from mpqsearch.report.measures import ACCURACY, PERCENT
from mpqsearch.report.points import Points, evenly, selection
from mpqsearch.report.scales import ERROR, accuracy_axis, error_of
from mpqsearch.report.style import (
    BLUE,
    CONTENDER,
    DOMINATED,
    FRONT,
    PRUNED,
    REFERENCE,
    Figure,
    axis,
    styled,
)
from mpqsearch.trials import Outcome


def lengths_figure(contents: Contents, points: Points) -> Figure | None:
    """Accuracy by input length, and the best of each; none where there is but one length."""
    best = best_by_length(contents)
    if len(best) < 2:
        return None
    plot = go.Figure(
        go.Scatter(
            x=list(best),
            y=[error_of(accuracy / PERCENT) for accuracy in best.values()],
            mode="lines",
            line={"color": BLUE, "width": 1.5},
            name="best of each length",
            hoverinfo="skip",
        )
    )
    for mark, kind in (
        (DOMINATED, contents.dominated),
        (CONTENDER, contents.contenders),
        (PRUNED, contents.of(Outcome.PRUNED)),
        (REFERENCE, contents.references),
        (FRONT, contents.front),
    ):
        records = evenly(kind)
        if records:
            across = [float(record.candidate.input_length) for record in records]
            errors = [error_of(record.accuracy) for record in records]
            plot.add_trace(points.trace(mark, records, across, errors))
    plot.add_trace(selection())
    styled(
        plot,
        xaxis=axis("input length, samples", tickvals=list(best)),
        yaxis=accuracy_axis(error for trace in plot.data for error in trace.y),
        meta={"across": "length", "up": ERROR},
    )
    return Figure("accuracy-by-length", "Accuracy by input length", _reading(best), plot)


def best_by_length(contents: Contents) -> dict[int, float]:
    """The best accuracy, in percent, of each input length, shortest first."""
    best: dict[int, float] = {}
    for record in contents.of(Outcome.SCORED):
        length = record.candidate.input_length
        best[length] = max(best.get(length, 0.0), ACCURACY.of(record))
    return dict(sorted(best.items()))


def _reading(best: dict[int, float]) -> str:
    longest, reached = next(reversed(best.items()))
    shorter = [length for length, found in best.items() if reached - found <= 1]
    steps = {(short, long): best[long] - best[short] for short, long in itertools.pairwise(best)}
    (short, long), gain = max(steps.items(), key=lambda step: step[1])
    said = f"The longest input, {longest} samples, reaches {ACCURACY.text(reached)}"
    if shorter[0] != longest:
        said += f"; {shorter[0]} come within one point of it"
    if gain <= 0:
        return f"{said}. No longer input is better than a shorter one."
    return f"{said}. The largest step is from {short} to {long}: {gain:.2f} points."
