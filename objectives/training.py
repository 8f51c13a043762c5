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

GROUP_BYTES = 2_000_000
"""What a group's weights and outputs may take on a CPU: about one core's own cache."""
JUDGED_AT_ONCE = 512
"""Samples that accuracies are computed on at once."""


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


@dataclass(frozen=True)
class Group:
    """Some members that take a step together, and their optimizer."""

    stack: StackedNetwork
    optimizer: torch.optim.Adam


def grouped(prefix: FloatPrefix, bits: Sequence[tuple[int, ...]], recipe: Recipe) -> list[Group]:
    """Bit assignments in groups, at the start of their QAT.

    All of them are one group on a GPU. On a CPU a group is what the processor's cache holds from
    one operation to the next, one member at least: small networks gain by more, large ones lose.
    """
    size = len(bits)
    if not prefix.layers[0].weights.is_cuda:
        values = sum(
            layer.weight_count + recipe.batch_size * layer.out_channels * layer.out_pixels
            for layer in prefix.network.layers
        )
        size = max(1, GROUP_BYTES // (4 * values))
    stacks = [
        StackedNetwork(prefix, bits[start : start + size], recipe)
        for start in range(0, len(bits), size)
    ]
    return [Group(stack, stack.optimizer(recipe.learning_rate)) for stack in stacks]


def qat_step(
    groups: Sequence[Group], inputs: Tensor, labels: Tensor, masks: Sequence[Tensor | None]
) -> float:
    """Takes one step of every member on one batch.

    Args:
        groups: What is trained.
        inputs: (channels, ..., batch), float32, in the chip's units.
        labels: (batch,).
        masks: Dropout masks of the batch.

    Returns:
        The loss, summed over members and samples.
    """
    total = torch.zeros((), device=labels.device)
    for group in groups:
        logits = group.stack.forward(inputs, masks)
        # Summed over members, so that each one's gradient is its own loss's.
        loss = F.cross_entropy(logits, labels.expand(len(logits), -1), reduction="sum")
        group.optimizer.zero_grad()
        (loss / len(labels)).backward()  # type: ignore[no-untyped-call]
        group.optimizer.step()
        total += loss.detach()
    return float(total)


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
    device = batches.inputs.device
    groups = grouped(prefix, bits, recipe)
    referee = _Referee(validation, device)
    first = [found for group in groups for found in referee.judge(group.stack)]
    best = [network for network, _ in first]
    rungs = [[accuracy] for _, accuracy in first]
    for epoch in range(recipe.qat_start_epoch, recipe.epochs):
        generator = epoch_generator(prefix.seed, epoch, device)
        for group in groups:
            group.optimizer.param_groups[0]["lr"] = recipe.learning_rate_at(epoch)
        total = 0.0
        for inputs, labels in batches.epoch(generator):
            masks = dropout_masks(prefix.network, recipe, len(labels), generator)
            total += qat_step(groups, samples_last(inputs), labels, masks)
        if not math.isfinite(total):
            raise TrainingError(
                f"the loss of QAT epoch {epoch} is {total}; a smaller learning_rate than"
                f" {recipe.learning_rate} may help"
            )
        judged = [found for group in groups for found in referee.judge(group.stack)]
        for member, (network, accuracy) in enumerate(judged):
            if accuracy >= max(rungs[member][1:], default=-1.0):
                best[member] = network
            rungs[member].append(accuracy)
    return [
        Trained(network, tuple(accuracies)) for network, accuracies in zip(best, rungs, strict=True)
    ]


class _Referee:
    """Says what members score on the validation split, as integers."""

    def __init__(self, validation: Split, device: torch.device) -> None:
        self.validation = validation
        parts = torch.split(torch.from_numpy(validation.inputs).to(device), JUDGED_AT_ONCE)
        self._inputs = [samples_last(part) for part in parts]
        self._labels = torch.from_numpy(validation.labels).to(device)

    def judge(self, stack: StackedNetwork) -> list[tuple[IntegerNetwork, float]]:
        """The members as integers, each with its accuracy, 0 to 1.

        The stack computes it, exactly as the integer reference does; the reference itself, which
        takes many times as long, where float32 might not be exact.
        """
        networks = stack.integer_networks()
        predicted = stack.predictions(self._inputs)
        if predicted is None:
            split = self.validation
            return [(one, one.accuracy(split.inputs, split.labels)) for one in networks]
        right = (predicted == self._labels).sum(1).tolist()
        return [
            (one, count / len(self._labels)) for one, count in zip(networks, right, strict=True)
        ]
