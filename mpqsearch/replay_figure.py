# SPDX-License-Identifier: Apache-2.0
"""A replay's curves as a figure: median and band of each sampler, against runs."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from mpqsearch.replay import BAND, Replay
from mpqsearch.replay_table import LEVELS
from mpqsearch.report.style import SERIES, Figure, axis, styled

LEAST_LEFT = 0.01
"""Percent left to find below which the logarithmic axis ends."""

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
"""Lines, so that no colour is needed to tell them apart."""


def curves_figure(results: Mapping[str, Replay], name: str) -> Figure:
    """What is left to find after each run, on a logarithmic axis that says what is found.

    Args:
        results: By sampler.
        name: Of the image files.
    """
    plot = go.Figure()
    for number, (sampler, done) in enumerate(results.items()):
        runs = np.arange(1, done.shares.shape[1] + 1)
        colour = SERIES[number % len(SERIES)]
        low, high = (np.maximum(100 * (1 - edge), LEAST_LEFT) for edge in done.band)
        plot.add_trace(
            go.Scatter(
                x=[*runs, *runs[::-1]],
                y=[*low, *high[::-1]],
                fill="toself",
                fillcolor=colour,
                opacity=0.18,
                line={"width": 0},
                showlegend=False,
                hoverinfo="skip",
            )
        )
        plot.add_trace(
            go.Scatter(
                x=runs,
                y=np.maximum(100 * (1 - done.median), LEAST_LEFT),
                mode="lines",
                name=sampler,
                line={"color": colour, "width": 2, "dash": DASHES[number % len(DASHES)]},
            )
        )
    marks = [level for level in LEVELS if level >= 0.5]
    styled(
        plot,
        xaxis=axis("runs"),
        yaxis=axis(
            "hypervolume found, %",
            type="log",
            range=[2, float(np.log10(LEAST_LEFT))],
            tickvals=[100 * (1 - level) for level in marks],
            ticktext=[f"{100 * level:g}" for level in marks],
        ),
    )
    reading = f"Median over the repeats, and their {BAND[0]}th to {BAND[1]}th percentile."
    return Figure(name, "Hypervolume found", reading, plot)
