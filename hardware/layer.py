# SPDX-License-Identifier: Apache-2.0
"""One layer, in the chip's own terms."""

import enum
import math
from dataclasses import dataclass

WEIGHT_BITS = (1, 2, 4, 8)
"""Weight widths of the CNN accelerator. Source: ai8x-synthesis README, "Weight Bit Widths"."""


class NetworkError(ValueError):
    """A network or candidate that contradicts itself, before any chip is asked."""


class Operation(enum.Enum):
    """What a layer computes, by the izer's names."""

    CONV1D = "conv1d"
    CONV2D = "conv2d"
    CONVTRANSPOSE2D = "convtranspose2d"
    LINEAR = "MLP"
    PASSTHROUGH = "passthrough"

    @property
    def kernel_axes(self) -> int:
        """Axes the kernel moves along; 0 where there is none."""
        return {Operation.CONV1D: 1, Operation.CONV2D: 2, Operation.CONVTRANSPOSE2D: 2}.get(self, 0)


class Combine(enum.Enum):
    """How the outputs of several layers become one input, by the izer's names."""

    CONCATENATE = "concatenate"
    ADD = "add"
    SUBTRACT = "sub"
    XOR = "xor"
    OR = "or"


class Activation(enum.Enum):
    """What follows the accumulator, by the izer's names."""

    NONE = "None"
    RELU = "ReLU"
    ABS = "Abs"


class PoolKind(enum.Enum):
    """How a pooling window becomes one value, by the izer's names."""

    MAX = "max_pool"
    AVERAGE = "avg_pool"


@dataclass(frozen=True)
class Pool:
    """Pooling of a layer's input: the same window and stride along every axis."""

    kind: PoolKind
    size: int
    stride: int

    def __post_init__(self) -> None:
        if self.size < 1 or self.stride < 1:
            raise NetworkError(
                f"pool size and stride must be at least 1 but are {self.size} and {self.stride}"
            )

    def __str__(self) -> str:
        return f"{self.kind.value} {self.size} stride {self.stride}"


@dataclass(frozen=True)
class Layer:
    """One layer in the chip's own terms, in this order: combine, pool, operation, activation.

    Attributes:
        name: The layer's name in the study file, in tables and in the izer's checkpoint.
        operation: Convolution, linear, or passing data through.
        in_channels: Channels coming in: of all sources together where they are concatenated, of
            one where they are combined element by element, before the flattening of a linear layer.
        in_size: Spatial size coming in: (length,), (height, width), or () where there is none.
        out_channels: Channels (features) going out.
        kernel: Kernel size along each axis; () where there is none.
        padding: Zeros added on both sides of each axis. The stride of a convolution is 1; a
            transposed one has 2, and doubles the size of its input.
        pool: Pooling of the input, before the operation.
        activation: Activation of the output.
        bias: Whether the layer has a bias.
        wide: True for raw 32-bit accumulators out (the last layer only), False for int8.
        sources: Layers whose outputs come in, by their place in the network, -1 for its input;
            () for the layer before.
        combine: How several sources become one input.
        groups: Groups of channels that a convolution keeps apart; in_channels where it is
            depthwise.
        streaming: Whether its input streams in through a FIFO instead of lying in data memory.
    """

    name: str
    operation: Operation
    in_channels: int
    in_size: tuple[int, ...]
    out_channels: int
    kernel: tuple[int, ...] = ()
    padding: int = 0
    pool: Pool | None = None
    activation: Activation = Activation.RELU
    bias: bool = True
    wide: bool = False
    sources: tuple[int, ...] = ()
    combine: Combine = Combine.CONCATENATE
    groups: int = 1
    streaming: bool = False

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise NetworkError(f"layer name must be an identifier but is {self.name!r}")
        if min(self.in_channels, self.out_channels, *self.in_size, *self.kernel) < 1:
            raise NetworkError(
                f"layer {self.name!r}: channels, sizes and kernel must be at least 1 but are"
                f" {self.in_channels} -> {self.out_channels}, {self.in_size}, {self.kernel}"
            )
        axes = self.operation.kernel_axes
        if len(self.kernel) != axes or (axes and len(self.in_size) != axes):
            raise NetworkError(
                f"layer {self.name!r}: {self.operation.value} works along {axes} axes but the"
                f" kernel is {self.kernel} and the input size {self.in_size}"
            )
        if self.padding < 0 or (not axes and self.padding):
            raise NetworkError(
                f"layer {self.name!r}: {self.operation.value} takes no padding of {self.padding}"
            )
        if self.operation is Operation.LINEAR and self.pool:
            raise NetworkError(f"layer {self.name!r}: a linear layer takes no pooling")
        if self.operation is Operation.PASSTHROUGH:
            self._check_passthrough()
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise NetworkError(
                f"layer {self.name!r}: {self.groups} groups do not divide the channels"
                f" {self.in_channels} -> {self.out_channels}"
            )
        if self.wide and self.activation is not Activation.NONE:
            raise NetworkError(
                f"layer {self.name!r}: a wide layer has no activation but asks for"
                f" {self.activation.value}"
            )
        if min((*self.pooled_size, *self.out_size), default=1) < 1:
            raise NetworkError(
                f"layer {self.name!r}: an input of size {self.in_size} leaves nothing after"
                f" pool {self.pool} and kernel {self.kernel} with padding {self.padding}"
            )

    def _check_passthrough(self) -> None:
        if self.in_channels != self.out_channels or self.bias or self.wide:
            raise NetworkError(
                f"layer {self.name!r}: a passthrough gives the {self.in_channels} channels it"
                " takes, has no bias and is not wide"
            )
        if self.activation is not Activation.NONE:
            raise NetworkError(f"layer {self.name!r}: a passthrough has no activation")

    @property
    def operands(self) -> int:
        """Values that are combined into one, element by element; 1 without such a combination."""
        return 1 if self.combine is Combine.CONCATENATE else max(len(self.sources), 1)

    @property
    def flatten(self) -> bool:
        """Whether a linear layer flattens spatial data, in (channel, row, column) order."""
        return self.operation is Operation.LINEAR and bool(self.in_size)

    @property
    def pooled_size(self) -> tuple[int, ...]:
        """Spatial size after pooling, before the operation."""
        if self.pool is None:
            return self.in_size
        return tuple((size - self.pool.size) // self.pool.stride + 1 for size in self.in_size)

    @property
    def out_size(self) -> tuple[int, ...]:
        """Spatial size going out; () for linear."""
        if self.operation is Operation.LINEAR:
            return ()
        if self.operation is Operation.PASSTHROUGH:
            return self.pooled_size
        if self.operation is Operation.CONVTRANSPOSE2D:
            return tuple(2 * size for size in self.pooled_size)
        return tuple(
            size + 2 * self.padding - taps + 1
            for size, taps in zip(self.pooled_size, self.kernel, strict=True)
        )

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """(out, in of a group, *kernel), () where there are no weights.

        A flattening linear layer's `in` counts every flattened value.
        """
        if self.operation is Operation.PASSTHROUGH:
            return ()
        if self.operation is Operation.LINEAR:
            return (self.out_channels, self.in_channels * math.prod(self.in_size))
        return (self.out_channels, self.in_channels // self.groups, *self.kernel)

    @property
    def weight_count(self) -> int:
        """Number of weights, biases not counted."""
        return math.prod(self.weight_shape) if self.weight_shape else 0

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference, padding included, biases not counted."""
        return self.weight_count * math.prod(self.out_size)

    @property
    def out_pixels(self) -> int:
        """Values going out of one channel."""
        return math.prod(self.out_size)
