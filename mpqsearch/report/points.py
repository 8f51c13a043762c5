# SPDX-License-Identifier: Apache-2.0
"""Candidates as points of a figure, and which of very many are drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hardware.candidate import Candidate
from mpqsearch.report.style import SELECTED, Mark
from mpqsearch.trials import TrialRecord

MOST_DRAWN = 1000
"""Points of one kind from which on those that would cover each other are drawn once."""

CELLS_ACROSS, CELLS_UP = 120, 80
"""A cell is about as large as a point."""

HOVER = "%{hovertext}<extra></extra>"


@dataclass(frozen=True)
class Points:
    """What a figure knows of its candidates.

    Attributes:
        ids: A candidate's place in the page's table, which its points carry.
    """

    ids: Mapping[Candidate, int]

    def trace(
        self,
        mark: Mark,
        records: Sequence[TrialRecord],
        across: Sequence[float],
        up: Sequence[float],
        *,
        thin: bool = True,
        **settings: object,
    ) -> go.Scatter:
        """Records as points; of very many, those that would be covered are left out if `thin`.

        The page fills in what is shown where a pointer is over one.
        """
        kept = visible(across, up) if thin else range(len(across))
        return go.Scatter(
            x=[across[at] for at in kept],
            y=[up[at] for at in kept],
            customdata=[self.ids[records[at].candidate] for at in kept],
            mode="markers",
            name=mark.name,
            marker=mark.marker,
            hovertemplate=HOVER,
            **settings,
        )


def visible(across: Sequence[float], up: Sequence[float]) -> list[int]:
    """Which points are drawn: all, or of many the first in each cell of a grid."""
    if len(across) <= MOST_DRAWN:
        return list(range(len(across)))
    columns = _cells(np.asarray(across, dtype=np.float64), CELLS_ACROSS)
    rows = _cells(np.asarray(up, dtype=np.float64), CELLS_UP)
    _, first = np.unique(columns * (CELLS_UP + 1) + rows, return_index=True)
    return [int(at) for at in np.sort(first)]


def _cells(values: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    low, width = values.min(), float(np.ptp(values)) or 1.0
    return np.asarray(np.floor((values - low) / width * count), dtype=np.int64)


def selection() -> go.Scatter:
    """Where the page draws a ring around the candidate that was selected."""
    return go.Scatter(
        x=[], y=[], mode="markers", marker=SELECTED.marker, showlegend=False, hoverinfo="skip"
    )
