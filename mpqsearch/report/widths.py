# SPDX-License-Identifier: Apache-2.0
"""Which layer needs bits: the widths of each layer over the front."""

import plotly.graph_objects as go

from mpqsearch.report.contents import Contents
from mpqsearch.report.measures import ACCURACY
from mpqsearch.report.points import HOVER, Points
from mpqsearch.report.style import WIDTH_SHADES, Figure, axis, styled

MOST_WRITTEN = 40
"""Members up to which every one has its row, with its widths written in it."""

ROW_HEIGHT, FRAME_HEIGHT = 24, 60
"""Pixels of a row, and of all that is around the rows."""


def widths_figure(contents: Contents, points: Points) -> Figure | None:
    """Members of the front by layers; none where the front is empty."""
    front = contents.front
    if not front:
        return None
    written = len(front) <= MOST_WRITTEN
    order = sorted({bits for record in contents.records for bits in record.candidate.bits})
    layers = list(contents.about.layer_names)
    plot = go.Figure(
        go.Heatmap(
            z=[[order.index(bits) for bits in record.candidate.bits] for record in front],
            customdata=[[points.ids[record.candidate]] * len(layers) for record in front],
            text=[list(record.candidate.bits) for record in front],
            texttemplate="%{text}" if written else None,
            textfont={"size": 12},
            colorscale=_shades(order),
            zmin=-0.5,
            zmax=len(order) - 0.5,
            xgap=2,
            ygap=1 if written else 0,
            showscale=not written,
            colorbar={
                "tickvals": list(range(len(order))),
                "ticktext": [f"{bits} bit" for bits in order],
                "thickness": 10,
                "outlinewidth": 0,
            },
            hovertemplate=HOVER,
        )
    )
    labels = [f"{ACCURACY.of(one):.2f} % · {one.candidate.input_length}" for one in front]
    quiet = {"showgrid": False, "ticks": ""}
    styled(
        plot,
        margin={"l": 56, "r": 16, "t": 16, "b": 8},
        height=FRAME_HEIGHT + ROW_HEIGHT * min(len(front), MOST_WRITTEN),
        xaxis=axis("", tickvals=list(range(len(layers))), ticktext=layers, side="top", **quiet),
        yaxis=axis(
            "" if written else "best accuracy first",
            tickvals=list(range(len(front))) if written else [],
            ticktext=labels if written else [],
            autorange="reversed",
            **quiet,
        ),
    )
    return Figure("bits-by-layer", "Bits by layer over the front", _reading(contents), plot)


def _shades(order: list[int]) -> list[tuple[float, str]]:
    """One flat shade a width."""
    steps = [(at / len(order), (at + 1) / len(order)) for at in range(len(order))]
    return [
        (edge, WIDTH_SHADES[bits]) for bits, pair in zip(order, steps, strict=True) for edge in pair
    ]


def _reading(contents: Contents) -> str:
    front, names = contents.front, contents.about.layer_names
    means = {
        name: sum(record.candidate.bits[at] for record in front) / len(front)
        for at, name in enumerate(names)
    }
    most, least = max(means, key=means.__getitem__), min(means, key=means.__getitem__)
    of_all = "the one member" if len(front) == 1 else f"the {len(front)} members"
    if means[most] == means[least]:
        return f"Over {of_all}, every layer has {means[most]:.1f} bits."
    return (
        f"Over {of_all}, {most} keeps the most bits, {means[most]:.1f} on"
        f" average, and {least} needs the fewest, {means[least]:.1f}."
    )
