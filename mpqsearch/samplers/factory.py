# SPDX-License-Identifier: Apache-2.0
"""Samplers by name."""

from typing import get_args

from optuna.samplers import (
    BaseSampler,
    GPSampler,
    NSGAIISampler,
    RandomSampler,
    TPESampler,
)

from hardware.nearest import nearest_of
from mpqsearch.errors import StudyError
from mpqsearch.samplers._base import CostFunction, Repeats
from mpqsearch.samplers.cost_aware import CostAwareSampler
from mpqsearch.samplers.exhaustive import ExhaustiveSampler
from mpqsearch.samplers.screen import ScreenedSampler
from mpqsearch.space import Space
from mpqsearch.study_sections import SamplerName

SAMPLERS: tuple[str, ...] = get_args(SamplerName)


def make_sampler(
    name: str,
    space: Space,
    costs_of: CostFunction,
    *,
    seed: int,
    told: int = 0,
    population: int = 20,
    screen: bool = True,
    repeats: Repeats | None = None,
) -> BaseSampler:
    """Makes a sampler.

    Args:
        name: One of SAMPLERS.
        space: What may be proposed.
        costs_of: The costs of a candidate; None where it does not fit.
        seed: The study's seed.
        told: Trials the storage holds already. It enters the seed of those that draw, since a
            resumed sampler with the first run's seed would propose the first run's candidates
            again.
        population: Of NSGA-II.
        screen: Whether NSGA-II's proposals that cannot pay are replaced.
        repeats: Gives the accuracies of a trial's seeds.

    Raises:
        StudyError: for a name that is none.
    """
    drawn = (seed + 7919 * told) % (1 << 32)
    if name == "cost-aware":
        return CostAwareSampler(space, costs_of, seed=seed, repeats=repeats)
    if name == "exhaustive":
        return ExhaustiveSampler(space, costs_of, seed=seed, repeats=repeats)
    if name == "nsga2":
        nsga2 = NSGAIISampler(population_size=population, seed=drawn)
        return ScreenedSampler(nsga2, space, costs_of, seed=drawn) if screen else nsga2
    if name == "tpe":
        return TPESampler(seed=drawn)
    if name == "gp":
        return GPSampler(seed=drawn)
    if name == "random":
        return RandomSampler(seed=drawn)
    raise StudyError(
        f"sampler must be one of {', '.join(SAMPLERS)} but is {name!r}{nearest_of(name, SAMPLERS)}"
    )
