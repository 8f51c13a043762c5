# SPDX-License-Identifier: Apache-2.0
"""The plot of letters below a front's table."""

import dataclasses

import pytest

from hardware.candidate import Candidate
from mpqsearch.errors import StudyError
from mpqsearch.front_plot import PlotCost, front_plot
from mpqsearch.trials import Outcome, TrialRecord


def record(accuracy: float, size: int, **changes: object) -> TrialRecord:
    made = TrialRecord(
        number=0,
        candidate=Candidate(8, (8, 8)),
        outcome=Outcome.SCORED,
        accuracy=accuracy,
        latency_us=float(size),
        energy_uj=1.0,
        size_bytes=size,
        cost_origin="analytic",
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


FRONT = [record(0.99, 1000, reference="uniform 8"), record(0.9, 500), record(0.5, 200)]


def test_every_kind_has_its_sign_at_its_place() -> None:
    """The best on top, costs to the right, half the error as far everywhere."""
    others = [
        record(0.5, 1000),
        record(0.9, 990, outcome=Outcome.PRUNED),
        record(0.0, 100, outcome=Outcome.INFEASIBLE),
    ]
    lines = front_plot([*FRONT, *others], PlotCost.SIZE, 100)
    rows = [line.partition("|")[2] for line in lines[:10]]
    assert rows[0] == f"{'':59}8"
    assert rows[-1] == f"o{'':58}."
    assert "".join(rows).count("o") == 2  # what was stopped and what does not fit are not drawn
    assert rows[5] == f"{'':22}o"  # 0.1 of 0.01 to 0.5
    assert lines[0].startswith(" 99.00 |")
    assert lines[-2].split() == ["200", "1,000", "B", "size"]


def test_it_fits_the_terminal() -> None:
    """Down to 60 columns and below; its widest line is no wider than the terminal."""
    for columns in (60, 80, 200):
        lines = front_plot(FRONT, PlotCost.LATENCY, columns)
        assert max(map(len, lines)) <= min(columns, 80)
    assert front_plot(FRONT, PlotCost.SIZE, 10)


def test_it_is_plain_ascii() -> None:
    """So that it survives any terminal's encoding."""
    for cost in PlotCost:
        assert "\n".join(front_plot(FRONT, cost, 100)).isascii()


def test_a_cost_of_a_factor_of_ten_is_logarithmic() -> None:
    """And the axis says so."""
    (axis,) = [
        line for line in front_plot([*FRONT, record(0.4, 20)], PlotCost.SIZE, 100) if "B" in line
    ]
    assert axis.endswith("B size, log")


@pytest.mark.parametrize("records", [[], FRONT[:1], [record(0.9, 500), record(0.8, 600)]])
def test_a_point_is_no_plot(records: list[TrialRecord]) -> None:
    """Nor is nothing; nothing is drawn where none is wanted."""
    assert front_plot(records, PlotCost.SIZE, 100) == []
    assert front_plot(FRONT, PlotCost.NONE, 100) == []


def test_equal_and_perfect_members_are_drawn() -> None:
    """Where a scale has no span, or an error is 0."""
    lines = front_plot([record(1.0, 500), record(1.0, 500)], PlotCost.SIZE, 100)
    assert lines[0] == " 99.90 |o"
    assert lines[1].split() == ["%", f"+{'-' * 60}"]


def test_another_cost_is_refused() -> None:
    """With the nearest word."""
    with pytest.raises(
        StudyError, match=r"one of latency, energy, size, none but is 'sise'; did you mean size"
    ):
        PlotCost.parse("sise")
