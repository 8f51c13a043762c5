# SPDX-License-Identifier: Apache-2.0
"""Quantization-aware training of a stack, from its float prefix to integer networks."""

import math
from collections.abc import Callable, Collection, Sequence
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

JUDGED_AT_ONCE = 256
"""Samples that accuracies are computed on at once: few enough for a stack to stay in the cache."""

Stops = Callable[[float, Sequence[int], Sequence[float]], Sequence[bool]]
"""Says at a rung which trainings are stopped: from the share of the QAT steps done, the members
there, by their places, and their accuracies."""


@dataclass(frozen=True)
class Trained:
    """A candidate after training.

    Attributes:
        integers: The best epoch's network on the validation split (the later one, on a tie); where
            the training was stopped, the last one that was judged.
        rungs: Share of the QAT steps done, and validation accuracy of the integer network there, 0
            to 1: from 0, right after quantizing the float prefix, to 1.
        validation_accuracy: Accuracy of `integers` on the validation split, 0 to 1.
        finished: Whether it was trained to its end.
    """

    integers: IntegerNetwork
    rungs: tuple[tuple[float, float], ...]
    validation_accuracy: float
    finished: bool


@dataclass(frozen=True)
class Group:
    """Some members that take a step together, and their optimizer.

    Attributes:
        stack: Their networks.
        optimizer: Its optimizer.
        members: Their places among all that are trained.
    """

    stack: StackedNetwork
    optimizer: torch.optim.Adam
    members: tuple[int, ...]


def grouped(
    prefix: FloatPrefix, bits: Sequence[tuple[int, ...]], recipe: Recipe, size: int
) -> list[Group]:
    """Bit assignments in even groups of about a size, at the start of their QAT."""
    found = []
    for part in _parts(len(bits), size):
        stack = StackedNetwork(prefix, bits[part], recipe)
        members = tuple(range(len(bits))[part])
        found.append(Group(stack, stack.optimizer(recipe.learning_rate), members))
    return found


def regrouped(groups: Sequence[Group], stopped: Collection[int], size: int) -> list[Group]:
    """Those that are not stopped, as they are now, in even groups of about a size again."""
    kept = [
        (group, place, member)
        for group in groups
        for place, member in enumerate(group.members)
        if member not in stopped
    ]
    found = []
    for part in _parts(len(kept), size):
        stack, optimizer = StackedNetwork.gathered(
            [(group.stack, group.optimizer, place) for group, place, _ in kept[part]]
        )
        found.append(Group(stack, optimizer, tuple(member for _, _, member in kept[part])))
    return found


def _parts(count: int, size: int) -> list[slice]:
    """So many in even parts of about a size; none of none."""
    parts = min(count, max(1, round(count / size)))
    return [slice(count * part // parts, count * (part + 1) // parts) for part in range(parts)]


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


def timed_step(
    prefix: FloatPrefix, bits: Sequence[tuple[int, ...]], batches: Batches, recipe: Recipe
) -> Callable[[], float]:
    """What takes one QAT step of some members together, always on the same batch."""
    groups = grouped(prefix, bits, recipe, len(bits))
    generator = epoch_generator(prefix.seed, recipe.qat_start_epoch, batches.inputs.device)
    inputs, labels = next(batches.epoch(generator))
    masks = dropout_masks(prefix.network, recipe, len(labels), generator)
    placed = samples_last(inputs)
    return lambda: qat_step(groups, placed, labels, masks)


def train_quantized(
    prefix: FloatPrefix,
    bits: Sequence[tuple[int, ...]],
    batches: Batches,
    validation: Split,
    recipe: Recipe,
    *,
    together: int = 1,
    rungs: Sequence[float] = (),
    stops: Stops | None = None,
) -> list[Trained]:
    """Runs the QAT epochs for all bit assignments at once.

    Args:
        prefix: Where they start.
        bits: The assignments, one width a layer.
        batches: The training split, cropped to the network's input.
        validation: The validation split, cropped likewise.
        recipe: Settings of both phases.
        together: About so many members take a step together; it changes rounding only.
        rungs: Shares of the QAT steps at which accuracies are computed, besides every epoch's end.
        stops: Says there who is stopped; None: nobody.

    Raises:
        TrainingError: where the loss is not a number any more.
    """
    device = batches.inputs.device
    groups = grouped(prefix, bits, recipe, together)
    course = _Course(len(bits), _Referee(validation, device), stops, together)
    steps = (recipe.epochs - recipe.qat_start_epoch) * batches.steps
    looked = {round(share * steps): share for share in rungs} | {0: 0.0}
    done = 0
    groups = course.look(groups, 0.0, epoch_end=False)
    for epoch in range(recipe.qat_start_epoch, recipe.epochs):
        generator = epoch_generator(prefix.seed, epoch, device)
        for group in groups:
            group.optimizer.param_groups[0]["lr"] = recipe.learning_rate_at(epoch)
        total = 0.0
        for inputs, labels in batches.epoch(generator):
            if not groups:
                break
            masks = dropout_masks(prefix.network, recipe, len(labels), generator)
            total += qat_step(groups, samples_last(inputs), labels, masks)
            done += 1
            if done in looked and done % batches.steps:
                _require_numbers(groups, total, epoch, recipe)
                groups = course.look(groups, looked[done], epoch_end=False)
        _require_numbers(groups, total, epoch, recipe)
        share = (epoch + 1 - recipe.qat_start_epoch) / (recipe.epochs - recipe.qat_start_epoch)
        groups = course.look(groups, share, epoch_end=True)
    return course.results()


def _require_numbers(groups: Sequence[Group], loss: float, epoch: int, recipe: Recipe) -> None:
    """Raises TrainingError where the loss of an epoch, or a weight after it, is no number."""
    stacks = [group.stack for group in groups]
    tensors = [one for stack in stacks for one in (*stack.weights, *stack.biases)]
    if not all(bool(one.isfinite().all()) for one in tensors if one is not None):
        loss = math.nan
    if not math.isfinite(loss):
        raise TrainingError(
            f"the loss of QAT epoch {epoch} is {loss}; a smaller learning_rate than"
            f" {recipe.learning_rate} may help"
        )


def accuracies_before_qat(
    prefix: FloatPrefix, bits: Sequence[tuple[int, ...]], validation: Split, recipe: Recipe
) -> list[float]:
    """Validation accuracies, 0 to 1, right after the float prefix is quantized: no training.

    Args:
        prefix: What is quantized.
        bits: The assignments, one width a layer.
        validation: The validation split, cropped to the network's input.
        recipe: Settings of the quantizer.
    """
    referee = _Referee(validation, prefix.layers[0].weights.device)
    found = []
    for one in bits:  # one at a time: a stack would hold the weights of all
        ((_, accuracy),) = referee.judge(StackedNetwork(prefix, [one], recipe))
        found.append(accuracy)
    return found


class _Course:
    """What members have scored on their way, and who is still on it."""

    def __init__(
        self, members: int, referee: "_Referee", stops: Stops | None, together: int
    ) -> None:
        self._referee = referee
        self._stops = stops
        self._together = together
        self._rungs: list[list[tuple[float, float]]] = [[] for _ in range(members)]
        self._best: list[tuple[float, IntegerNetwork] | None] = [None] * members
        self._last: dict[int, IntegerNetwork] = {}
        self._stopped: set[int] = set()

    def look(self, groups: list[Group], share: float, *, epoch_end: bool) -> list[Group]:
        """Scores everyone at a rung; gives the groups that go on."""
        there: list[int] = []
        for group in groups:
            judged = self._referee.judge(group.stack)
            for member, (network, accuracy) in zip(group.members, judged, strict=True):
                there.append(member)
                self._rungs[member].append((share, accuracy))
                self._last[member] = network
                best = self._best[member]
                if epoch_end and (best is None or accuracy >= best[0]):
                    self._best[member] = (accuracy, network)
        if self._stops is None or share == 1 or not there:
            return groups
        accuracies = [self._rungs[member][-1][1] for member in there]
        stopped = self._stops(share, there, accuracies)
        left = {member for member, stop in zip(there, stopped, strict=True) if stop}
        self._stopped |= left
        return regrouped(groups, left, self._together) if left else groups

    def results(self) -> list[Trained]:
        """What became of every member, in order."""
        found = []
        for member, rungs in enumerate(self._rungs):
            finished = member not in self._stopped
            accuracy, network = rungs[-1][1], self._last[member]
            best = self._best[member]
            if finished and best is not None:
                accuracy, network = best
            found.append(Trained(network, tuple(rungs), accuracy, finished))
        return found


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
