# SPDX-License-Identifier: Apache-2.0
"""What figures show: every kind of candidate, at its place."""

import dataclasses
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from mpqsearch.report.curves import curves_figure
from mpqsearch.report.fronts import HALF_LABEL, LABELS_HEIGHT, _labels, front_figures
from mpqsearch.report.importance import importances
from mpqsearch.report.lengths import best_by_length
from mpqsearch.report.measures import ENERGY, LATENCY, PAIRS, SIZE
from mpqsearch.report.points import MOST_DRAWN, Points, evenly
from mpqsearch.report.progress import hypervolume_shares, search_seconds
from mpqsearch.report.scales import accuracy_axis, cost_axis, error_of
from mpqsearch.report.style import DOMINATED, FRONT, INFEASIBLE, PRUNED, REFERENCE
from mpqsearch.report.widths import widths_figure
from mpqsearch.trials import Outcome
from tests.mpqsearch.report.made_up import LAYERS, contents, record, records

FOUND = contents(records(80))
POINTS = Points({one.candidate: at for at, one in enumerate(FOUND.records)})


def test_every_kind_is_drawn_apart_in_every_pair() -> None:
    """All candidates of a kind, in a colour and a shape of its own."""
    figures = front_figures(FOUND, POINTS)
    assert len({figure.name for figure in figures}) == len(PAIRS) == 6
    for figure in figures:
        drawn = {trace.name: trace for trace in figure.plot.data if trace.name}
        for mark, members in (
            (FRONT, FOUND.front),
            (DOMINATED, FOUND.dominated),
            (PRUNED, FOUND.of(Outcome.PRUNED)),
            (INFEASIBLE, FOUND.of(Outcome.INFEASIBLE)),
            (REFERENCE, FOUND.references),
        ):
            assert members, mark.name
            ids = [POINTS.ids[one.candidate] for one in members]
            assert list(drawn[mark.name].customdata) == ids
        symbols = [trace.marker.symbol for trace in drawn.values()]
        colours = [trace.marker.color for trace in drawn.values()]
        assert len(set(zip(symbols, colours, strict=True))) == len(drawn)


def test_picks_are_named_where_they_are() -> None:
    """One label a candidate, which names all it was picked for."""
    figure = front_figures(FOUND, POINTS)[0]
    names = [label.text for label in figure.plot.layout.annotations]
    assert sorted(names) == sorted(f"<b>{name}</b>" for name in FOUND.named.values())


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_labels_stay_above_the_axis(share: float) -> None:
    """The third one down the left side, too, however low its point lies."""
    low = FOUND.front[0]
    found = SimpleNamespace(named={dataclasses.replace(low, number=at): str(at) for at in range(3)})
    up = ENERGY.of(low)
    axis = {"range": (up - share * up, up + (1 - share) * up)}
    right = {"range": (LATENCY.of(low), 10 * LATENCY.of(low))}
    labels = _labels(found, (LATENCY, right), (ENERGY, axis))  # type: ignore[arg-type]
    lowest = max(label["ay"] for label in labels)
    assert lowest <= share * LABELS_HEIGHT - HALF_LABEL + 1e-6
    assert (lowest == 34) is (share == 0.5)


def test_the_line_never_goes_back() -> None:
    """The error falls as the cost rises, and every member of the front is on it or above."""
    line = next(one for one in front_figures(FOUND, POINTS)[0].plot.data if one.mode == "lines")
    assert list(line.x) == sorted(line.x)
    assert list(line.y) == sorted(line.y, reverse=True)
    assert min(line.y) == error_of(FOUND.front[0].accuracy)


def test_accuracies_stand_at_their_errors() -> None:
    """Best on top; more than all is at 99.9 %."""
    assert error_of(0.98) == pytest.approx(2)
    assert error_of(1.0) == pytest.approx(0.1)
    axis = accuracy_axis([1.0, 20.0])
    bottom, top = axis["range"]
    assert top < 0
    assert bottom > 1.4
    assert dict(zip(axis["ticktext"], axis["tickvals"], strict=True))["95"] == 5


def test_costs_of_a_factor_of_ten_are_logarithmic() -> None:
    """And their ticks are whole numbers, few enough to be read."""
    assert "type" not in cost_axis(SIZE, [100, 900])
    axis = cost_axis(SIZE, [3000, 200_000])
    assert axis["ticktext"] == ["2k", "5k", "10k", "20k", "50k", "100k", "200k"]
    assert "type" not in cost_axis(SIZE, [0, 900])


def test_of_very_many_some_are_drawn() -> None:
    """Evenly chosen, the front always whole."""
    many = [record(1, "8-8-8-8", 0.5)] * 2001
    assert len(evenly(many)) <= MOST_DRAWN < 2001
    assert len(evenly(many[:MOST_DRAWN])) == MOST_DRAWN


def test_the_hypervolume_grows_to_one() -> None:
    """What was stopped early adds nothing; the first of all is the last of one."""
    trained = [one for one in FOUND.records if one.outcome in (Outcome.SCORED, Outcome.PRUNED)]
    steps, shares = hypervolume_shares(trained)
    assert shares == sorted(shares)
    assert (steps[-1], shares[-1]) == (len(trained), 1.0)
    stopped = dataclasses.replace(trained[0], outcome=Outcome.PRUNED)
    assert hypervolume_shares([stopped, *trained[1:]])[1][0] == 0.0


def test_pauses_are_no_search() -> None:
    """Two trials at once count once, and a night between two runs does not."""
    begun = datetime(2026, 1, 1)
    at = [begun + timedelta(seconds=seconds) for seconds in (0, 10, 5, 12, 1000, 1003)]
    assert search_seconds([(at[0], at[1]), (at[2], at[3]), (at[4], at[5])]) == [10, 12, 15]


def test_the_length_that_decides_explains_most() -> None:
    """Where accuracy follows the length alone; of equal or few candidates, nothing is said."""
    found = [
        record(length, bits, 1 - 1 / length, size_bytes=100)
        for length in (2, 4, 8, 16)
        for bits in ("8-8-8-8", "4-8-8-8", "8-4-8-8", "4-4-8-8")
    ]
    shares = importances(found, LAYERS)
    assert shares["accuracy"]["input length"] > 0.9
    assert "size" not in shares
    assert importances(found[:3], LAYERS) == {}
    assert importances([found[0]] * 5, LAYERS) == {}


def test_learning_curves_end_where_they_were_stopped() -> None:
    """A curve a training, with a mark where it was stopped."""
    figure = curves_figure(FOUND, POINTS)
    assert figure is not None
    ends = figure.plot.data[-1]
    assert list(ends.x) == [50.0] * len(FOUND.of(Outcome.PRUNED))
    bare = [dataclasses.replace(one, rungs=()) for one in FOUND.records]
    assert curves_figure(contents(bare), POINTS) is None


def test_widths_are_in_the_order_of_the_front() -> None:
    """A row a member, the best first, a column a layer."""
    figure = widths_figure(FOUND, POINTS)
    assert figure is not None
    rows = [tuple(row) for row in figure.plot.data[0].text]
    assert rows == [one.candidate.bits for one in FOUND.front]


def test_the_best_of_a_length_is_scored() -> None:
    """Shortest first; what was stopped early is no best."""
    found = contents(
        [
            record(20, "8-8-8-8", 0.9),
            record(10, "8-8-8-8", 0.7, number=1),
            record(10, "4-4-4-4", 0.8, number=2, outcome=Outcome.PRUNED),
        ]
    )
    assert list(best_by_length(found).items()) == [(10, 70.0), (20, 90.0)]
