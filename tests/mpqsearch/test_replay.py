# SPDX-License-Identifier: Apache-2.0
"""Searches of a sweep instead of trainings: what they find, and when."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.candidate import Candidate
from mpqsearch.coordinates import Coordinates, CostAxis
from mpqsearch.errors import StudyError
from mpqsearch.hypervolume import hypervolume
from mpqsearch.replay import Replay, Searched, Seeds, Target, nearest_untried, replay, sampler_of
from mpqsearch.sweep import read_sweep
from mpqsearch.sweep_costs import CostSource, price_sweep
from mpqsearch.sweep_table import read_table
from mpqsearch.synthetic_sweep import family
from tests.mpqsearch.sweeps import indoor_rows, recorded_indoor_sweep, written

SCALE = Coordinates((CostAxis(0.0, 30.0), CostAxis(0.0, 40.0)))


def costs_of(candidate: Candidate) -> tuple[float, float]:
    return float(candidate.input_length), float(sum(candidate.bits))


def target_of(path: Path) -> Target:
    return Target(read_sweep(path), costs_of, SCALE)


def all_of(target: Target, name: str, **how: object) -> Replay:
    return Replay.of(list(replay(target, sampler_of(name, target), **how)))  # type: ignore[arg-type]


@pytest.mark.parametrize("holes", [pytest.param(0, id="whole"), pytest.param(9, id="holes")])
@pytest.mark.parametrize(
    "name", ["random", "exhaustive", "cost-aware", "nsga2", "nsga2 plain", "tpe"]
)
def test_a_search_of_everything_finds_everything(tmp_path: Path, name: str, holes: int) -> None:
    """Shares rise, and are 1 when all candidates were run; what is not there never was."""
    rows = indoor_rows(seeds=(1,))
    kept = random.Random(1).sample(rows, len(rows) - holes)
    target = target_of(written(tmp_path, kept))
    size = target.sweep.space.size
    assert size == len(kept)
    done = all_of(target, name, runs=size, repeats=2)
    assert done.shares.shape == (2, size)
    assert (np.diff(done.shares, axis=1) >= 0).all()
    assert done.shares[:, -1] == pytest.approx([1.0] * 2)
    assert done.train_seconds[:, -1] == pytest.approx([1.5 * size] * 2)
    assert done.runs_to(1.1) is None
    low, high = done.band
    assert (low <= done.median).all()
    assert (done.median <= high).all()


def test_a_seed_gives_the_same_search_again(tmp_path: Path) -> None:
    """And the first seed counts up: the second search is the first of the next seed."""
    target = target_of(written(tmp_path, indoor_rows()))
    make = sampler_of("random", target)
    both = list(replay(target, make, runs=6, repeats=2, first_seed=4))
    (second,) = replay(target, make, runs=6, repeats=1, first_seed=5)
    assert (both[1].shares == second.shares).all()
    assert (both[0].shares != second.shares).any()


class Listening(optuna.samplers.RandomSampler):
    """Keeps what it is told."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.told: list[tuple[dict[str, int], Sequence[float]]] = []

    def after_trial(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        state: optuna.trial.TrialState,
        values: Sequence[float] | None,
    ) -> None:
        if values is not None:
            self.told.append((trial.params, values))
        super().after_trial(study, trial, state, values)


@pytest.mark.parametrize("seeds", list(Seeds))
def test_a_sampler_is_told_one_seed_or_the_mean_of_all(tmp_path: Path, seeds: Seeds) -> None:
    """Never anything of candidates it has not run; the clock counts what was trained."""
    target = target_of(written(tmp_path, indoor_rows(seeds=(1, 2, 3))))
    sampler = Listening(0)
    (done,) = replay(target, lambda _: sampler, runs=20, repeats=1, seeds=seeds)
    assert len(sampler.told) == 20
    for parameters, (accuracy, *costs) in sampler.told:
        candidate = target.sweep.space.candidate(parameters)
        one_by_one = [target.sweep.accuracy(candidate, seed) for seed in (1, 2, 3)]
        mean = pytest.approx(sum(one_by_one) / 3)
        assert tuple(costs) == costs_of(candidate)
        assert accuracy in one_by_one if seeds is Seeds.ONE else accuracy == mean
    each = 1.5 if seeds is Seeds.ONE else 4.5
    assert done.train_seconds == pytest.approx(each * np.arange(1, 21))


def test_a_candidate_without_some_seeds_is_drawn_from_those_it_has(tmp_path: Path) -> None:
    """Here each has another one."""
    rows = [row for at, row in enumerate(indoor_rows(seeds=(1, 2))) if at // 2 % 2 == at % 2]
    target = target_of(written(tmp_path, rows))
    assert target.sweep.seeds == (1, 2)
    assert all_of(target, "random", runs=32, repeats=1).shares[0, -1] == pytest.approx(1)


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_shares_are_those_of_all_found_so_far(data: st.DataObject) -> None:
    """Leaving out what is dominated changes no hypervolume."""
    (sweep,) = family(1, 3, (100, 10))
    target = Target(sweep, sweep.costs, Coordinates((CostAxis(0, 200), CostAxis(1, 1e6))))
    found = data.draw(
        st.lists(st.sampled_from(list(sweep.space)), min_size=1, max_size=12, unique=True)
    )
    shares = target.shares(found, 14)
    errors, costs = target.losses(found)
    for at in range(len(found)):
        volume = hypervolume(errors[: at + 1], costs[: at + 1])
        assert shares[at] == pytest.approx(volume / target.whole, abs=1e-12)
    assert (shares[len(found) :] == shares[len(found) - 1]).all()


def test_time_is_counted_to_the_median() -> None:
    """Of three searches, the second that reaches a share decides, at its own time."""
    shares = [[0.5, 1.0], [0.0, 0.9], [0.9, 0.9]]
    seconds = [[10.0, 100.0], [1.0, 40.0], [50.0, 51.0]]
    done = Replay.of(
        [
            Searched(np.array(one), np.array(when), (0.1,))
            for one, when in zip(shares, seconds, strict=True)
        ]
    )
    assert (done.runs_to(0.5), done.seconds_to(0.5)) == (1, 40.0)
    assert (done.runs_to(0.9), done.seconds_to(0.9)) == (2, 50.0)
    assert (done.runs_to(0.95), done.seconds_to(0.95)) == (None, None)
    assert done.median_seconds.tolist() == [10.0, 51.0]


def test_without_times_there_is_no_clock() -> None:
    """Rather than one that leaves some out."""
    done = Replay.of([Searched(np.array([1.0]), np.array([np.nan]), (0.1,))])
    assert done.runs_to(0.5) == 1
    assert done.seconds_to(0.5) is None


def test_the_nearest_untried_candidate_has_the_fewest_changes(tmp_path: Path) -> None:
    """Counted in layers, and the length as one."""
    space = read_sweep(written(tmp_path, indoor_rows())).space
    wanted = Candidate(21, (8, 8, 8, 4))
    near = {Candidate(21, (8, 8, 8, 8)), Candidate(21, (8, 8, 8, 2))}
    found = {nearest_untried(space, wanted, (), random.Random(seed)) for seed in range(20)}
    assert found == near
    farther = nearest_untried(space, wanted, near, random.Random(0))
    assert sum(map(int.__ne__, farther.bits, wanted.bits)) + (farther.input_length != 21) == 2


def test_a_large_table_is_sifted_without_loss() -> None:
    """A space that is looked at in samples has the hypervolume of all its candidates."""
    (sweep,) = family(1, 7, (100, 10))
    scale = Coordinates((CostAxis(0.0, 200.0), CostAxis(1.0, 1e7, logarithmic=True)))
    target = Target(sweep, sweep.costs, scale)
    assert sweep.space.size > 2 * 2000
    errors, costs = target.losses(sweep.space)
    assert target.whole == pytest.approx(hypervolume(errors, costs))
    assert 0 < target.whole < 1


def test_a_table_outside_the_coordinates_is_refused(tmp_path: Path) -> None:
    """Where all err more than they allow, there is no share to give."""
    rows = [row.replace(",5", ",3") for row in indoor_rows(lengths=(5,), seeds=(42,))]
    priced = price_sweep(read_table(written(tmp_path, rows)), CostSource.PUBLISHED)
    target = Target(priced.sweep, priced.costs.get, priced.coordinates)
    with pytest.raises(StudyError, match=r"an error below 50% .* no front to find"):
        target.whole  # noqa: B018


def test_a_samplers_name_is_checked(tmp_path: Path) -> None:
    """With the nearest."""
    with pytest.raises(StudyError, match=r"but is 'cost-awar'; did you mean cost-aware\?"):
        sampler_of("cost-awar", target_of(written(tmp_path, indoor_rows())))


@pytest.fixture(scope="module")
def indoor() -> Target:
    priced = price_sweep(read_table(recorded_indoor_sweep()), CostSource.PUBLISHED)
    return Target(priced.sweep, priced.costs.get, priced.coordinates)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "runs", "share"),
    [
        pytest.param("cost-aware", 20, 0.996, id="cost-aware in 20"),
        pytest.param("cost-aware", 60, 0.999, id="cost-aware in 60"),
        pytest.param("nsga2", 60, 0.98, id="nsga2 in 60"),
    ],
)
def test_goals_on_the_recorded_sweep(indoor: Target, name: str, runs: int, share: float) -> None:
    """Shares of the hypervolume of all 405 candidates, medians of 20 searches."""
    assert indoor.sweep.space.size == 405
    assert all_of(indoor, name, runs=runs, repeats=20).median[-1] >= share
