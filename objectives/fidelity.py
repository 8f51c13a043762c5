# SPDX-License-Identifier: Apache-2.0
"""How much of a full training is done: a search may look at many candidates cheaply first."""

import dataclasses
from dataclasses import dataclass

import numpy as np

from objectives.recipe import Recipe, RecipeError
from objectives.task import Split, TaskData

SPLIT_SEED = 0
"""Which samples are left out does not depend on the training's seed."""


@dataclass(frozen=True)
class Fidelity:
    """A share of a full training. Scores of two fidelities do not compare.

    Attributes:
        epochs: Passes over the data, both phases together; None for the recipe's. The share of
            epochs before QAT stays.
        train_share: Share of each class's training samples that are used, above 0, at most 1. The
            validation and test splits stay whole.
    """

    epochs: int | None = None
    train_share: float = 1.0

    def __post_init__(self) -> None:
        if self.epochs is not None and self.epochs < 1:
            raise RecipeError(f"epochs must be at least 1 but is {self.epochs}")
        if not 0 < self.train_share <= 1:
            raise RecipeError(f"train_share must be in (0, 1] but is {self.train_share}")

    @property
    def is_full(self) -> bool:
        """Whether it is the whole training."""
        return self == Fidelity()

    def recipe(self, full: Recipe) -> Recipe:
        """The recipe at this fidelity: fewer epochs, float and QAT in the same proportion.

        Raises:
            RecipeError: for more epochs than the full recipe has.
        """
        if self.epochs is None:
            return full
        if self.epochs > full.epochs:
            raise RecipeError(
                f"epochs must be at most the recipe's {full.epochs} but is {self.epochs}"
            )
        start = round(full.qat_start_epoch * self.epochs / full.epochs)
        start = min(start, self.epochs - 1)
        return dataclasses.replace(full, epochs=self.epochs, qat_start_epoch=start)

    def data(self, full: TaskData) -> TaskData:
        """The data at this fidelity: the same share of every class, at least one sample each."""
        if self.train_share == 1:
            return full
        generator = np.random.default_rng(SPLIT_SEED)
        kept = []
        for label in np.unique(full.train.labels):
            own = np.flatnonzero(full.train.labels == label)
            count = max(1, round(self.train_share * len(own)))
            kept.append(generator.permutation(own)[:count])
        chosen = np.sort(np.concatenate(kept))
        train = Split(full.train.inputs[chosen], full.train.labels[chosen])
        return dataclasses.replace(full, train=train)
