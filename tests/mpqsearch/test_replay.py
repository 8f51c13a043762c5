# SPDX-License-Identifier: Apache-2.0
"""Replayed sweeps: read or refused, and what a search on them gives."""

from pathlib import Path

import numpy as np
import optuna
import pytest

from hardware.candidate import Candidate
from mpqsearch.coordinates import Coordinates, CostAxis
from mpqsearch.errors import StudyError
from mpqsearch.replay import (
    Sweep,
    SweepColumns,
    indoor_costs,
    read_sweep,
    replay,
    whole_volume,
)
from mpqsearch.samplers.factory import make_sampler
from mpqsearch.synthetic_sweep import family

HEADER = "input_length,a_bits,b_bits,seed,test_accuracy\n"
ROWS = [
    f"{length},8,{bits},{seed},9{seed}.5\n"
    for length in (9, 5)
    for bits in (8, 2)
    for seed in (1, 2)
]
SCALE = Coordinates((CostAxis(0.0, 10.0), CostAxis(0.0, 20.0)))


def costs_of(candidate: Candidate) -> tuple[float, float]:
    return float(candidate.input_length), float(sum(candidate.bits))


def written(folder: Path, text: str) -> Path:
    path = folder / "sweep.csv"
    path.write_text(text)
    return path


@pytest.fixture
def small(tmp_path: Path) -> Sweep:
    return read_sweep(written(tmp_path, HEADER + "".join(ROWS)))


def test_a_sweep_is_read(small: Sweep) -> None:
    """Space, seeds and accuracies, in any order of the rows."""
    assert small.space.input_lengths == (9, 5)
    assert small.space.layer_names == ("a", "b")
    assert small.space.layer_bits == ((8,), (8, 2))
    assert small.seeds == (1, 2)
    assert small.accuracy(Candidate(5, (8, 2)), 2) == pytest.approx(0.925)
    assert small.mean_accuracy(Candidate(5, (8, 2))) == pytest.approx(0.92)


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    """And accuracies may be shares."""
    text = "n,w,run,acc\n" + "".join(f"4,{bits},0,0.5\n" for bits in (8, 4))
    columns = SweepColumns("n", ("w",), "run", "acc", percent=False)
    assert read_sweep(written(tmp_path, text), columns).mean_accuracy(Candidate(4, (4,))) == 0.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "no column that ends in _bits", id="empty"),
        pytest.param(HEADER, "holds no rows", id="no rows"),
        pytest.param(HEADER.replace("seed", "sead"), "no column 'seed'; it has", id="column"),
        pytest.param(HEADER + "9,8,8,1,nan\n", "line 2: 'test_accuracy' must be", id="nan"),
        pytest.param(HEADER + "9,8,8,1,101\n", "from 0 to 100 but is '101'", id="above 100"),
        pytest.param(HEADER + "9,8,8,1\n", "must be a number .* but is None", id="short row"),
        pytest.param(HEADER + "9,8,x,1,90\n", "'b_bits' must be a whole number", id="no bits"),
        pytest.param(HEADER + "9,8,3,1,90\n", "bits must be 1, 2, 4 or 8", id="odd bits"),
        pytest.param(HEADER + ROWS[0] * 2, "9 8-8 with seed 1 stands there twice", id="twice"),
        pytest.param(HEADER + "".join(ROWS[1:]), "9 8-8 lacks seed 1", id="seed"),
        pytest.param(HEADER + "".join(ROWS[2:]), "lacks 9 8-8: .* 4 candidates", id="candidate"),
    ],
)
def test_bad_tables_are_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    """With the file, the place and what is wrong."""
    with pytest.raises(StudyError, match=message) as caught:
        read_sweep(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused_in_one_line(tmp_path: Path) -> None:
    """As are bytes that are no text."""
    with pytest.raises(StudyError, match="cannot be read"):
        read_sweep(tmp_path / "none.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StudyError, match="cannot be read"):
        read_sweep(tmp_path / "bytes.csv")


@pytest.mark.parametrize("name", ["random", "exhaustive", "cost-aware", "nsga2"])
def test_a_search_of_everything_finds_everything(small: Sweep, name: str) -> None:
    """Shares rise, and are 1 when all candidates were tried."""
    done = replay(
        small,
        lambda seed: make_sampler(name, small.space, costs_of, seed=seed, population=2),
        runs=small.space.size,
        repeats=3,
        costs_of=costs_of,
        coordinates=SCALE,
    )
    assert done.shares.shape == (3, 4)
    assert (np.diff(done.shares, axis=1) >= 0).all()
    assert done.shares[:, -1] == pytest.approx([1.0] * 3)
    low, high = done.band
    assert (low <= done.median).all()
    assert (done.median <= high).all()
    assert done.runs_to(0.0) == 1
    assert done.runs_to(1.1) is None


def test_a_large_table_is_sifted_without_loss() -> None:
    """The hypervolume of a sample that is a fifth of the space is no more than the whole."""
    (sweep,) = family(1, 7, (100, 10))
    scale = Coordinates((CostAxis(0.0, 200.0), CostAxis(1.0, 1e7, logarithmic=True)))
    part = Sweep(sweep.space, (0,), {one: (sweep.mean_accuracy(one),) for one in sweep.space})
    whole = whole_volume(sweep, sweep.costs, scale)
    assert sweep.space.size > 2 * 2000
    assert whole == pytest.approx(whole_volume(part, sweep.costs, scale))
    assert 0 < whole < 1


def test_indoor_sizes_are_the_published_ones() -> None:
    """51,260 and 203,160 weight bytes at length 101."""
    assert indoor_costs(Candidate(101, (8, 8, 2, 4)))[1] == 51_260
    assert indoor_costs(Candidate(101, (8, 8, 8, 8)))[1] == 203_160


@pytest.fixture(scope="module")
def indoor() -> Sweep:
    """The recorded sweep, kept beside the project."""
    folder = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    path = folder / "indoor_sweep_part.csv"
    if not path.exists():
        pytest.skip("the recorded sweep is not here: shared/data beside the project")
    return read_sweep(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "runs", "share"),
    [
        pytest.param("cost-aware", 20, 0.996, id="cost-aware in 20"),
        pytest.param("cost-aware", 60, 0.999, id="cost-aware in 60"),
        pytest.param("nsga2", 60, 0.98, id="nsga2 in 60"),
    ],
)
def test_goals_on_the_recorded_sweep(indoor: Sweep, name: str, runs: int, share: float) -> None:
    """Shares of the hypervolume of all 405 candidates, medians of 20 searches."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    done = replay(
        indoor,
        lambda seed: make_sampler(name, indoor.space, indoor_costs, seed=seed),
        runs=runs,
        repeats=20,
    )
    assert len(indoor.accuracies) == 405
    assert done.median[-1] >= share
