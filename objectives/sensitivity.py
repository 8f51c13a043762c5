# SPDX-License-Identifier: Apache-2.0
"""How sensitive a trained float network is to coarse weights, layer by layer, before any QAT."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own convention)
from numpy.typing import NDArray
from torch import Tensor

from objectives.batches import Batches, epoch_generator
from objectives.float_phase import INPUT_UNIT, FloatPrefix, TrainingError, activate, linear_part
from objectives.recipe import Recipe
from objectives.stacked import StackedNetwork

Floats = NDArray[np.float64]

VECTORS = 50
"""Random vectors of a trace. Source: HAWQ-V2's iterations."""
NO_EPOCH = 10_000
"""Number that no epoch of a recipe has: what is drawn here is drawn for nothing else."""


@dataclass(frozen=True)
class Trace:
    """The trace of the Hessian of the loss with respect to one layer's weights, estimated.

    Attributes:
        mean: The estimate. Below 0 the network is at no minimum along this layer, or the estimate
            is too coarse to tell.
        error: Its standard error, over random vectors and training samples together.
    """

    mean: float
    error: float

    @property
    def clamped(self) -> float:
        """The estimate, 0 where it is below."""
        return max(self.mean, 0.0)


def hessian_traces(
    prefix: FloatPrefix, batches: Batches, *, vectors: int = VECTORS
) -> tuple[Trace, ...]:
    """Estimates the trace of every layer's Hessian block of the training loss.

    Of the float network as QAT starts from it: batch norm folded, no dropout, nothing quantized.
    Each vector comes with training samples of its own, as many as a step takes, so that the
    standard error covers both. Not counted: weight decay, and blocks between layers.

    With ReLU, Abs and pooling, logits are piecewise linear in the weights of one layer, so that a
    block is positive semidefinite: then a trace is 0 only where nothing is left to learn.

    Args:
        prefix: The network.
        batches: The training split, cropped to its input.
        vectors: Random vectors, at least 2.

    Raises:
        TrainingError: where a trace is not a number.

    **Source:** HAWQ-V2, Z. Dong et al., arXiv 1911.03852: 50 vectors, 512 samples.
    """
    generator = epoch_generator(prefix.seed, NO_EPOCH, batches.inputs.device)
    count = len(batches.labels)

    def loss(weights: Sequence[Tensor]) -> Tensor:
        chosen = torch.randint(
            count, (min(batches.size, count),), generator=generator, device=generator.device
        )
        logits = float_logits(prefix, weights, batches.inputs[chosen].float())
        return F.cross_entropy(logits, batches.labels[chosen])

    weights = [state.weights for state in prefix.layers]
    found = block_traces(loss, weights, vectors, generator)
    for layer, trace in zip(prefix.network.layers, found, strict=True):
        if not math.isfinite(trace.mean):
            raise TrainingError(f"the Hessian's trace of layer {layer.name!r} is {trace.mean}")
    return found


def float_logits(prefix: FloatPrefix, weights: Sequence[Tensor], inputs: Tensor) -> Tensor:
    """Logits of the float network, (batch, classes).

    Args:
        prefix: The network.
        weights: One tensor a layer, in the place of its own.
        inputs: (batch, channels, ...), float32, in the chip's units.
    """
    values = inputs / INPUT_UNIT
    ranges = (0, *prefix.thresholds)  # biases count in their layer's input range
    for layer, state, tensor, exponent in zip(
        prefix.network.layers, prefix.layers, weights, ranges, strict=True
    ):
        biases = None if state.biases is None else state.biases * 2.0**exponent
        values = activate(layer, linear_part(layer, values, tensor, biases))
    return values


def block_traces(
    loss: Callable[[Sequence[Tensor]], Tensor],
    blocks: Sequence[Tensor],
    vectors: int,
    generator: torch.Generator,
) -> tuple[Trace, ...]:
    """Estimates the trace of each block on the diagonal of a Hessian, H_ii.

    Hutchinson: with independent entries of +1 or -1 in v, the mean of v^T H_ii v is the trace. A
    vector for one block at a time: one for all would add the blocks between them to its scatter.

    Args:
        loss: What is differentiated twice; called once for each vector.
        blocks: Where: one tensor a block.
        vectors: Random vectors, at least 2.
        generator: Draws them.

    **Source:** M. F. Hutchinson, Communications in Statistics 18(3), 1989.
    """
    found: list[list[float]] = []
    for _ in range(vectors):
        places = [block.detach().requires_grad_() for block in blocks]
        gradients = torch.autograd.grad(loss(places), places, create_graph=True)
        drawn = []
        for place, gradient in zip(places, gradients, strict=True):
            bits = torch.randint(2, place.shape, generator=generator, device=place.device)
            vector = 2.0 * bits - 1
            drawn.append(float((_product(gradient, place, vector) * vector).sum()))
        found.append(drawn)
    columns = np.array(found, dtype=np.float64).T
    return tuple(
        Trace(float(column.mean()), float(column.std(ddof=1) / math.sqrt(vectors)))
        for column in columns
    )


def _product(gradient: Tensor, place: Tensor, vector: Tensor) -> Tensor:
    """H_ii v; 0 where the gradient does not depend on the block."""
    if not gradient.requires_grad:
        return torch.zeros_like(place)
    (product,) = torch.autograd.grad(
        gradient, place, vector, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return product


@torch.no_grad()
def rounding_losses(prefix: FloatPrefix, recipe: Recipe, widths: Sequence[int]) -> Floats:
    """||Q(W) - W||^2 of each layer at each width, (layers, widths), with the chip's quantizer."""
    stack = _uniform(prefix, recipe, widths)
    scales = stack.scales()
    found = np.empty((len(prefix.layers), len(widths)))
    for index, state in enumerate(prefix.layers):
        integers, _ = stack.integers(index, scales)
        for at, scale in enumerate(scales.weight[index]):
            moved = integers[at] / scale - state.weights
            found[index, at] = float(moved.double().square().sum())
    return found


@torch.no_grad()
def weight_entropies(prefix: FloatPrefix, recipe: Recipe, widths: Sequence[int]) -> Floats:
    """Entropy of each layer's integer weights at each width, (layers, widths), bits a weight."""
    stack = _uniform(prefix, recipe, widths)
    scales = stack.scales()
    found = np.empty((len(prefix.layers), len(widths)))
    for index in range(len(prefix.layers)):
        integers, _ = stack.integers(index, scales)
        for at, member in enumerate(integers):
            counts = member.unique(return_counts=True)[1].double()
            shares = (counts / counts.sum()).cpu().numpy()
            found[index, at] = -np.sum(shares * np.log2(shares))
    return found


def _uniform(prefix: FloatPrefix, recipe: Recipe, widths: Sequence[int]) -> StackedNetwork:
    """The float network quantized to each of some widths, every layer alike."""
    return StackedNetwork(prefix, [(width,) * len(prefix.layers) for width in widths], recipe)
