# SPDX-License-Identifier: Apache-2.0
"""The sampler of a study, as its file names it."""

import functools

from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from hardware.candidate import Candidate
from hardware.cost.model import CostModel
from mpqsearch.samplers import factory
from mpqsearch.study_file import StudySpec
from mpqsearch.trainings import costs_of


def make_sampler(spec: StudySpec, told: int, worker: int = 0) -> BaseSampler:
    """Makes the study's sampler.

    Args:
        spec: The study.
        told: Trials the storage holds already.
        worker: A number that the study's other workers have not: each draws other candidates.
    """
    model = CostModel(spec.chip, spec.calibration)

    @functools.cache
    def costs(candidate: Candidate) -> tuple[float, float, float] | None:
        cost = model.cost(spec.task.checked_network(candidate.input_length), candidate.bits)
        return costs_of(cost) if cost.fits else None

    return factory.make_sampler(
        spec.search.sampler,
        spec.space,
        costs,
        seed=spec.seed,
        told=told + worker,
        population=spec.search.population,
        repeats=_seed_accuracies,
    )


def _seed_accuracies(trial: FrozenTrial) -> list[float]:
    """Accuracies of a trial's seeds, as its record keeps them."""
    found: list[float] = trial.user_attrs["details"]["seed_accuracies"]
    return found
