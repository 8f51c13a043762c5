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

WORKERS_APART = 1_000_003
"""Trials by which a worker's draws are ahead of another's: more than a study has."""


def make_sampler(spec: StudySpec, told: int, worker: int = 0) -> BaseSampler:
    """Makes the study's sampler.

    Args:
        spec: The study.
        told: Trials the storage holds already.
        worker: Number of the worker, where there are several: each draws other candidates.
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
        told=told + WORKERS_APART * worker,
        population=spec.search.population,
        repeats=_seed_accuracies,
    )


def _seed_accuracies(trial: FrozenTrial) -> list[float]:
    """Accuracies of a trial's seeds, as its record keeps them."""
    found: list[float] = trial.user_attrs["details"]["seed_accuracies"]
    return found
