# SPDX-License-Identifier: Apache-2.0
"""Whole proposals of any sampler."""

from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial


def proposed_parameters(
    sampler: BaseSampler,
    study: Study,
    trial: FrozenTrial,
    distributions: Mapping[str, BaseDistribution],
) -> dict[str, Any]:
    """All parameters that a sampler proposes for a trial: together where it can, else one by one.

    Args:
        sampler: Who proposes.
        study: For which study.
        trial: Running, and without parameters.
        distributions: Of each parameter.
    """
    inferred = sampler.infer_relative_search_space(study, trial)
    found = sampler.sample_relative(study, trial, inferred)
    for name, distribution in distributions.items():
        if name not in found:
            found[name] = sampler.sample_independent(study, trial, name, distribution)
    return found
