# SPDX-License-Identifier: Apache-2.0
"""A stack of bit assignments trained as one batched network.

All members share the network's shape, the float prefix, the data order and the dropout masks; each
has its own bits, weights and scales. One code path serves one member and many.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own convention)
from torch import Tensor

from hardware.integer import BIAS_SCALE, IntegerLayer, IntegerNetwork
from hardware.layer import Activation, Layer, Operation, PoolKind
from objectives.batches import dropout_mask
from objectives.float_phase import FloatPrefix, pool
from objectives.quantizers import (
    range_exponent,
    round_activations,
    round_biases,
    round_weights,
    truncate,
)
from objectives.recipe import Recipe


class StackedNetwork:
    """Bit assignments of one float prefix, as one network whose forward pass is the chip's.

    Attributes:
        prefix: What all members started from.
        bits: One width a layer for each member.
        weights: One tensor a layer, (members, *weight_shape), in real terms.
        biases: One tensor a layer, (members, out_channels), or None.
    """

    def __init__(
        self, prefix: FloatPrefix, bits: Sequence[tuple[int, ...]], recipe: Recipe
    ) -> None:
        for member in bits:
            prefix.network.check_bits(member)
        self.prefix = prefix
        self.bits = tuple(bits)
        self.recipe = recipe
        self.layers = prefix.network.layers
        device = prefix.layers[0].weights.device
        self.widths = torch.tensor(self.bits, dtype=torch.float32, device=device).T
        self.weights = [self._repeat(state.weights).requires_grad_() for state in prefix.layers]
        self.biases = [
            None if state.biases is None else self._repeat(state.biases).requires_grad_()
            for state in prefix.layers
        ]

    def _repeat(self, tensor: Tensor) -> Tensor:
        return tensor.unsqueeze(0).repeat(len(self.bits), *(1,) * tensor.ndim)

    def optimizer(self, learning_rate: float) -> torch.optim.Adam:
        """Adam over all members, with the float phase's moments where the recipe keeps them."""
        parameters = [*self.weights, *(biases for biases in self.biases if biases is not None)]
        optimizer = torch.optim.Adam(
            parameters, lr=learning_rate, weight_decay=self.recipe.weight_decay, fused=True
        )
        if not self.recipe.keep_optimizer_state or not self.prefix.steps:
            return optimizer
        for index, state in enumerate(self.prefix.layers):
            biases = self.biases[index]
            pairs = [(self.weights[index], state.weight_moments)]
            if biases is not None and state.bias_moments is not None:
                pairs.append((biases, state.bias_moments))
            for parameter, (first, second) in pairs:
                optimizer.state[parameter] = {
                    "step": torch.tensor(float(self.prefix.steps), device=parameter.device),
                    "exp_avg": self._repeat(first),
                    "exp_avg_sq": self._repeat(second),
                }
        return optimizer

    def exponents(self, index: int) -> Tensor:
        """R of each member's layer, (members,): its weights reach +-2^r."""
        return range_exponent(
            self.weights[index].detach(),
            _detached(self.biases[index]),
            self.recipe.shift_quantile,
        )

    def output_shifts(self, index: int, exponents: Tensor) -> Tensor:
        """S of each member's layer, (members,): r less the layer's own output range."""
        thresholds = (0, *self.prefix.thresholds)
        own = thresholds[index + 1] - thresholds[index] if not self.layers[index].wide else 0
        widths = self.widths[index]
        return (exponents - own).clamp(widths - 23, widths + 7)

    def logit_exponents(self, exponents: Tensor) -> Tensor:
        """One logit is accumulator * 2^this, (members,), for the last layer's r."""
        in_range = (0, *self.prefix.thresholds)[len(self.layers) - 1]
        return exponents + in_range - 7 - (self.widths[-1] - 1)

    def integers(self, index: int, exponents: Tensor) -> tuple[Tensor, Tensor | None]:
        """Weights and biases of a layer as the chip's integers, with straight-through gradient."""
        widths = self.widths[index]
        weights = round_weights(self.weights[index], exponents, widths)
        biases = self.biases[index]
        if biases is None:
            return weights, None
        bias_bits = torch.full_like(widths, 8.0) if self.recipe.bias_bits else widths
        return weights, round_biases(biases, exponents, widths, bias_bits)

    def forward(self, inputs: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Logits in real terms, (batch, members, classes).

        Args:
            inputs: (batch, channels, ...), float32, in the chip's units.
            generator: Draws the dropout masks; None: no dropout.
        """
        values = inputs.unsqueeze(1)
        for index, layer in enumerate(self.layers):
            exponents = self.exponents(index)
            weights, biases = self.integers(index, exponents)
            accumulator = _accumulate(layer, values, weights, biases)
            per_member = (1, -1, *(1,) * (accumulator.ndim - 2))
            if layer.wide:
                scale = torch.exp2(self.logit_exponents(exponents))
                return accumulator * scale.reshape(per_member)
            shifts = self.output_shifts(index, exponents)
            scale = torch.exp2(shifts + 8 - self.widths[index] - 7).reshape(per_member)
            relu = layer.activation is Activation.RELU
            values = round_activations(accumulator, scale, non_negative=relu)
            if layer.activation is Activation.ABS:
                values = values.abs().clamp(max=127)
            if generator is not None and self.recipe.dropout and not layer.kernel:
                features = (len(inputs), 1, layer.out_channels)
                values = values * dropout_mask(features, self.recipe.dropout, generator)
        raise AssertionError("the last layer of a network is wide")

    @torch.no_grad()
    def integer_networks(self) -> list[IntegerNetwork]:
        """The members as the chip would hold them now."""
        columns: list[list[IntegerLayer]] = [[] for _ in self.bits]
        last = torch.zeros(len(self.bits))
        for index, layer in enumerate(self.layers):
            exponents = self.exponents(index)
            weights, biases = self.integers(index, exponents)
            shifts = self.output_shifts(index, exponents)
            if layer.wide:
                last = self.logit_exponents(exponents)
            for member, bits in enumerate(self.bits):
                columns[member].append(
                    IntegerLayer(
                        weights=weights[member].cpu().numpy().astype(np.int8),
                        bias=None
                        if biases is None
                        else biases[member].cpu().numpy().astype(np.int8),
                        bits=bits[index],
                        output_shift=0 if layer.wide else int(shifts[member]),
                    )
                )
        return [
            IntegerNetwork(self.prefix.network, tuple(layers), int(exponent))
            for layers, exponent in zip(columns, last, strict=True)
        ]


def _accumulate(layer: Layer, values: Tensor, weights: Tensor, biases: Tensor | None) -> Tensor:
    """Accumulators of all members, (batch, members, out_channels, ...).

    Args:
        layer: What to compute.
        values: (batch, members or 1, channels, ...); 1 where all members see the same.
        weights: (members, *weight_shape).
        biases: (members, out_channels), or None.
    """
    batch, groups = values.shape[:2]
    members = len(weights)
    flat_biases = None if biases is None else (biases * BIAS_SCALE).flatten()
    if layer.operation is Operation.LINEAR:
        columns = values.flatten(2).transpose(0, 1).expand(members, -1, -1)
        products = torch.bmm(columns, weights.transpose(1, 2))  # (members, batch, out)
        if flat_biases is not None:
            products = products + flat_biases.reshape(members, 1, -1)
        return products.transpose(0, 1)
    merged = values.flatten(1, 2)
    if layer.pool is not None:
        merged = pool(layer, merged)
        if layer.pool.kind is PoolKind.AVERAGE:
            # A mean of integers is near no other integer, so its rounding does not cut wrong.
            merged = truncate(merged)
    convolve = F.conv1d if layer.operation is Operation.CONV1D else F.conv2d
    accumulator = convolve(
        merged, weights.flatten(0, 1), flat_biases, padding=layer.padding, groups=groups
    )
    return accumulator.reshape(batch, members, layer.out_channels, *accumulator.shape[2:])


def _detached(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach()
