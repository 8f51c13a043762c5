# SPDX-License-Identifier: Apache-2.0
"""A stack of bit assignments trained as one batched network.

All members share the network's shape, the float prefix, the data order and the dropout masks; each
has its own bits, weights and scales. One code path serves one member and many.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hardware.integer import BIAS_SCALE, IntegerLayer, IntegerNetwork
from hardware.layer import Activation, Layer, Operation, PoolKind
from hardware.network import Network
from objectives.batches import dropout_mask
from objectives.float_phase import FloatPrefix, pool
from objectives.layer_products import Rounding, quantized_layer
from objectives.quantizers import round_weights, truncate
from objectives.ranges import range_exponents
from objectives.recipe import Recipe

EXACT_BELOW = 1 << 24
"""Every integer below it is a float32."""


@dataclass(frozen=True)
class Scales:
    """Powers of two of a stack, each (layers, members).

    Attributes:
        exponents: r: weights reach +-2^r.
        shifts: S of the chip, r less the layer's own output range; without meaning in the last.
        weight: 2^(b-1-r): what a weight is multiplied by before it is rounded.
        output: log2 of what an accumulator is multiplied by: S + 8 - b - 7, and for the last
            layer what makes it a logit.
    """

    exponents: Tensor
    shifts: Tensor
    weight: Tensor
    output: Tensor


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
        self._limits = torch.exp2(self.widths - 1)
        thresholds = torch.tensor([0.0, *prefix.thresholds], device=device)
        self._thresholds = thresholds[:, None]
        self._exponents: Tensor | None = None
        self.weights = [self._repeat(state.weights).requires_grad_() for state in prefix.layers]
        self.biases = [
            None if state.biases is None else self._repeat(state.biases).requires_grad_()
            for state in prefix.layers
        ]

    def _repeat(self, tensor: Tensor) -> Tensor:
        return tensor.unsqueeze(0).repeat(len(self.bits), *(1,) * tensor.ndim)

    def optimizer(self, learning_rate: float) -> torch.optim.Adam:
        """Adam over all members, with the float phase's moments where the recipe keeps them."""
        optimizer = torch.optim.Adam(
            self._parameters(), lr=learning_rate, weight_decay=self.recipe.weight_decay, fused=True
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

    @classmethod
    @torch.no_grad()
    def gathered(
        cls, members: Sequence["tuple[StackedNetwork, torch.optim.Adam, int]"]
    ) -> "tuple[StackedNetwork, torch.optim.Adam]":
        """Members of stacks of one prefix, as they are now, as one stack with its optimizer.

        Args:
            members: For each its stack, the stack's optimizer, and its place there.
        """
        first, its_optimizer, _ = members[0]
        bits = [stack.bits[place] for stack, _, place in members]
        gathered = cls(first.prefix, bits, first.recipe)
        optimizer = gathered.optimizer(its_optimizer.param_groups[0]["lr"])
        optimizer.state.clear()
        for index, mine in enumerate(gathered._parameters()):
            rows = [(stack._parameters()[index], known, place) for stack, known, place in members]
            mine.copy_(torch.stack([theirs[place] for theirs, _, place in rows]))
            states = [
                (known.state[theirs], place)
                for theirs, known, place in rows
                if theirs in known.state
            ]
            if states:
                optimizer.state[mine] = {"step": states[0][0]["step"].clone()} | {
                    moment: torch.stack([state[moment][place] for state, place in states])
                    for moment in ("exp_avg", "exp_avg_sq")
                }
        return gathered, optimizer

    def _parameters(self) -> list[Tensor]:
        return [*self.weights, *(biases for biases in self.biases if biases is not None)]

    @torch.no_grad()
    def scales(self) -> "Scales":
        """The powers of two of every layer and member, as the weights are now."""
        exponents = range_exponents(
            self.weights, self.biases, self.recipe.shift_quantile, self._exponents
        )
        self._exponents = exponents
        widths, thresholds = self.widths, self._thresholds
        shifts = exponents.clone()
        shifts[:-1] -= thresholds[1:] - thresholds[:-1]
        shifts = shifts.clamp(widths - 23, widths + 7)
        output = shifts + 1 - widths
        output[-1] = exponents[-1] + thresholds[-1] - 6 - widths[-1]
        return Scales(exponents, shifts, torch.exp2(widths - 1 - exponents), output)

    def integers(self, index: int, scales: "Scales") -> tuple[Tensor, Tensor | None]:
        """Weights and biases of a layer as the chip's integers, with straight-through gradient."""
        scale, limit, biases = scales.weight[index], self._limits[index], self.biases[index]
        weights = round_weights(self.weights[index], scale, limit)
        if biases is None:
            return weights, None
        bias_limit = torch.full_like(limit, 128.0) if self.recipe.bias_bits else limit
        return weights, round_weights(biases, scale, bias_limit)

    def forward(self, inputs: Tensor, masks: Sequence[Tensor | None] = ()) -> Tensor:
        """Logits in real terms, (members, classes, batch).

        Args:
            inputs: (channels, ..., batch), float32, in the chip's units.
            masks: What `dropout_masks` gives; none: no dropout.
        """
        scales = self.scales()
        integers = [self.integers(index, scales) for index in range(len(self.layers))]
        return self._run(integers, torch.exp2(scales.output), inputs, masks)

    def _run(
        self,
        integers: Sequence[tuple[Tensor, Tensor | None]],
        outputs: Tensor,
        inputs: Tensor,
        masks: Sequence[Tensor | None],
    ) -> Tensor:
        """Logits of a batch from integer weights and biases and each layer's output scale."""
        values = inputs.unsqueeze(0)
        for index, layer in enumerate(self.layers):
            if layer.operation is Operation.LINEAR:
                values = values.flatten(1, -2)
            if layer.pool is not None:
                values = _pooled(layer, values)
            relu = layer.activation is Activation.RELU
            values = quantized_layer(
                values,
                *integers[index],
                outputs[index],
                padding=layer.padding,
                rounding=Rounding(layer.wide, relu),
            )
            if layer.activation is Activation.ABS:
                values = values.abs().clamp(max=127)
            mask = masks[index] if masks else None
            if mask is not None:
                values = values * mask
        return values

    @torch.no_grad()
    def predictions(self, inputs: Iterable[Tensor]) -> Tensor | None:
        """Classes as the integer networks give them, (members, samples).

        Args:
            inputs: Batches (channels, ..., samples), in the chip's units.

        Returns:
            None where an accumulator may reach 2^24, beyond which float32 is not exact.
        """
        scales = self.scales()
        integers = [self.integers(index, scales) for index in range(len(self.layers))]
        if any(_largest_sum(*pair) >= EXACT_BELOW for pair in integers):
            return None
        outputs = torch.exp2(scales.output)
        return torch.cat(
            [self._run(integers, outputs, batch.float(), ()).argmax(1) for batch in inputs], dim=1
        )

    @torch.no_grad()
    def integer_networks(self) -> list[IntegerNetwork]:
        """The members as the chip would hold them now."""
        columns: list[list[IntegerLayer]] = [[] for _ in self.bits]
        scales = self.scales()
        for index, layer in enumerate(self.layers):
            weights, biases = self.integers(index, scales)
            for member, bits in enumerate(self.bits):
                columns[member].append(
                    IntegerLayer(
                        weights=weights[member].cpu().numpy().astype(np.int8),
                        bias=None
                        if biases is None
                        else biases[member].cpu().numpy().astype(np.int8),
                        bits=bits[index],
                        output_shift=0 if layer.wide else int(scales.shifts[index, member]),
                    )
                )
        return [
            IntegerNetwork(self.prefix.network, tuple(layers), int(exponent))
            for layers, exponent in zip(columns, scales.output[-1], strict=True)
        ]


def _largest_sum(weights: Tensor, biases: Tensor | None) -> float:
    """What no accumulator of a layer, nor any part of its sum, can go beyond."""
    sums = 128 * weights.abs().flatten(2).sum(2, dtype=torch.float64)
    if biases is not None:
        sums += BIAS_SCALE * biases.abs()
    return float(sums.max())


def dropout_masks(
    network: Network, recipe: Recipe, batch: int, generator: torch.Generator
) -> list[Tensor | None]:
    """A mask (features, batch) for each hidden linear layer, the same for all members."""
    return [
        dropout_mask((batch, layer.out_channels), recipe.dropout, generator).T.contiguous()
        if recipe.dropout and not layer.kernel and not layer.wide
        else None
        for layer in network.layers
    ]


def samples_last(inputs: Tensor) -> Tensor:
    """A batch (batch, channels, ...) as a stack takes it, (channels, ..., batch)."""
    return inputs.movedim(0, -1).contiguous()


def _pooled(layer: Layer, values: Tensor) -> Tensor:
    """Pooling, as PyTorch has it: with the batch in front, members and channels as one."""
    found = pool(layer, values.movedim(-1, 0).flatten(1, 2))
    if layer.pool is not None and layer.pool.kind is PoolKind.AVERAGE:
        # A mean of integers is near no other integer, so its rounding does not cut wrong.
        found = truncate(found)
    return found.reshape(len(found), *values.shape[:2], *found.shape[2:]).movedim(0, -1)
