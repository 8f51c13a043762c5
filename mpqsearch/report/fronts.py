# SPDX-License-Identifier: Apache-2.0
"""The front in each pair of objectives."""

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from hardware.candidate import Candidate
from mpqsearch.picks import Pick
from mpqsearch.report.contents import Contents
from mpqsearch.report.measures import PAIRS, Measure
from mpqsearch.report.points import Points, evenly, selection
from mpqsearch.report.scales import ERROR, Axis, accuracy_axis, cost_axis, error_of
from mpqsearch.report.style import (
    BLUE,
    CONTENDER,
    DOMINATED,
    FRONT,
    HEIGHT,
    INFEASIBLE,
    INK,
    PRUNED,
    REFERENCE,
    Figure,
    styled,
)
from mpqsearch.report.uncertainty import Interval
from mpqsearch.trials import Outcome, TrialRecord

LEFT_PART = 0.45
"""Share of the width in which a pick's label stands on its right, so that it stays in the frame."""

LABELS_HEIGHT = HEIGHT - 120
"""Pixels that the axes have under two lines of legend; under more a label may touch an axis."""
HALF_LABEL = 14
"""Pixels from a label's middle to what lies beside it."""

EDGE = 0.02
"""Share of the height above the lower edge at which stands what has no accuracy."""


def front_figures(contents: Contents, points: Points) -> list[Figure]:
    """One figure a pair of objectives; none where nothing is on the front."""
    if not contents.front:
        return []
    return [_pair(contents, points, across, up) for across, up in PAIRS]


def _pair(contents: Contents, points: Points, across: Measure, up: Measure) -> Figure:
    drawn = [one for one in contents.records if one.outcome is not Outcome.FAILED]
    horizontal = cost_axis(across, positions(drawn, across))
    vertical = _vertical(contents, drawn, up)
    plot = go.Figure(_background(contents, points, across, up, vertical))
    plot.add_trace(_edge(contents.front, across, up))
    for mark, records in ((REFERENCE, contents.references), (FRONT, contents.front)):
        known = contents.uncertainty.intervals
        bars = {"error_y": error_bars(records, known, mark.colour)} if up.is_accuracy else {}
        xs, ys = positions(records, across), positions(records, up)
        plot.add_trace(points.trace(mark, records, xs, ys, **bars))
    plot.add_trace(selection())
    styled(
        plot,
        xaxis=horizontal,
        yaxis=vertical,
        annotations=_labels(contents, (across, horizontal), (up, vertical)),
        meta={"across": across.key, "up": ERROR if up.is_accuracy else up.key},
    )
    name = f"front-{up.name}-{across.name}"
    title = f"{up.name} and {across.name}".capitalize()
    return Figure(name, title, _reading(contents, across, up), plot)


def _vertical(contents: Contents, drawn: Sequence[TrialRecord], up: Measure) -> Axis:
    if not up.is_accuracy:
        return cost_axis(up, positions(drawn, up))
    trained = [one for one in drawn if one.outcome is not Outcome.INFEASIBLE]
    bounds = [error_of(one) for bars in contents.uncertainty.intervals.values() for one in bars]
    return accuracy_axis([*positions(trained, up), *bounds])


def positions(records: Sequence[TrialRecord], measure: Measure) -> list[float]:
    """Where records stand on the measure's axis."""
    if measure.is_accuracy:
        return [error_of(record.accuracy) for record in records]
    return [measure.of(record) for record in records]


def _background(
    contents: Contents, points: Points, across: Measure, up: Measure, vertical: Axis
) -> list[go.Scatter]:
    """What is not on the front: dominated, stopped early, contenders, and what does not fit."""
    traces = []
    for mark, kind in (
        (DOMINATED, contents.dominated),
        (PRUNED, contents.of(Outcome.PRUNED)),
        (CONTENDER, contents.contenders),
    ):
        records = evenly(kind)
        xs, ys = positions(records, across), positions(records, up)
        traces.append(points.trace(mark, records, xs, ys))
    misfits = evenly(contents.of(Outcome.INFEASIBLE))
    heights = positions(misfits, up)
    if up.is_accuracy:  # they have none, and stand at the lower edge
        bottom, top = vertical["range"]
        heights = [10 ** (bottom + EDGE * (top - bottom))] * len(misfits)
    traces.append(points.trace(INFEASIBLE, misfits, positions(misfits, across), heights))
    return traces


def error_bars(
    records: Sequence[TrialRecord], known: Mapping[Candidate, Interval], colour: str
) -> dict[str, object]:
    """Bars over what an accuracy may be over endless seeds; none where that is not known."""
    better, worse = [], []
    for record in records:
        low, high = known.get(record.candidate, (record.accuracy, record.accuracy))
        better.append(max(0.0, error_of(record.accuracy) - error_of(high)))
        worse.append(max(0.0, error_of(low) - error_of(record.accuracy)))
    return {
        "type": "data",
        "symmetric": False,
        "array": worse,
        "arrayminus": better,
        "visible": any(better) or any(worse),
        "color": colour,
        "thickness": 1.2,
        "width": 3,
    }


def _edge(front: Sequence[TrialRecord], across: Measure, up: Measure) -> go.Scatter:
    """What can be had: the best of one objective for at most so much of the other."""
    xs, ys = positions(front, across), positions(front, up)
    corners: list[tuple[float, float]] = []
    for x, y in sorted(zip(xs, ys, strict=True)):
        if not corners or y < corners[-1][1]:
            corners.append((x, y))
    return go.Scatter(
        x=[x for x, _ in corners],
        y=[y for _, y in corners],
        mode="lines",
        line={"shape": "hv", "color": BLUE, "width": 1.5},
        hoverinfo="skip",
        showlegend=False,
    )


def _labels(
    contents: Contents, across: tuple[Measure, Axis], up: tuple[Measure, Axis]
) -> list[dict[str, object]]:
    """Names of the picks, each with a line to its point; on either side from top to bottom."""
    placed = [
        (_placed(record, *up), _placed(record, *across), name)
        for record, name in contents.named.items()
    ]
    bottom, top = up[1]["range"]
    low, high = across[1]["range"]
    upwards = -1 if up[0].is_accuracy else 1
    labels, counts = [], {True: 0, False: 0}
    for y, x, name in sorted(placed, reverse=top > bottom):
        on_right = (x - low) / (high - low) < LEFT_PART
        room = (y - bottom) / (top - bottom) * LABELS_HEIGHT - HALF_LABEL
        number = counts[on_right]
        counts[on_right] += 1
        labels.append(
            {
                "x": x,
                "y": y,
                "text": f"<b>{name}</b>",
                "ax": 18 if on_right else -18 - 6 * number,
                "ay": min(2 + 16 * number, room) if on_right else upwards * (24 - 14 * number),
                "xanchor": "left" if on_right else "right",
                "arrowwidth": 1,
                "arrowhead": 0,
                "arrowcolor": INK,
                "standoff": 5,
                "borderpad": 1,
                "bgcolor": "rgba(255,255,255,0.8)",
            }
        )
    return labels


def _placed(record: TrialRecord, measure: Measure, where: Axis) -> float:
    """Where a label points; on a logarithmic axis Plotly wants the logarithm."""
    (value,) = positions([record], measure)
    return math.log10(value) if where.get("type") == "log" else value


def _reading(contents: Contents, across: Measure, up: Measure) -> str:
    front = sorted(contents.front, key=across.of)
    least, most, knee = front[0], front[-1], contents.picks[Pick.KNEE]
    if len(front) == 1:
        return f"One candidate beats all others: {up.text_of(most)} at {across.text_of(most)}."
    return (
        f"Over the front {across.name} goes from {across.text_of(least)} to"
        f" {across.text_of(most)}, {up.name} from {up.text_of(min(front, key=up.of))} to"
        f" {up.text_of(max(front, key=up.of))}; the knee has {up.text_of(knee)} at"
        f" {across.text_of(knee)}."
    )
