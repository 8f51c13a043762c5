# SPDX-License-Identifier: Apache-2.0
"""Our sampler: models accuracy alone, and looks at the known costs of what is untried."""

import random

import numpy as np
from numpy.typing import NDArray
from optuna.study import Study
from optuna.trial import FrozenTrial

from hardware.candidate import Candidate
from mpqsearch.coordinates import Coordinates
from mpqsearch.hypervolume import FreeBoxes, free_boxes
from mpqsearch.samplers._base import CostFunction, History, Repeats, Scored, SpaceSampler
from mpqsearch.samplers.accuracy_model import (
    AccuracyModel,
    Inputs,
    Prediction,
    Settings,
    fit_settings,
    root_error,
)
from mpqsearch.samplers.farthest import farthest
from mpqsearch.samplers.pool import LISTED, draw_mixed, neighbours
from mpqsearch.space import Space

Floats = NDArray[np.float64]

START = 2
"""Trials before the model is asked: its trend says enough of the rest.

Source: `python -m benchmarks.search`; 4 to 8 were behind after 20 trials on
the recorded table, and on average over the synthetic ones.
"""

POOL = 2000
"""Candidates drawn from a space too large to list, beside the neighbours of the front."""

FITTED_EACH = 0.1
"""The model's settings are fitted anew when the trials have grown by this share."""

CHUNK = 2000


class CostAwareSampler(SpaceSampler):
    """Proposes the candidate with the greatest expected hypervolume improvement.

    Costs are known, so the improvement depends on the error alone, and piecewise linearly
    (`mpqsearch.hypervolume`); its expectation under a Gaussian process of the
    root of the error is exact.
    The front is that of the predicted errors of what was tried, so that one lucky seed does not
    hide its neighbours; what runs counts with its predicted error (Kriging believer).
    """

    def __init__(
        self,
        space: Space,
        costs_of: CostFunction,
        *,
        seed: int = 0,
        repeats: Repeats | None = None,
        coordinates: Coordinates | None = None,
        start: int = START,
    ) -> None:
        """Makes the sampler.

        Args:
            space: What may be proposed.
            costs_of: The costs of a candidate; None where it does not fit.
            seed: Of what is drawn.
            repeats: Gives the accuracies of a trial's seeds: how noisy accuracy is.
            coordinates: What the hypervolume is measured in; by default each cost over its range
                in the space, by factors where it spans more than ten.
            start: Trials before the model is asked.
        """
        super().__init__(space, costs_of, seed=seed, repeats=repeats)
        self._coordinates = coordinates
        self._start = start
        self._listed: list[Candidate] | None = None
        self._settings: tuple[tuple[Scored, ...], Settings] | None = None

    def propose(self, study: Study, trial: FrozenTrial, history: History) -> Candidate:
        """The untried candidate that promises most; a random one where all were tried."""
        del study, trial
        generator = random.Random(f"{self.seed} {len(history.tried)}")
        pool = [one for one in self._pool(history, generator) if one not in history.tried]
        if not pool:
            return self.space.draw_untried(history.tried, generator) or draw_mixed(
                self.space, generator
            )
        if len(history.tried) < self._start or not history.scored:
            return self._fill(history, pool, generator)
        return self._most_promising(history, pool)

    def _pool(self, history: History, generator: random.Random) -> list[Candidate]:
        """Candidates that fit: all of them, or some that were drawn and the front's neighbours."""
        if self.space.size <= LISTED:
            if self._listed is None:
                self._listed = self.prices.fitting(self.space)
            return self._listed
        found = {one for _, one in self.space.references if one in self.space}
        found.update(draw_mixed(self.space, generator) for _ in range(POOL))
        for scored in self._front(history):
            found.update(neighbours(self.space, scored.candidate))
        return self.prices.fitting(sorted(found))

    def _front(self, history: History) -> list[Scored]:
        """Scored candidates that no other beats, by what was measured."""
        scored = [one for one in history.scored if self.prices(one.candidate) is not None]
        if not scored:
            return []
        losses = np.column_stack(
            [[-one.accuracy for one in scored], self._costs([one.candidate for one in scored])]
        )
        return [
            one
            for one, loss in zip(scored, losses, strict=True)
            if not ((losses <= loss).all(axis=1) & (losses < loss).any(axis=1)).any()
        ]

    def _costs(self, candidates: list[Candidate]) -> Floats:
        """Costs (candidates, costs) of candidates that fit."""
        return np.array([self.prices(one) for one in candidates], dtype=np.float64)

    def _scale(self) -> Coordinates:
        """The coordinates; by default those of the space, the same in a study that is resumed."""
        if self._coordinates is None:
            nothing = History((), (), frozenset())
            everything = self._pool(nothing, random.Random(f"{self.seed} scale"))
            self._coordinates = Coordinates.spanning(self._costs(everything))
        return self._coordinates

    def _fill(self, history: History, pool: list[Candidate], generator: random.Random) -> Candidate:
        """The widest reference at first, then the candidate farthest from all tried by cost."""
        widest = self.space.references[0][1]
        if widest in pool:
            return widest
        scale = self._scale()
        tried = self.prices.fitting(sorted(history.tried))
        generator.shuffle(pool := list(pool))
        return pool[farthest(*(self._places(scale, group) for group in (pool, tried)))]

    def _places(self, scale: Coordinates, candidates: list[Candidate]) -> Floats:
        """Where candidates lie, by cost and, with less weight, by length and bits."""
        if not candidates:
            return np.empty((0, len(scale.axes) + 1 + len(self.space.layer_bits)))
        costs = scale.cost_losses(self._costs(candidates))
        shape = Inputs.of(self.space, candidates).features / (1 + len(self.space.layer_bits))
        return np.concatenate([costs, shape], axis=1)

    def _most_promising(self, history: History, pool: list[Candidate]) -> Candidate:
        scale = self._scale()
        model = self._model(history.scored)
        known = [one.candidate for one in history.scored]
        known = self.prices.fitting(dict.fromkeys([*known, *history.running]))
        if history.running:
            model = self._believing(model, history)
        prediction = model.predict(Inputs.of(self.space, pool))
        believed = model.predict(Inputs.of(self.space, known)).median_error / scale.worst_error
        boxes = free_boxes(believed, scale.cost_losses(self._costs(known)))
        gains = expected_improvement(
            boxes, prediction, scale.cost_losses(self._costs(pool)), scale.worst_error
        )
        if gains.max() <= 0:  # all are hopeless so far: the one that is most likely not
            return pool[int(np.argmin(prediction.mean - prediction.std))]
        return pool[int(np.argmax(gains))]

    def _model(self, scored: tuple[Scored, ...]) -> AccuracyModel:
        """The model of all trials, with settings fitted to the first of them."""
        count = _fitted_at(len(scored))
        if self._settings is None or self._settings[0] != scored[:count]:
            self._settings = (scored[:count], fit_settings(*self._data(scored[:count])))
        return AccuracyModel(*self._data(scored), self._settings[1])

    def _believing(self, model: AccuracyModel, history: History) -> AccuracyModel:
        """The model as if what runs had come out as predicted."""
        running = Inputs.of(self.space, history.running)
        believed = 1.0 - model.predict(running).median_error
        guessed = tuple(
            Scored(candidate, float(accuracy))
            for candidate, accuracy in zip(history.running, believed, strict=True)
        )
        return AccuracyModel(*self._data((*history.scored, *guessed)), model.settings)

    def _data(self, scored: tuple[Scored, ...]) -> tuple[Inputs, Floats, Floats]:
        inputs = Inputs.of(self.space, [one.candidate for one in scored])
        return inputs, np.array([one.accuracy for one in scored]), known_noise(scored)


def expected_improvement(
    boxes: FreeBoxes, prediction: Prediction, costs: Floats, worst_error: float
) -> Floats:
    """Expected hypervolume that each candidate alone would add, exactly.

    The improvement is the integral over the error level t of (cost volume newly dominated at t) x
    [error <= t]; its expectation replaces the bracket by its probability.

    Args:
        boxes: What the known points leave free.
        prediction: Of the candidates' errors.
        costs: The candidates' losses, (candidates, costs).
        worst_error: Error whose loss is 1.

    Returns:
        (candidates,).
    """
    levels = np.clip(boxes.levels, 0.0, 1.0)
    below = np.diff(prediction.integrated_probability(levels * worst_error), axis=1) / worst_error
    gains = np.empty(len(costs))
    for start in range(0, len(costs), CHUNK):
        part = slice(start, start + CHUNK)
        gains[part] = (boxes.gains_by_level(costs[part]) * below[part]).sum(axis=1)
    return gains


def known_noise(scored: tuple[Scored, ...]) -> Floats:
    """Variance of each trial's mean root of the error, from seeds repeated; NaN where none are.

    One seed's variance is pooled over all candidates with more than one, so that those with a
    single seed have it as well.
    """
    groups = [root_error(np.array(one.seed_accuracies)) for one in scored]
    freedom = sum(max(len(group) - 1, 0) for group in groups)
    if not freedom:
        return np.full(len(scored), np.nan)
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in groups if len(group))
    seeds = np.array([max(len(group), 1) for group in groups])
    return np.asarray(squares / freedom / seeds)


def _fitted_at(count: int) -> int:
    """Trials the settings are fitted to: the same for a study that is resumed."""
    at = count
    if count > 1 / FITTED_EACH:
        at = round(1 / FITTED_EACH)
        while (following := at + max(1, int(at * FITTED_EACH))) <= count:
            at = following
    return at
