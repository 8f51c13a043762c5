# SPDX-License-Identifier: Apache-2.0
"""How much of the front was found after how many trainings, and after how long."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import plotly.graph_objects as go

from mpqsearch.coordinates import Coordinates
from mpqsearch.hypervolume import front_mask, hypervolume
from mpqsearch.report.contents import Contents
from mpqsearch.report.style import BLUE, Figure, axis, styled
from mpqsearch.trials import Outcome, TrialRecord

MOST_STEPS = 60
"""Points of a curve: the hypervolume of a large front takes a while."""

WORST_ERROR = 0.5
"""An error as large counts for nothing, where any candidate has a lower one; else 1."""

TRAINED = (Outcome.SCORED, Outcome.PRUNED)


def progress_figures(contents: Contents) -> list[Figure]:
    """Hypervolume against trainings, and against the time they took; none before the second."""
    trained = [
        record
        for record in contents.records
        if record.number in contents.times and record.outcome in TRAINED
    ]
    trained.sort(key=lambda record: contents.times[record.number or 0][1])
    if sum(record.outcome is Outcome.SCORED for record in trained) < 2:
        return []
    steps, shares = hypervolume_shares(trained)
    if not shares[-1]:
        return []
    hours = search_seconds([contents.times[record.number or 0] for record in trained])
    taken = [hours[step - 1] for step in steps]
    unit, name = (3600.0, "hours") if taken[-1] > 7200 else (60.0, "minutes")
    if taken[-1] < 120:
        unit, name = 1.0, "seconds"
    late = _reached(shares, 0.99)
    said = f"99 % of it was there after {steps[late]:,} of {steps[-1]:,} trainings"
    return [
        Figure(
            "hypervolume-trainings",
            "Hypervolume and trainings",
            f"{said}. {_advice(steps[late], steps[-1])}",
            _curve([float(step) for step in steps], shares, "trainings"),
        ),
        Figure(
            "hypervolume-time",
            "Hypervolume and time",
            f"99 % of it was there after {taken[late] / unit:,.1f} of"
            f" {taken[-1] / unit:,.1f} {name} of search.",
            _curve([one / unit for one in taken], shares, f"{name} of search"),
        ),
    ]


def hypervolume_shares(trained: Sequence[TrialRecord]) -> tuple[list[int], list[float]]:
    """Hypervolume after some of the trainings, over that after all, 0 to 1.

    Args:
        trained: In the order in which they ended.

    Returns:
        Numbers of trainings, rising, the last one all of them; and the shares there.
    """
    scored = np.array([record.outcome is Outcome.SCORED for record in trained])
    costs = np.array([record.costs for record in trained])
    accuracies = np.array([record.accuracy for record in trained])
    worst = WORST_ERROR if accuracies[scored].max() > 1 - WORST_ERROR else 1.0
    coordinates = Coordinates.spanning(costs[scored], worst)
    # What was stopped early has no accuracy of its own: it adds nothing.
    errors = np.where(scored, coordinates.error_losses(accuracies), 1.0)
    losses = np.column_stack([errors, coordinates.cost_losses(costs)])
    steps = sorted({round(one) for one in np.linspace(1, len(trained), MOST_STEPS)})
    kept, begun, volumes = np.empty((0, losses.shape[1])), 0, []
    for step in steps:
        seen = np.concatenate([kept, losses[begun:step]])
        kept, begun = seen[front_mask(seen)], step
        volumes.append(hypervolume(kept[:, 0], kept[:, 1:]))
    whole = volumes[-1] or 1.0
    return steps, [volume / whole for volume in volumes]


def search_seconds(times: Sequence[tuple[datetime, datetime]]) -> list[float]:
    """Seconds of search until each trial ended, in order of their ends; pauses do not count."""
    passed, until, found = 0.0, None, []
    for begun, ended in times:
        since = begun if until is None or begun > until else until
        if until is None or ended > until:
            passed += (ended - since).total_seconds()
            until = ended
        found.append(passed)
    return found


def _reached(shares: Sequence[float], share: float) -> int:
    return next(at for at, found in enumerate(shares) if found >= share)


def _advice(late: int, last: int) -> str:
    if late > 0.8 * last:
        return "It was still growing: more trials may find more."
    return "What came after added little."


def _curve(across: Sequence[float], shares: Sequence[float], title: str) -> go.Figure:
    plot = go.Figure(
        go.Scatter(
            x=list(across),
            y=[100 * share for share in shares],
            mode="lines+markers",
            line={"shape": "hv", "color": BLUE, "width": 2},
            marker={"size": 4},
            hovertemplate="%{y:.1f} % after %{x:,.4~r}<extra></extra>",
        )
    )
    return styled(
        plot,
        xaxis=axis(title, rangemode="tozero"),
        yaxis=axis("hypervolume, % of the last", rangemode="tozero"),
        showlegend=False,
    )
