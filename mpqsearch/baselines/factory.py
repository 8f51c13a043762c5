# SPDX-License-Identifier: Apache-2.0
"""Baselines by name."""

import functools
from collections.abc import Sequence
from typing import get_args

from hardware.nearest import nearest_of
from mpqsearch.baselines._base import Baseline
from mpqsearch.baselines.entropy import Entropy
from mpqsearch.baselines.forgiving import Forgiving
from mpqsearch.baselines.hawq import Hawq
from mpqsearch.baselines.memory_driven import MemoryDriven
from mpqsearch.baselines.uniform import Uniform
from mpqsearch.errors import StudyError
from mpqsearch.space import Space
from mpqsearch.study_sections import BaselineName
from objectives.accuracy import AccuracyObjective
from objectives.float_phase import FloatPrefix
from objectives.sensitivity import Trace, hessian_traces
from objectives.training import accuracies_before_qat

BASELINES: tuple[str, ...] = get_args(BaselineName)


def make_baseline(name: str, space: Space, objective: AccuracyObjective, seed: int) -> Baseline:
    """Makes a baseline.

    Args:
        name: One of BASELINES.
        space: What may be proposed.
        objective: Gives networks, data and float phases.
        seed: Of the float phases.

    Raises:
        StudyError: for a name that is none.
    """
    network_at = objective.task.checked_network
    prefix_at = functools.partial(objective.float_prefix, seed=seed)
    if name == "uniform":
        return Uniform(space)
    if name == "memory-driven":
        return MemoryDriven(space, network_at)
    if name == "hawq":

        def traces_of(length: int, prefix: FloatPrefix) -> Sequence[Trace]:
            train = objective.cropped(objective.data.train, length)
            return hessian_traces(prefix, objective.batches(train))

        return Hawq(space, network_at, prefix_at, traces_of, objective.recipe)
    if name == "entropy":
        return Entropy(space, network_at, prefix_at, objective.recipe)
    if name == "forgiving":

        def accuracies_of(length: int, bits: Sequence[tuple[int, ...]]) -> Sequence[float]:
            validation = objective.cropped(objective.data.validation, length)
            return accuracies_before_qat(prefix_at(length), bits, validation, objective.recipe)

        return Forgiving(space, network_at, accuracies_of)
    raise StudyError(
        f"baseline must be one of {', '.join(BASELINES)} but is {name!r}"
        f"{nearest_of(name, BASELINES)}"
    )
