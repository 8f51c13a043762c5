# SPDX-License-Identifier: Apache-2.0
"""Sweeps: what there is of a space, whole or with holes."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.candidate import Candidate
from mpqsearch.space import Space
from mpqsearch.sweep import RecordedSpace, Sweep, read_sweep
from mpqsearch.sweep_table import SweepRow
from tests.mpqsearch.sweeps import indoor_rows, written

FULL = Space((9, 5), ("a", "b"), ((8, 4), (8, 2)))


def test_a_whole_sweep_is_a_whole_space(tmp_path: Path) -> None:
    """In any order of the rows."""
    sweep = read_sweep(written(tmp_path, reversed(indoor_rows())))
    assert sweep.space == Space((21, 5), ("conv1", "conv2", "fc1", "fc2"), ((8, 2),) * 4)
    assert sweep.seeds == (42, 43)
    assert sweep.accuracy(Candidate(5, (8, 8, 8, 2)), 43) == pytest.approx(0.581)
    assert sweep.mean_accuracy(Candidate(5, (8, 8, 8, 2))) == pytest.approx(0.5805)
    assert sweep.train_seconds(Candidate(5, (8, 8, 8, 2)), 43) == 1.5
    assert (sweep.timed, sweep.short_of_seeds) == (True, 0)


def test_holes_are_known(tmp_path: Path) -> None:
    """Candidates that are not there are not in the space; the mean is over the seeds there are."""
    rows = indoor_rows()
    del rows[0], rows[-2:]  # one seed of the first, both of the last
    sweep = read_sweep(written(tmp_path, rows))
    assert (sweep.space.size, sweep.missing, sweep.short_of_seeds) == (31, 1, 1)
    assert Candidate(5, (2, 2, 2, 2)) not in sweep.space
    first = Candidate(21, (8, 8, 8, 8))
    assert sweep.seeds_of(first) == (43,)
    assert sweep.mean_accuracy(first) == sweep.accuracy(first, 43)


def test_a_time_that_is_missing_stops_the_clock(tmp_path: Path) -> None:
    """One row without is enough."""
    rows = indoor_rows()
    rows[3] = rows[3].removesuffix("1.5")
    assert not read_sweep(written(tmp_path, rows)).timed


def test_costs_are_means_over_the_rows(tmp_path: Path) -> None:
    """A measured cost differs from row to row."""
    header = "length,w_bits,seed,acc,latency_us"
    sweep = read_sweep(written(tmp_path, ["9,8,1,0.5,10", "9,8,2,0.5,12"], header))
    assert sweep.costs(Candidate(9, (8,))) == (11.0,)


@given(kept=st.sets(st.sampled_from(list(FULL)), min_size=1), seed=st.integers(0, 9))
def test_a_space_with_holes_is_what_there_is(kept: set[Candidate], seed: int) -> None:
    """It lists, counts, holds and draws these candidates and no others."""
    in_order = tuple(one for one in FULL if one in kept)
    rows = [SweepRow(2, one, 0, 0.5) for one in in_order]
    sweep = Sweep(RecordedSpace(FULL.input_lengths, FULL.layer_names, FULL.layer_bits, in_order),
                  (0,), {row.candidate: {0: row} for row in rows})  # fmt: skip
    space = sweep.space
    assert list(space) == list(in_order)
    assert [one for one in FULL if one in space] == list(in_order)
    drawn: set[Candidate] = set()
    generator = random.Random(seed)
    while (one := space.draw_untried(drawn, generator)) is not None:
        assert one not in drawn
        drawn.add(one)
    assert drawn == kept
    left_out = sweep.without({in_order[0]}) if len(kept) > 1 else sweep.without(set())
    assert (in_order[0] in left_out.space) is (len(kept) == 1)
