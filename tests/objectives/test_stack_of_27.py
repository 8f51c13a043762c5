# SPDX-License-Identifier: Apache-2.0
"""A candidate alone and among 26 others, on the indoor study's own data."""

import itertools

import pytest
import torch

from hardware.chips import MAX78002
from hardware.cost.model import CostModel
from objectives.batches import Batches
from objectives.float_phase import train_float
from objectives.tasks.indoor import IndoorTask
from objectives.training import train_quantized
from tests.objectives.test_training import same

LENGTH = 21
ASSIGNMENTS = [bits for bits in itertools.product((8, 4, 2), repeat=4) if bits[3] == 8]


@pytest.mark.slow
def test_a_candidate_alone_and_in_a_stack_of_27_is_the_same() -> None:
    """Accuracy within 0.1 points (on a CPU bit for bit), and the same costs."""
    task = IndoorTask(sweeps_per_point=16)  # as the study file has it
    data, network = task.load(), task.network(LENGTH)
    cropped = [
        type(split)(task.crop(split.inputs, LENGTH), split.labels)
        for split in (data.train, data.validation)
    ]
    cpu = torch.device("cpu")
    batches = Batches.of(cropped[0], task.recipe.batch_size, cpu)
    prefix = train_float(network, batches, task.recipe, 42, cpu)
    stack = train_quantized(prefix, ASSIGNMENTS, batches, cropped[1], task.recipe, together=27)
    assert len(stack) == 27
    model = CostModel(MAX78002)
    for bits, among in list(zip(ASSIGNMENTS, stack, strict=True))[::9]:
        (alone,) = train_quantized(prefix, [bits], batches, cropped[1], task.recipe)
        assert abs(alone.validation_accuracy - among.validation_accuracy) <= 0.001
        assert same(alone, among)
        assert among.integers.bits == bits
        assert model.cost(network, among.integers.bits) == model.cost(network, bits)
    assert len({one.validation_accuracy for one in stack}) > 5
