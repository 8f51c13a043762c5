# SPDX-License-Identifier: Apache-2.0
"""Candidates as points of a figure, and which of very many are drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from hardware.candidate import Candidate
from mpqsearch.report.style import SELECTED, Mark
from mpqsearch.trials import TrialRecord

MOST_DRAWN = 800
"""Candidates of one kind that are drawn; of more, so many evenly chosen ones."""

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
        **settings: object,
    ) -> go.Scatter:
        """Records as points; the page fills in what is shown where a pointer is over one."""
        return go.Scatter(
            x=list(across),
            y=list(up),
            customdata=[self.ids[record.candidate] for record in records],
            mode="markers",
            name=mark.name,
            marker=mark.marker,
            hovertemplate=HOVER,
            **settings,
        )


def evenly(records: Sequence[TrialRecord], most: int = MOST_DRAWN) -> list[TrialRecord]:
    """All of them, or of more than `most` as many evenly chosen ones."""
    step = max(1, -(-len(records) // most))
    return list(records[::step])


def selection() -> go.Scatter:
    """Where the page draws a ring around the candidate that was selected."""
    return go.Scatter(
        x=[], y=[], mode="markers", marker=SELECTED.marker, showlegend=False, hoverinfo="skip"
    )
