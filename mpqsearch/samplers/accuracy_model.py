# SPDX-License-Identifier: Apache-2.0
"""A Gaussian process of accuracy over input length and bits: few data, several seeds, exact.

The process is on the square root of the error, 0 to 1: differences near 99 % matter (99.0 and
99.5 % lie as far apart as 91 and 92.5 %), and the noise of counting errors in a finite split is the
same everywhere.

**Source:** variance of the arcsine of the root of a binomial share, 1 / (4 n); the arcsine itself
differs from the root by less than 5 % below an error of a quarter.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.linalg
import scipy.optimize
from numpy.typing import NDArray
from scipy.special import ndtr

from hardware.candidate import Candidate
from mpqsearch.space import Space

Floats = NDArray[np.float64]

# Prior of the settings: medians, and spreads as standard deviations of their logarithm. Features
# lie in [0, 1] and targets have variance 1, so the medians say: effects bend little over the whole
# range, mostly add up, and the noise is a fiftieth of the variance.
LENGTH_SCALE = (2.0, 0.7)
ADDITIVE_VARIANCE = (2.0, 1.0)
JOINT_VARIANCE = (0.2, 1.0)
NOISE_VARIANCE = (0.02, 1.0)
SMALLEST_NOISE = 1e-4
SMALLEST_SPREAD = 0.01
ONE_TRIALS_SPREAD = 0.1
STEPS = 30

# What is expected before any trial: the root of the error rises with each halving of the length,
# and with the mean step of the weights (0.25 at 2 bits). Source: order of magnitude of the indoor
# sweep; a weak guess, which trials overrule.
ROOT_PER_HALVING = 0.05
ROOT_PER_STEP = 0.8


@dataclass(frozen=True)
class Inputs:
    """Candidates as the model sees them.

    Attributes:
        features: Log length, and step of each layer's weights, (candidates, 1 + layers) in [0, 1].
        trend: Root of the error as expected before any trial, up to a constant, (candidates,).
    """

    features: Floats
    trend: Floats

    @classmethod
    def of(cls, space: Space, candidates: Sequence[Candidate]) -> Self:
        """Inputs of candidates.

        The step between two weights is 2 ** -bits of their range: 8 and 4 bits lie close together,
        and far from 2.
        """
        table = [(one.input_length, *one.bits) for one in candidates]
        rows = _placed(np.reshape(np.array(table, float), (-1, 1 + len(space.layer_bits))))
        choices = (space.input_lengths, *space.layer_bits)
        low = _placed(np.array([[float(max(allowed)) for allowed in choices]]))
        high = _placed(np.array([[float(min(allowed)) for allowed in choices]]))
        trend = ROOT_PER_HALVING * rows[:, 0] + ROOT_PER_STEP * rows[:, 1:].mean(axis=1)
        return cls((rows - low) / np.where(high == low, 1.0, high - low), trend)


def _placed(rows: Floats) -> Floats:
    """Halvings and steps from rows of length and widths."""
    return np.concatenate([-np.log2(rows[:, :1]), np.exp2(-rows[:, 1:])], axis=1)


@dataclass(frozen=True)
class Settings:
    """Settings of the kernel, as logarithms.

    Attributes:
        log_scales: Length scale of each feature, (features,).
        log_variances: Of the sum over features, of the product of all, and of the noise, (3,).
    """

    log_scales: Floats
    log_variances: Floats

    @classmethod
    def prior(cls, features_count: int) -> Self:
        """The medians of the prior."""
        variances = (ADDITIVE_VARIANCE[0], JOINT_VARIANCE[0], NOISE_VARIANCE[0])
        return cls(np.full(features_count, np.log(LENGTH_SCALE[0])), np.log(variances))


@dataclass(frozen=True)
class Prediction:
    """Roots of the errors of candidates, normally distributed; below 0 there is no error.

    Attributes:
        mean: Mean root of the error, (candidates,).
        std: Its standard deviation, without seed noise, (candidates,); above 0.
    """

    mean: Floats
    std: Floats

    @property
    def median_error(self) -> Floats:
        """The error that is as likely exceeded as not."""
        return np.asarray(np.maximum(self.mean, 0.0) ** 2)

    def integrated_probability(self, errors: Floats) -> Floats:
        """Integral from 0 to each error of the probability that the error is at most t.

        With the root R normal(m, s), that probability is N((sqrt(t) - m) / s), and by parts its
        integral is t N(h) - E[R^2; 0 < R < sqrt(t)], with h = (sqrt(t) - m) / s, l = -m / s and

            E[R^2; ...] = (m^2 + s^2) (N(h) - N(l)) - 2 m s (n(h) - n(l)) - s^2 (h n(h) - l n(l))

        Args:
            errors: (levels,), each at least 0.

        Returns:
            (candidates, levels).
        """
        mean, std = self.mean[:, None], self.std[:, None]
        high, low = (np.sqrt(errors) - mean) / std, -mean / std
        at_high, at_low = _density(high), _density(low)
        squares = (mean**2 + std**2) * (ndtr(high) - ndtr(low))
        squares -= 2 * mean * std * (at_high - at_low)
        squares -= std**2 * (high * at_high - low * at_low)
        return np.asarray(errors * ndtr(high) - squares)


def _density(distance: Floats) -> Floats:
    return np.asarray(np.exp(-(distance**2) / 2) / math.sqrt(2 * math.pi))


class AccuracyModel:
    """Gaussian process on the root of the error: additive effects, and all features jointly.

    Kernel: a/d sum_j k_j + b prod_j k_j, k_j = exp(-(x_j - x'_j)^2 / (2 l_j^2)), plus noise. The
    sum learns each layer's effect from few trials; the product holds what is left.
    """

    def __init__(
        self, inputs: Inputs, accuracies: Floats, known_noise: Floats, settings: Settings
    ) -> None:
        """Conditions the process on trials.

        Args:
            inputs: The trials' candidates.
            accuracies: 0 to 1, (trials,).
            known_noise: Variance of the root of the error where repeated seeds tell it, NaN
                elsewhere, (trials,).
            settings: Of the kernel.
        """
        self.settings = settings
        self._known = inputs.features
        self._center, self._spread, targets = _standardized(inputs, accuracies)
        self._noise = known_noise / self._spread**2
        covariance = self._kernel(self._known, self._known) + np.diag(self._noise_variances())
        self._factor = scipy.linalg.cho_factor(covariance, lower=True)
        self._weights = scipy.linalg.cho_solve(self._factor, targets)

    def predict(self, inputs: Inputs) -> Prediction:
        """Errors of candidates."""
        cross = self._kernel(inputs.features, self._known)
        variances = np.exp(self.settings.log_variances)
        solved = scipy.linalg.solve_triangular(self._factor[0], cross.T, lower=True)
        variance = np.maximum(variances[0] + variances[1] - (solved**2).sum(axis=0), 1e-10)
        mean = inputs.trend + self._center + self._spread * (cross @ self._weights)
        return Prediction(mean, self._spread * np.sqrt(variance))

    def _noise_variances(self) -> Floats:
        fitted = np.exp(self.settings.log_variances[2])
        return np.where(np.isnan(self._noise), fitted, self._noise) + SMALLEST_NOISE

    def _kernel(self, left: Floats, right: Floats) -> Floats:
        variances = np.exp(self.settings.log_variances)
        scales = np.exp(self.settings.log_scales)
        additive = np.zeros((len(left), len(right)))
        exponent = np.zeros_like(additive)
        for axis, scale in enumerate(scales):
            one = _half_squares(left[:, axis], right[:, axis], scale)
            additive += np.exp(-one)
            exponent += one
        return np.asarray(variances[0] / len(scales) * additive + variances[1] * np.exp(-exponent))


def fit_settings(inputs: Inputs, accuracies: Floats, known_noise: Floats) -> Settings:
    """The settings that are most probable given trials and the prior.

    Args:
        inputs: The trials' candidates.
        accuracies: 0 to 1, (trials,).
        known_noise: As for AccuracyModel.
    """
    _, spread, targets = _standardized(inputs, accuracies)
    places = inputs.features
    count = places.shape[1]
    start = Settings.prior(count)
    median = np.concatenate([start.log_scales, start.log_variances])
    spreads = np.array(
        [LENGTH_SCALE[1]] * count + [ADDITIVE_VARIANCE[1], JOINT_VARIANCE[1], NOISE_VARIANCE[1]]
    )
    squares = (places[:, None, :] - places[None, :, :]).transpose(2, 0, 1) ** 2
    noise = known_noise / spread**2

    def loss(point: Floats) -> tuple[float, Floats]:
        value, gradient = _negative_log_evidence(point, squares, targets, noise)
        away = (point - median) / spreads
        return value + float(away @ away) / 2, gradient + away / spreads

    found = scipy.optimize.minimize(
        loss,
        median,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": STEPS},
        bounds=[(middle - 5.0, middle + 5.0) for middle in median],
    )
    return Settings(found.x[:count], found.x[count:])


def _negative_log_evidence(
    point: Floats, squares: Floats, targets: Floats, noise: Floats
) -> tuple[float, Floats]:
    """Negative log marginal likelihood and its gradient.

    Args:
        point: Log length scales, then log variances, (features + 3,).
        squares: Squared differences by feature, (features, trials, trials).
        targets: (trials,).
        noise: Known noise variances or NaN, (trials,).
    """
    count = len(squares)
    half = squares / (2 * np.exp(2 * point[:count]))[:, None, None]
    each = np.exp(-half)
    add, joint, fitted = np.exp(point[count:])
    product = joint * np.exp(-half.sum(axis=0))
    additive = add / count * each.sum(axis=0)
    unknown = np.isnan(noise)
    covariance = additive + product
    covariance[np.diag_indices(len(targets))] += np.where(unknown, fitted, noise) + SMALLEST_NOISE
    factor = scipy.linalg.cho_factor(covariance, lower=True)
    weights = scipy.linalg.cho_solve(factor, targets)
    inverse = scipy.linalg.cho_solve(factor, np.eye(len(targets)))
    slope = (inverse - np.outer(weights, weights)) / 2
    gradient = np.empty_like(point)
    for axis in range(count):
        change = (add / count * each[axis] + product) * 2 * half[axis]
        gradient[axis] = np.vdot(slope, change)
    gradient[count] = np.vdot(slope, additive)
    gradient[count + 1] = np.vdot(slope, product)
    gradient[count + 2] = fitted * np.diag(slope)[unknown].sum()
    value = targets @ weights / 2 + np.log(np.diag(factor[0])).sum()
    return float(value), gradient


def root_error(accuracies: Floats) -> Floats:
    """What the model is of."""
    return np.asarray(np.sqrt(np.maximum(1.0 - accuracies, 0.0)))


def _standardized(inputs: Inputs, accuracies: Floats) -> tuple[float, float, Floats]:
    """Mean and spread of what the trend leaves, and the targets scaled by them."""
    rest = root_error(accuracies) - inputs.trend
    center, spread = float(rest.mean()), max(float(rest.std()), SMALLEST_SPREAD)
    if len(rest) == 1:
        spread = ONE_TRIALS_SPREAD
    return center, spread, (rest - center) / spread


def _half_squares(left: Floats, right: Floats, scale: float) -> Floats:
    return np.asarray((left[:, None] - right[None, :]) ** 2 / (2 * scale**2))
