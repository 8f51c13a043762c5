# SPDX-License-Identifier: Apache-2.0
"""The samplers a study file may name."""

from optuna.samplers import BaseSampler, NSGAIISampler

from mpqsearch.study_sections import SearchSection


def make_sampler(search: SearchSection, seed: int, told: int) -> BaseSampler:
    """Makes the study's sampler.

    Args:
        search: Which one, and its settings.
        seed: The study's seed.
        told: Trials the storage holds already. It enters the seed, since a resumed sampler with
            the first run's seed would propose the first run's candidates again.
    """
    return NSGAIISampler(population_size=search.population, seed=(seed + 7919 * told) % (1 << 32))
