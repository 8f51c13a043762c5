# SPDX-License-Identifier: Apache-2.0
"""Quantization-aware training of a stack, from its float prefix to integer networks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own convention)
from torch import Tensor

from hardware.integer import IntegerNetwork
from objectives.batches import Batches, epoch_generator
from objectives.float_phase import FloatPrefix, TrainingError
from objectives.recipe import Recipe
from objectives.stacked import StackedNetwork, dropout_masks, samples_last
from objectives.task import Split


@dataclass(frozen=True)
class Trained:
    """A candidate after training.

    Attributes:
        integers: The best epoch's network on the validation split (the later one, on a tie).
        rung_accuracies: Validation accuracy, 0 to 1, of the integer network right after
            quantizing the float prefix (no training yet) and after each QAT epoch.
    """

    integers: IntegerNetwork
    rung_accuracies: tuple[float, ...]

    @property
    def validation_accuracy(self) -> float:
        """Accuracy of `integers` on the validation split, 0 to 1."""
        return max(self.rung_accuracies[1:])


def qat_step(
    stack: StackedNetwork,
    optimizer: torch.optim.Optimizer,
    inputs: Tensor,
    labels: Tensor,
    masks: Sequence[Tensor | None],
) -> float:
    """Takes one step of every member of a stack on one batch.

    Args:
        stack: What is trained.
        optimizer: Its optimizer.
        inputs: (channels, ..., batch), float32, in the chip's units.
        labels: (batch,).
        masks: Dropout masks of the batch.

    Returns:
        The loss, summed over members and samples.
    """
    logits = stack.forward(inputs, masks)
    # Summed over members, so that each one's gradient is its own loss's.
    loss = F.cross_entropy(logits, labels.expand(len(logits), -1), reduction="sum")
    optimizer.zero_grad()
    (loss / len(labels)).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return float(loss.detach())


def train_quantized(
    prefix: FloatPrefix,
    bits: Sequence[tuple[int, ...]],
    batches: Batches,
    validation: Split,
    recipe: Recipe,
) -> list[Trained]:
    """Runs the QAT epochs for all bit assignments at once.

    Args:
        prefix: Where they start.
        bits: The assignments, one width a layer.
        batches: The training split, cropped to the network's input.
        validation: The validation split, cropped likewise.
        recipe: Settings of both phases.

    Raises:
        TrainingError: where the loss is not a number any more.
    """
    stack = StackedNetwork(prefix, bits, recipe)
    optimizer = stack.optimizer(recipe.learning_rate)
    best = stack.integer_networks()
    rungs = [[network.accuracy(validation.inputs, validation.labels)] for network in best]
    device = batches.inputs.device
    for epoch in range(recipe.qat_start_epoch, recipe.epochs):
        optimizer.param_groups[0]["lr"] = recipe.learning_rate_at(epoch)
        generator = epoch_generator(prefix.seed, epoch, device)
        total = 0.0
        for inputs, labels in batches.epoch(generator):
            masks = dropout_masks(prefix.network, recipe, len(labels), generator)
            total += qat_step(stack, optimizer, samples_last(inputs), labels, masks)
        if not math.isfinite(total):
            raise TrainingError(
                f"the loss of QAT epoch {epoch} is {total}; a smaller learning_rate than"
                f" {recipe.learning_rate} may help"
            )
        for member, network in enumerate(stack.integer_networks()):
            accuracy = network.accuracy(validation.inputs, validation.labels)
            if accuracy >= max(rungs[member][1:], default=-1.0):
                best[member] = network
            rungs[member].append(accuracy)
    return [
        Trained(network, tuple(accuracies)) for network, accuracies in zip(best, rungs, strict=True)
    ]
