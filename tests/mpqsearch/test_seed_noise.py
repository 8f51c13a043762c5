# SPDX-License-Identifier: Apache-2.0
"""Draws of mean accuracies: Student's t, paired over seeds, and right as often as they say."""

import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp, ttest_rel

from mpqsearch.seed_noise import LEAST_DEGREES, SeedNoise, Source

BEST = (0.9891, 0.9924, 0.9937, 0.9950, 0.9913)
NEXT = (0.9891, 0.9921, 0.9935, 0.9947, 0.9910)
OTHER = (0.9822, 0.9906, 0.9950, 0.9925, 0.9907)


def unasked() -> int:
    raise AssertionError("the samples are asked for only where seeds do not tell")


def test_a_mean_of_five_seeds_scatters_as_a_t_test_says() -> None:
    """Drawn shares above a bound are the one-sided p-values of SciPy's test, and so is `above`."""
    noise = SeedNoise([BEST, OTHER], unasked, draws=40_000)
    means = noise.means(np.arange(2))
    for row, accuracies in enumerate((BEST, OTHER)):
        for bound in (0.989, 0.9915, 0.994):
            wanted = ttest_1samp(accuracies, bound, alternative="greater").pvalue
            lead = noise.centres[row] - bound
            assert noise.above(lead, noise.error(row)) == pytest.approx(1 - wanted)
            assert np.mean(means[:, row] > bound) == pytest.approx(1 - wanted, abs=0.01)
    assert noise.source is Source.SEEDS


def test_differences_scatter_as_a_paired_t_test_says() -> None:
    """Two that rise and fall together are told apart, though each scatters ten times as far."""
    noise = SeedNoise([BEST, NEXT], unasked, draws=40_000)
    wanted = ttest_rel(BEST, NEXT, alternative="greater").pvalue
    assert wanted < 0.02
    lead = noise.centres[0] - noise.centres[1]
    assert noise.above(lead, noise.error_between(0, 1)) == pytest.approx(1 - wanted)
    means = noise.means(np.arange(2))
    assert np.mean(means[:, 0] > means[:, 1]) == pytest.approx(1 - wanted, abs=0.005)
    assert noise.error(0) > 10 * noise.error_between(0, 1)


def test_one_seed_has_the_noise_of_its_samples() -> None:
    """A share p of n samples deviates by sqrt(p (1 - p) / n)."""
    noise = SeedNoise([(0.9,), (0.8,)], lambda: 400)
    assert noise.source is Source.SAMPLES
    assert noise.error(0) == pytest.approx(math.sqrt(0.9 * 0.1 / 400))
    assert noise.error_between(0, 1) == pytest.approx(math.sqrt((0.09 + 0.16) / 400))


def test_two_seeds_that_agree_are_not_taken_for_certain() -> None:
    """Their neighbours' scatter fills up what two seeds cannot tell."""
    generator = np.random.default_rng(1)
    table = [tuple(0.9 - 0.01 * row + generator.normal(0, 0.01, 2)) for row in range(12)]
    table[5] = (0.85, 0.85)
    noise = SeedNoise(table, unasked)
    assert noise.source is Source.POOLED
    assert 0.003 < noise.error(5) < 0.02


def test_who_lacks_seeds_is_compared_at_those_it_has() -> None:
    """A candidate seen at a good seed only is not better than the others were there."""
    good, poor = 0.02, -0.02
    full = [(0.9 + good - 0.001 * row, 0.9 + poor - 0.001 * row) for row in range(10)]
    full = [(one, other + 0.0001 * (row % 3)) for row, (one, other) in enumerate(full)]
    noise = SeedNoise([*full, (0.9 + good,)], unasked)
    assert noise.centres[-1] == pytest.approx(0.9, abs=0.001)
    assert noise.error_between(0, 10) < 0.001 < noise.error(10)


def test_a_seed_that_moves_everybody_changes_no_difference() -> None:
    """Draws of differences are the same when one seed adds a tenth to all."""
    plain = SeedNoise([BEST, OTHER], unasked).means(np.arange(2))
    moved = [(*one[:2], one[2] + 0.1, *one[3:]) for one in (BEST, OTHER)]
    shifted = SeedNoise(moved, unasked).means(np.arange(2))
    assert shifted[:, 0] - shifted[:, 1] == pytest.approx(plain[:, 0] - plain[:, 1])


def test_draws_do_not_depend_on_who_is_drawn_with_whom() -> None:
    """A candidate has the same draws alone as among others, also where the fill is drawn."""
    table = [tuple(0.9 + 0.01 * np.random.default_rng(row).normal(size=2)) for row in range(12)]
    noise = SeedNoise(table, unasked, draws=50)
    every = noise.means(np.arange(12))
    assert np.array_equal(noise.means(np.array([7, 3])), every[:, [7, 3]])


@pytest.mark.parametrize("seeds", [3, 5])
def test_what_is_called_sure_comes_true(seeds: int) -> None:
    """Of what is called 95 to 99.9 % sure, 95 % come true; the plain bootstrap errs more."""
    generator = np.random.default_rng(seeds)
    right: dict[str, list[bool]] = {"ours": [], "plain": []}
    for _ in range(200):
        true = generator.uniform(0.90, 0.92, 30)
        common = generator.normal(0, 0.002, seeds)
        table = true[:, None] + common + generator.normal(0, 0.003, (30, seeds))
        noise = SeedNoise([tuple(row) for row in table], unasked, draws=1000)
        counts = generator.multinomial(seeds, [1 / seeds] * seeds, 1000)
        for name, means in (
            ("ours", noise.means(np.arange(30))),
            ("plain", counts / seeds @ table.T),
        ):
            said = np.mean(means >= 0.91, axis=0)
            right[name] += list(true[(said >= 0.95) & (said < 0.999)] >= 0.91)
    assert min(map(len, right.values())) > 100
    assert np.mean(right["ours"]) > 0.95 > np.mean(right["plain"])


def test_five_seeds_need_nobody_else() -> None:
    """The bound that fills up is four degrees of freedom."""
    assert LEAST_DEGREES == 4
    noise = SeedNoise([(0.9,) * 5, BEST], unasked)
    assert noise.error(0) == 0
