# SPDX-License-Identifier: Apache-2.0
"""The float phase: everything of a training that does not depend on the weight bits.

One result serves every bit assignment of its input length and seed.
"""

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own convention)
from torch import Tensor

from hardware.layer import Activation, Layer, Operation, PoolKind
from hardware.network import Network
from objectives.batches import Batches, dropout_mask, epoch_generator
from objectives.recipe import Recipe
from objectives.thresholds import output_thresholds

logger = logging.getLogger(__name__)

BATCH_NORM_EPSILON = 1e-5
BATCH_NORM_MOMENTUM = 0.05
"""Source of both: ai8x.py, `nn.BatchNorm1d(..., eps=1e-05, momentum=0.05)`."""
INPUT_UNIT = 128
"""Steps of an input in real terms, -1 to 127/128."""


class TrainingError(RuntimeError):
    """A training that came to nothing: its loss is not a number any more."""


@dataclass(frozen=True)
class LayerState:
    """A trained layer, batch norm folded in, with Adam's moments carried over.

    Attributes:
        weights: Of the layer's `weight_shape`, in real terms.
        biases: (out_channels,), in units of the layer's input range 2^t; None without bias.
        weight_moments: Adam's first and second moment of the weights.
        bias_moments: The same of the biases.
    """

    weights: Tensor
    biases: Tensor | None
    weight_moments: tuple[Tensor, Tensor]
    bias_moments: tuple[Tensor, Tensor] | None


@dataclass(frozen=True)
class FloatPrefix:
    """What the float phase leaves: the start of every bit assignment.

    Attributes:
        network: What was trained.
        seed: The seed it was trained with.
        layers: The trained layers.
        thresholds: t of each layer's output, for the hidden layers: outputs count in 2^t / 128.
        steps: Steps taken, for Adam's bias correction.
        loss: Mean training loss of the last float epoch; nan where there was none.
    """

    network: Network
    seed: int
    layers: tuple[LayerState, ...]
    thresholds: tuple[int, ...]
    steps: int
    loss: float


class FloatNetwork:
    """The network in floating point: pool, operation, batch norm, activation."""

    def __init__(self, network: Network, recipe: Recipe, seed: int, device: torch.device) -> None:
        self.network = network
        self.recipe = recipe
        self.parameters: list[dict[str, Tensor]] = []
        self.statistics: list[tuple[Tensor, Tensor]] = []
        generator = epoch_generator(seed, -1, device)
        for layer in network.layers:
            self.parameters.append(_initial_parameters(layer, recipe, generator))
            ones = torch.ones(layer.out_channels, device=device)
            self.statistics.append((torch.zeros_like(ones), ones))

    def all_parameters(self) -> list[Tensor]:
        """Every trained tensor, in layer order."""
        return [tensor for layer in self.parameters for tensor in layer.values()]

    def forward(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Logits of a training batch, (batch, classes); `generator` draws the dropout."""
        values = inputs / INPUT_UNIT
        for layer, tensors, statistics in zip(
            self.network.layers, self.parameters, self.statistics, strict=True
        ):
            values = linear_part(layer, values, tensors["weights"], tensors.get("biases"))
            if "gain" in tensors:
                values = F.batch_norm(
                    values,
                    *statistics,
                    tensors["gain"],
                    tensors["offset"],
                    training=True,
                    momentum=BATCH_NORM_MOMENTUM,
                    eps=BATCH_NORM_EPSILON,
                )
            values = activate(layer, values)
            if layer.operation is Operation.LINEAR and not layer.wide and self.recipe.dropout:
                mask = dropout_mask(tuple(values.shape), self.recipe.dropout, generator)
                values = values * mask
        return values


def train_float(
    network: Network, batches: Batches, recipe: Recipe, seed: int, device: torch.device
) -> FloatPrefix:
    """Runs the float phase, folds batch norm and chooses the output thresholds.

    Raises:
        TrainingError: where the loss is not a number any more.
    """
    model = FloatNetwork(network, recipe, seed, device)
    parameters = model.all_parameters()
    optimizer = torch.optim.Adam(
        parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
    )
    steps, loss_of_epoch = 0, math.nan
    for epoch in range(recipe.qat_start_epoch):
        optimizer.param_groups[0]["lr"] = recipe.learning_rate_at(epoch)
        generator = epoch_generator(seed, epoch, device)
        total = torch.zeros((), device=device)
        in_epoch = 0
        for inputs, labels in batches.epoch(generator):
            loss = F.cross_entropy(model.forward(inputs, generator), labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.detach()
            in_epoch += 1
        steps += in_epoch
        loss_of_epoch = float(total) / in_epoch
        if not math.isfinite(loss_of_epoch):
            raise TrainingError(
                f"the loss of float epoch {epoch} is {loss_of_epoch}; a smaller learning_rate than"
                f" {recipe.learning_rate} may help"
            )
        logger.debug("float epoch %d: loss %.4f", epoch, loss_of_epoch)
    with torch.no_grad():
        folded = [
            _fold(tensors, statistics, optimizer)
            for tensors, statistics in zip(model.parameters, model.statistics, strict=True)
        ]
        thresholds = output_thresholds(
            batches.in_order,
            lambda inputs: list(_hidden_outputs(network, folded, inputs)),
            recipe.outlier_z_score,
        )
        layers = _in_input_ranges(folded, thresholds)
    return FloatPrefix(network, seed, layers, thresholds, steps, loss_of_epoch)


def linear_part(layer: Layer, values: Tensor, weights: Tensor, biases: Tensor | None) -> Tensor:
    """Pooling and the operation itself, in floating point.

    Args:
        layer: What to compute.
        values: (batch, channels, ...).
        weights: Of the layer's `weight_shape`.
        biases: (out_channels,), or None.
    """
    if layer.pool is not None:
        values = pool(layer, values)
    if layer.operation is Operation.LINEAR:
        return F.linear(values.flatten(1), weights, biases)
    convolve = F.conv1d if layer.operation is Operation.CONV1D else F.conv2d
    return convolve(values, weights, biases, padding=layer.padding)


def pool(layer: Layer, values: Tensor) -> Tensor:
    """The layer's pooling, its mean not cut to integers; channels may be members times channels."""
    assert layer.pool is not None  # noqa: S101  (the caller's condition, for the type checker)
    one_axis = len(layer.in_size) == 1
    if layer.pool.kind is PoolKind.MAX:
        largest = F.max_pool1d if one_axis else F.max_pool2d
        return largest(values, layer.pool.size, layer.pool.stride)
    if one_axis:
        return F.avg_pool1d(values, layer.pool.size, layer.pool.stride)
    return F.avg_pool2d(values, layer.pool.size, layer.pool.stride)


def activate(layer: Layer, values: Tensor) -> Tensor:
    """The layer's activation, in floating point."""
    if layer.activation is Activation.RELU:
        return values.relu()
    if layer.activation is Activation.ABS:
        return values.abs()
    return values


def _initial_parameters(
    layer: Layer, recipe: Recipe, generator: torch.Generator
) -> dict[str, Tensor]:
    """PyTorch's own first weights: uniform within +-1 / sqrt(inputs of one output)."""
    bound = 1 / math.sqrt(math.prod(layer.weight_shape[1:]))

    def uniform(*shape: int) -> Tensor:
        drawn = torch.rand(shape, generator=generator, device=generator.device)
        return ((2 * drawn - 1) * bound).requires_grad_()

    found = {"weights": uniform(*layer.weight_shape)}
    if layer.bias:
        found["biases"] = uniform(layer.out_channels)
    if recipe.batch_norm and layer.bias and layer.operation is not Operation.LINEAR:
        found["gain"] = torch.ones(layer.out_channels, device=generator.device).requires_grad_()
        found["offset"] = torch.zeros_like(found["gain"]).requires_grad_()
    return found


def _fold(
    tensors: dict[str, Tensor], statistics: tuple[Tensor, Tensor], optimizer: torch.optim.Adam
) -> LayerState:
    """Folds batch norm into weights and biases, and carries Adam's moments over.

    With s = gain / sqrt(variance + eps): w' = w s and b' = (b - mean) s + offset. A gradient with
    respect to w' is the one with respect to w over s; the one with respect to b' is the offset's.
    """

    def moments(name: str) -> tuple[Tensor, Tensor]:
        state = optimizer.state.get(tensors[name], {})
        zeros = torch.zeros_like(tensors[name])
        return state.get("exp_avg", zeros), state.get("exp_avg_sq", zeros)

    weights, biases = tensors["weights"].detach(), tensors.get("biases")
    first, second = moments("weights")
    if "gain" not in tensors:
        bias_moments = moments("biases") if biases is not None else None
        kept = biases.detach() if biases is not None else None
        return LayerState(weights, kept, (first, second), bias_moments)
    assert biases is not None  # noqa: S101  (batch norm is put on layers with biases only)
    mean, variance = statistics
    slope = tensors["gain"].detach() / (variance + BATCH_NORM_EPSILON).sqrt()
    wide_slope = slope.reshape(-1, *(1,) * (weights.ndim - 1))
    inverse = torch.where(wide_slope == 0, 0.0, 1 / wide_slope)
    return LayerState(
        weights * wide_slope,
        (biases.detach() - mean) * slope + tensors["offset"].detach(),
        (first * inverse, second * inverse**2),
        moments("offset"),
    )


def _hidden_outputs(network: Network, layers: list[LayerState], inputs: Tensor) -> Iterator[Tensor]:
    """Outputs of all layers but the last, in real terms, batch norm folded."""
    values = inputs / INPUT_UNIT
    for layer, state in list(zip(network.layers, layers, strict=True))[:-1]:
        values = activate(layer, linear_part(layer, values, state.weights, state.biases))
        yield values


def _in_input_ranges(
    layers: list[LayerState], thresholds: tuple[int, ...]
) -> tuple[LayerState, ...]:
    """Divides each bias, and what Adam knows of it, by its layer's input range 2^t."""
    found = [layers[0]]
    for state, threshold in zip(layers[1:], thresholds, strict=True):
        unit = 2.0**threshold
        biases, bias_moments = state.biases, state.bias_moments
        if biases is not None and bias_moments is not None:
            biases = biases / unit
            bias_moments = (bias_moments[0] * unit, bias_moments[1] * unit**2)
        found.append(LayerState(state.weights, biases, state.weight_moments, bias_moments))
    return tuple(found)
