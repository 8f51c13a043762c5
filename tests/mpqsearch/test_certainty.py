# SPDX-License-Identifier: Apache-2.0
"""How sure a front is: contenders, ties, and what may be left out of the draws."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from hardware.candidate import Candidate
from mpqsearch.certainty import CONTENDER, SURE, Certainty, settled
from mpqsearch.front import front_of
from mpqsearch.seed_noise import SeedNoise
from mpqsearch.sweep import read_sweep
from mpqsearch.sweep_costs import published_costs
from mpqsearch.trials import Outcome, TrialRecord

SWEEP = Path(__file__).resolve().parents[3] / "shared" / "data" / "indoor_sweep_part.csv"


def scored(number: int, size: int, *accuracies: float, latency_us: float = 10.0) -> TrialRecord:
    """A record with these accuracies at its seeds; energy and size are one number."""
    return TrialRecord(
        number,
        Candidate.parse(number + 1, "8-8"),
        Outcome.SCORED,
        float(np.mean(accuracies)),
        latency_us,
        float(size),
        size,
        "analytic",
        seed_accuracies=accuracies,
    )


def unasked() -> int:
    raise AssertionError("the samples are asked for only where seeds do not tell")


SEEDS = np.array([0.0, 0.01, -0.01, 0.02, -0.02])


def near(number: int, size: int, mean: float, own: tuple[float, ...]) -> TrialRecord:
    """A record that follows the seeds' common ups and downs, plus its own."""
    return scored(number, size, *(mean + SEEDS + np.array(own)))


DEAR = near(0, 400, 0.950, (0.001, -0.001, 0.0, 0.001, -0.001))
CHEAPER = near(1, 300, 0.9497, (-0.001, 0.001, 0.001, -0.001, 0.0))
BEATEN = near(2, 350, 0.9495, (0.0, 0.0, 0.001, 0.0, -0.001))
CHEAP = near(3, 100, 0.900, (0.0, 0.001, 0.0, -0.001, 0.0))
HOPELESS = near(4, 200, 0.850, (0.001, 0.0, 0.0, 0.0, -0.001))
FIVE = [DEAR, CHEAPER, BEATEN, CHEAP, HOPELESS]


def test_the_front_is_shown_with_who_may_be_on_it() -> None:
    """Who is beaten by less than the noise is a contender; who trails by far is not shown."""
    members = Certainty(FIVE, unasked).members
    assert [one.record.number for one in members] == [0, 1, 2, 3]
    assert [one.by_mean for one in members] == [True, True, False, True]
    dear, cheaper, beaten, cheap = members
    assert 0.4 < dear.on_front < SURE
    assert CONTENDER < beaten.on_front < 0.5
    assert cheaper.on_front > 0.5
    assert cheap.on_front == 1
    assert (cheap.more_seeds, cheap.settled(SURE)) == (0, True)
    assert dear.more_seeds is not None
    assert dear.more_seeds > 0
    assert dear.interval[0] < 0.95 < dear.interval[1]


def test_ties_are_paired() -> None:
    """Seeds that move all alike tie nobody: 5 points are far, 0.03 points are not."""
    certainty = Certainty(FIVE, unasked)
    assert [tie.record.number for tie in certainty.ties(DEAR)] == [1, 2]
    assert certainty.ties(CHEAP) == []
    tie = certainty.ties(DEAR)[0]
    assert tie.better < 0.5
    assert tie.more_seeds is not None
    assert tie.more_seeds > 0


def test_who_is_left_out_of_the_draws_is_on_no_front() -> None:
    """Membership among the kept is that among all, in every draw."""
    generator = np.random.default_rng(3)
    records = [
        scored(
            number,
            int(generator.integers(1, 40)),
            *(0.9 + generator.normal(0, 0.02) + generator.normal(0, 0.004, 5)),
            latency_us=float(generator.integers(1, 40)),
        )
        for number in range(60)
    ]
    certainty = Certainty(records, unasked, draws=500)
    everyone = np.arange(len(records))
    kept = certainty.relevant(everyone)
    assert 5 < len(kept) < 60
    means = certainty.noise.means(everyone)
    costs = np.array([one.costs for one in records])
    shown = {one.record.number: one.on_front for one in certainty.members}
    for one in everyone:
        no_dearer = np.all(costs[one] >= costs, axis=1) & (everyone != one)
        on = means[:, one] > means[:, no_dearer].max(axis=1, initial=-np.inf)
        assert one in kept or not on.any()
        if one in shown:
            assert shown[int(one)] == on.mean()
        else:
            assert on.mean() < CONTENDER


def test_rivals_are_those_who_may_decide() -> None:
    """Who costs no more and is within the noise, not who trails by far or costs more."""
    certainty = Certainty(FIVE, unasked)
    assert [one.number for one in certainty.rivals(DEAR)] == [1, 2]
    assert certainty.rivals(CHEAP) == []


def test_candidates_of_equal_costs_beat_each_other() -> None:
    """Of two that cost the same, one is on the front in every draw, never both."""
    twins = [near(0, 100, 0.95, (0.001,) * 5), near(1, 100, 0.95, (0, 0.003, 0, 0, 0))]
    members = Certainty(twins, unasked).members
    assert sum(one.on_front for one in members) == pytest.approx(1)


def test_one_seed_is_enough_to_answer() -> None:
    """With the noise of the validation samples: a lead of 0.1 points of 200 samples is none."""
    certainty = Certainty([scored(0, 200, 0.951), scored(1, 100, 0.95)], lambda: 200)
    assert [round(one.on_front, 1) for one in certainty.members] == [0.5, 1.0]


@pytest.mark.parametrize(("probability", "wanted"), [(0.95, True), (0.94, False), (0.05, True)])
def test_settled_is_at_either_end(probability: float, wanted: bool) -> None:
    """From 95 % on, and up to 5 %."""
    assert settled(probability, 0.95) is wanted


@pytest.mark.skipif(not SWEEP.is_file(), reason="../shared/data/indoor_sweep_part.csv is absent")
def test_the_indoor_sweep_s_best_are_tied() -> None:
    """Of the part table: the best is not separable from a network a quarter its size."""
    records = []
    for number, (candidate, rows) in enumerate(read_sweep(SWEEP).trainings.items()):
        latency, size = published_costs(candidate)
        accuracies = tuple(row.accuracy for row in rows.values())
        made = scored(number, int(size), *accuracies, latency_us=latency)
        records.append(dataclasses.replace(made, candidate=candidate, energy_uj=latency))
    certainty = Certainty(records, unasked)
    best = front_of(records)[0]
    tied = {str(tie.record.candidate) for tie in certainty.ties(best)}
    assert str(best.candidate) == "101 8-8-8-4"
    assert "101 8-8-2-4" in tied


@pytest.mark.skipif(not SWEEP.is_file(), reason="../shared/data/indoor_sweep_part.csv is absent")
def test_the_indoor_sweep_s_smallest_at_99_2_percent_is_a_toss() -> None:
    """As the paper's winner, of a length this table lacks: 99.2 % in 56 % of resamples."""
    rows = read_sweep(SWEEP).trainings[Candidate.parse(101, "8-8-2-4")]
    noise = SeedNoise([tuple(row.accuracy for row in rows.values())], unasked)
    assert 0.5 < noise.above(float(noise.centres[0]) - 0.992, noise.error(0)) < 0.6
