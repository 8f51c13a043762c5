# SPDX-License-Identifier: Apache-2.0
"""What other seeds might have given: mean accuracies drawn again, paired over the seeds."""

import enum
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mpqsearch.racing import FEWEST_DEGREES, Runner, chance_spread, neighbour_variances

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

LEAST_DEGREES = 4
"""Degrees of freedom of a spread. Five seeds have them; fewer are filled up from the neighbours,
since the spread of two or three is often nearly 0 by chance."""
NEIGHBOURS = 8
"""Candidates on either side, in order of accuracy, that a spread is pooled over. Not over all: on
the indoor sweep inaccurate candidates scatter ten times as much as accurate ones."""


class Source(enum.Enum):
    """Where the spread of accuracies comes from."""

    SEEDS = "seeds"
    POOLED = "pooled"
    SAMPLES = "samples"


class SeedNoise:
    """Draws the mean accuracies that candidates would have over endless seeds.

    A paired bootstrap over seeds with Gaussian weights. A draw gives each seed one weight g_s, the
    same for all candidates, and moves the mean a of a candidate's n accuracies a_s to

        a + sqrt(v / chi2_v) sum_s g_s (a_s - a) / sqrt(n v),    v = n - 1,

    with one chi2_v for all candidates. So every mean and every difference of two scatters as
    Student's t says, each with its own spread over the seeds. Drawing seeds with replacement gives
    few different sums of five seeds, a spread too small by sqrt((n - 1) / n), and no heavy tails.

    Where n - 1 is less than v = `LEAST_DEGREES`, the neighbours in accuracy fill up the rest, with
    a part common to all candidates and one of each alone, as measured by `racing.spread`. A
    candidate that lacks seeds which others have is compared at the seeds it has: its mean is
    corrected by what the others gave, to its neighbours that have them. Where hardly two candidates
    have two seeds, the spread is what chance does to so many validation samples
    (`Source.SAMPLES`): what another seed would do is not known then.

    Not covered: that the validation split is itself a sample, and that the best of many looks
    better than it is because it was chosen.

    Attributes:
        centres: Estimated mean accuracies over endless seeds, (candidates,).
        counts: Seeds of each candidate, (candidates,).
        source: Where the spread comes from.

    **Source:** Gaussian weights on residuals: C. F. J. Wu, "Jackknife, bootstrap and other
    resampling methods in regression analysis", Annals of Statistics 14, 1986. Filling up with
    pooled degrees of freedom: G. K. Smyth, "Linear models and empirical Bayes methods for assessing
    differential expression in microarray experiments", Statistical Applications in Genetics and
    Molecular Biology 3, 2004; here their number is fixed, not estimated.
    """

    def __init__(
        self,
        accuracies: Sequence[Sequence[float]],
        samples: Callable[[], int],
        *,
        draws: int = 4000,
        seed: int = 0,
    ) -> None:
        """Measures the spread.

        Args:
            accuracies: Of each candidate, at least one, the same seeds in the same order; some may
                have fewer.
            samples: Gives the samples of the validation split; called only where seeds do not say
                how accuracies scatter.
            draws: How often to draw.
            seed: Of the draws.
        """
        self.counts = np.array([len(one) for one in accuracies])
        most = int(self.counts.max())
        self.degrees = max(most - 1, LEAST_DEGREES)
        self._means = np.array([float(np.mean(one)) for one in accuracies])
        residuals = np.zeros((len(accuracies), most))
        for row, one in enumerate(accuracies):
            residuals[row, : len(one)] = np.subtract(one, self._means[row])
        filled = self.degrees - (self.counts - 1)
        own, common, self.source = self._pooled(accuracies, residuals, filled, samples)
        scale = 1 / np.sqrt(self.degrees * self.counts)
        self._loadings = residuals * scale[:, None]
        self._common = np.sqrt(filled) * scale * common
        self._own = np.sqrt(filled) * scale * own
        self.centres = self._means.copy()
        self._correct_short(residuals, scale, own)
        generator = np.random.default_rng(seed)
        self._seed = seed
        self._weights = generator.standard_normal((draws, most))
        self._shared = generator.standard_normal(draws)
        self._tails = np.sqrt(self.degrees / generator.chisquare(self.degrees, draws))

    def means(self, which: Indices) -> Floats:
        """Drawn mean accuracies of some candidates, (draws, candidates); some may exceed 1."""
        moved: Floats = self._weights @ self._loadings[which].T
        moved += self._shared[:, None] * self._common[which]
        for column, one in enumerate(which):
            if self._own[one] > 0:
                alone = np.random.default_rng((self._seed, int(one)))
                moved[:, column] += self._own[one] * alone.standard_normal(len(moved))
        moved *= self._tails[:, None]
        moved += self.centres[which]
        return moved

    def error(self, one: int) -> float:
        """Standard error of a candidate's mean accuracy."""
        loadings = float(np.sum(self._loadings[one] ** 2))
        return math.sqrt(loadings + self._common[one] ** 2 + self._own[one] ** 2)

    def error_between(self, one: int, other: int) -> float:
        """Standard error of the difference of two candidates' mean accuracies, paired."""
        loadings = float(np.sum((self._loadings[one] - self._loadings[other]) ** 2))
        common = (self._common[one] - self._common[other]) ** 2
        return math.sqrt(loadings + common + self._own[one] ** 2 + self._own[other] ** 2)

    def above(self, lead: float, error: float) -> float:
        """Probability that what leads by so much, with that standard error, does lead."""
        from scipy.special import stdtr

        if error == 0:
            return 0.5 if lead == 0 else float(lead > 0)
        return float(stdtr(self.degrees, lead / error))

    def quantile(self, probability: float) -> float:
        """Standard errors below which a mean lies with a probability."""
        from scipy.special import stdtrit

        return float(stdtrit(self.degrees, probability))

    def _pooled(
        self,
        accuracies: Sequence[Sequence[float]],
        residuals: Floats,
        filled: Indices,
        samples: Callable[[], int],
    ) -> tuple[Floats, Floats, Source]:
        """Deviations at one seed, (candidates,) each: of a candidate alone, and common to all."""
        nothing = np.zeros(len(accuracies))
        if not filled.any():
            return nothing, nothing, Source.SEEDS
        runners = [Runner((), tuple(one)) for one in accuracies]
        pairs = np.array(neighbour_variances(runners)).reshape(-1, 2)
        if pairs[:, 0].sum() < FEWEST_DEGREES:
            known = samples()
            chance = [chance_spread([one], known) / math.sqrt(2) for one in runners]
            return np.array(chance), nothing, Source.SAMPLES
        several = np.flatnonzero(self.counts > 1)
        several = several[np.argsort(-self._means[several], kind="stable")]
        degrees = self.counts[several] - 1
        places = np.searchsorted(-self._means[several], -self._means)
        between = _windowed(pairs[:, 0] * pairs[:, 1], pairs[:, 0], places)
        within = _windowed(np.sum(residuals[several] ** 2, axis=1), degrees, places)
        alone = between / 2
        return np.sqrt(alone), np.sqrt(np.maximum(within - alone, 0.0)), Source.POOLED

    def _correct_short(self, residuals: Floats, scale: Floats, own: Floats) -> None:
        """Gives candidates that lack seeds what those seeds did to their neighbours."""
        most = residuals.shape[1]
        full = np.flatnonzero(self.counts == most)
        loadings, common = self._loadings.copy(), self._common.copy()
        for one in np.flatnonzero(self.counts < most):
            has = int(self.counts[one])
            # as they stand at the seeds that both have
            there = self._means[full] + residuals[full, :has].mean(axis=1)
            near = full[np.argsort(np.abs(there - self._means[one]), kind="stable")]
            near = near[: 2 * NEIGHBOURS]
            effects = residuals[near].mean(axis=0)
            shift = float(effects[:has].mean())
            self.centres[one] -= shift
            left = residuals[one, :has] - (effects[:has] - shift)
            self._loadings[one] = loadings[near].mean(axis=0)
            self._loadings[one, :has] += left * scale[one]
            self._common[one] = common[near].mean()
            filled = self.degrees - (has - 1)
            # the neighbours' mean is known no better than so many let it be
            self._own[one] = math.sqrt(filled * (1 + 1 / len(near))) * scale[one] * own[one]


def _windowed(sums: Floats, weights: Floats, places: Indices) -> Floats:
    """Sums over weights of those next to each place: `NEIGHBOURS` before it, as many from it on."""
    width = min(2 * NEIGHBOURS, len(sums))
    begin = np.clip(places - NEIGHBOURS, 0, len(sums) - width)
    summed = np.concatenate([[0.0], np.cumsum(sums)])
    weighed = np.concatenate([[0.0], np.cumsum(weights)])
    pooled = summed[begin + width] - summed[begin]
    return np.asarray(np.maximum(pooled, 0.0) / (weighed[begin + width] - weighed[begin]))
