# SPDX-License-Identifier: Apache-2.0
"""Learning curves: accuracy at the rungs, and where trainings were stopped."""

from collections.abc import Sequence

import plotly.graph_objects as go

from mpqsearch.report.contents import Contents
from mpqsearch.report.points import HOVER, Points, evenly
from mpqsearch.report.scales import accuracy_axis, error_of
from mpqsearch.report.style import BLUE, FRONT, GREY, ORANGE, PRUNED, Figure, axis, styled
from mpqsearch.terminal import pruned_text
from mpqsearch.trials import Outcome, TrialRecord

MOST_CURVES = 150
"""Curves of one kind; of more, evenly chosen ones are drawn."""


def curves_figure(contents: Contents, points: Points) -> Figure | None:
    """Accuracy against the share of the QAT steps; none where no rungs were kept."""
    pruned = [record for record in contents.of(Outcome.PRUNED) if record.rungs]
    front = [record for record in contents.front if len(record.rungs) > 1]
    others = [
        record for record in (*contents.contenders, *contents.dominated) if len(record.rungs) > 1
    ]
    if not (pruned or front or others):
        return None
    kinds = (
        ("dominated", GREY, others, {"width": 0.7}),
        ("stopped early", ORANGE, pruned, {"width": 1.2, "dash": "dot"}),
        (FRONT.name, BLUE, front, {"width": 1.6}),
    )
    plot = go.Figure()
    for name, colour, records, line in kinds:
        if records:
            plot.add_trace(
                _lines(points, name, evenly(records, MOST_CURVES), {"color": colour, **line})
            )
    ends = evenly(pruned, MOST_CURVES)
    plot.add_trace(
        points.trace(
            PRUNED,
            ends,
            [100 * record.rungs[-1][0] for record in ends],
            [error_of(record.rungs[-1][1]) for record in ends],
            showlegend=False,
        )
    )
    rungs = contents.spec.pruning.rungs if contents.spec is not None else []
    styled(
        plot,
        xaxis=axis("QAT steps done, %", range=(-3, 103)),
        yaxis=accuracy_axis(
            (error for trace in plot.data for error in trace.y if error is not None),
            "accuracy of the first seed, %",
        ),
        shapes=[_rung(100 * share) for share in rungs],
    )
    return Figure("learning-curves", "Learning curves", _reading(contents, pruned), plot)


def _lines(
    points: Points, name: str, records: Sequence[TrialRecord], line: dict[str, object]
) -> go.Scatter:
    """All curves of a kind as one line with gaps."""
    across: list[float | None] = []
    up: list[float | None] = []
    ids: list[int] = []
    for record in records:
        for share, accuracy in (*record.rungs, (None, None)):
            across.append(None if share is None else round(100 * share, 2))
            up.append(None if accuracy is None else error_of(accuracy))
            ids.append(points.ids[record.candidate])
    return go.Scatter(
        x=across,
        y=up,
        customdata=ids,
        mode="lines",
        name=name,
        line=line,
        connectgaps=False,
        hovertemplate=HOVER,
    )


def _rung(share: float) -> dict[str, object]:
    line = {"color": GREY, "width": 1, "dash": "dash"}
    return {
        "type": "line",
        "x0": share,
        "x1": share,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": line,
        "layer": "below",
    }


def _reading(contents: Contents, pruned: Sequence[TrialRecord]) -> str:
    if not pruned:
        return "No training was stopped early."
    trained = len(contents.of(Outcome.SCORED)) + len(pruned)
    kept = [one for one in contents.records if one.rungs or one.outcome is not Outcome.PRUNED]
    return f"Of {trained:,} trainings {len(pruned):,} were {pruned_text(kept)}."
