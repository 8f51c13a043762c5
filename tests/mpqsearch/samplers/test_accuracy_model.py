# SPDX-License-Identifier: Apache-2.0
"""The model of accuracy: its gradient, its integrals, and what it learns."""

import numpy as np
import pytest
from scipy.optimize import check_grad

from hardware.candidate import Candidate
from mpqsearch.hypervolume import free_boxes
from mpqsearch.samplers.accuracy_model import (
    AccuracyModel,
    Inputs,
    Prediction,
    Settings,
    _negative_log_evidence,
    fit_settings,
)
from mpqsearch.samplers.cost_aware import expected_improvement
from mpqsearch.synthetic_sweep import family

(SWEEP,) = family(1, 4, (100, 30, 10))
UNKNOWN = np.nan


def test_features_place_4_bits_near_8() -> None:
    """The widest and the longest are at 0, the narrowest and the shortest at 1."""
    candidates = [Candidate(100, (8,) * 4), Candidate(10, (2,) * 4), Candidate(30, (4,) * 4)]
    found = Inputs.of(SWEEP.space, candidates)
    assert found.features[0].tolist() == [0.0] * 5
    assert found.features[1].tolist() == [1.0] * 5
    assert (found.features[2, 1:] < 0.3).all()
    assert found.trend[0] < found.trend[2] < found.trend[1]


@pytest.mark.parametrize("known", [UNKNOWN, 0.02], ids=["fitted noise", "known noise"])
def test_gradient_of_the_evidence(known: float) -> None:
    """The analytic gradient is that of differences."""
    generator = np.random.default_rng(0)
    places, targets = generator.random((12, 3)), generator.normal(size=12)
    squares = (places[:, None] - places[None]).transpose(2, 0, 1) ** 2
    noise = np.where(np.arange(12) % 2, known, UNKNOWN)
    point = generator.normal(size=6) * 0.3
    error = check_grad(
        lambda x: _negative_log_evidence(x, squares, targets, noise)[0],
        lambda x: _negative_log_evidence(x, squares, targets, noise)[1],
        point,
    )
    assert error < 1e-4


def test_expected_improvement_is_that_of_samples() -> None:
    """Against a million draws of the error: within four standard errors."""
    generator = np.random.default_rng(3)
    points = generator.random((8, 3)) * 0.8
    boxes = free_boxes(points[:, 0], points[:, 1:])
    prediction = Prediction(np.array([0.05, 0.3, 0.6]), np.array([0.1, 0.02, 0.3]))
    costs = generator.random((3, 2)) * 0.7
    found = expected_improvement(boxes, prediction, costs, 0.5)
    for at in range(3):
        roots = generator.normal(prediction.mean[at], prediction.std[at], 1_000_000)
        errors = np.maximum(roots, 0.0) ** 2 / 0.5
        drawn = boxes.improvement(errors, costs[at : at + 1])
        assert abs(found[at] - drawn.mean()) < 4 * drawn.std() / 1000 + 1e-12


def test_prediction_learns_the_table() -> None:
    """After 60 of 243 candidates, the others' error is told far better than by the mean."""
    candidates = list(SWEEP.space)
    order = np.random.default_rng(0).permutation(len(candidates))
    shown = [candidates[at] for at in order[:60]]
    hidden = [candidates[at] for at in order[60:]]
    accuracies = np.array([SWEEP.accuracy(one, 0) for one in shown])
    noise = np.full(60, UNKNOWN)
    inputs = Inputs.of(SWEEP.space, shown)
    model = AccuracyModel(inputs, accuracies, noise, fit_settings(inputs, accuracies, noise))
    told = model.predict(Inputs.of(SWEEP.space, hidden)).median_error
    true = np.array([1 - SWEEP.mean_accuracy(one) for one in hidden])
    assert np.abs(told - true).mean() < 0.15 * np.abs(true - true.mean()).mean()


def test_repeated_seeds_bring_the_prediction_nearer_to_what_was_measured() -> None:
    """With little noise known, a measured candidate is believed; with much, it is smoothed."""
    shown = [Candidate(100, (8,) * 4), Candidate(100, (4,) * 4), Candidate(100, (2,) * 4)]
    inputs, accuracies = Inputs.of(SWEEP.space, shown), np.array([0.99, 0.8, 0.97])
    away = []
    for noise in (1e-6, 1e-2):
        model = AccuracyModel(inputs, accuracies, np.full(3, noise), Settings.prior(5))
        away.append(np.abs(1 - model.predict(inputs).median_error - accuracies).max())
    assert away[0] < 0.01 < away[1]
