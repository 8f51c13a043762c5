# SPDX-License-Identifier: Apache-2.0
"""The one description of a network: what is trained, priced, computed and exported."""

import enum
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

WEIGHT_BITS = (1, 2, 4, 8)
"""Weight widths of the CNN accelerator. Source: ai8x-synthesis README, "Weight Bit Widths"."""


class NetworkError(ValueError):
    """A network or candidate that contradicts itself, before any chip is asked."""


class Operation(enum.Enum):
    """What a layer computes, by the izer's names."""

    CONV1D = "conv1d"
    CONV2D = "conv2d"
    LINEAR = "MLP"

    @property
    def spatial_axes(self) -> int:
        """Axes the kernel moves along."""
        return {Operation.CONV1D: 1, Operation.CONV2D: 2, Operation.LINEAR: 0}[self]


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
    """Pooling in front of a convolution: the same window and stride along every axis."""

    kind: PoolKind
    size: int
    stride: int

    def __post_init__(self) -> None:
        if self.size < 1 or self.stride < 1:
            raise NetworkError(
                f"pool size and stride must be at least 1 but are {self.size} and {self.stride}"
            )


@dataclass(frozen=True)
class Layer:
    """One layer in the chip's own terms, computed in this order: pool, operation, activation.

    Attributes:
        name: The layer's name in the study file, in tables and in the izer's checkpoint.
        operation: Convolution or linear.
        in_channels: Channels coming in; for a flattening linear layer, before the flattening.
        in_size: Spatial size coming in: (length,), (height, width), or () where there is none.
        out_channels: Channels (features) going out.
        kernel: Kernel size along each axis; () for linear.
        padding: Zeros added on both sides of each axis; the stride of the operation is 1.
        pool: Pooling of the input, before the operation.
        activation: Activation of the output.
        bias: Whether the layer has a bias.
        wide: True for raw 32-bit accumulators out (the last layer), False for int8.
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

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise NetworkError(f"layer name must be an identifier but is {self.name!r}")
        if min(self.in_channels, self.out_channels, *self.in_size, *self.kernel) < 1:
            raise NetworkError(
                f"layer {self.name!r}: channels, sizes and kernel must be at least 1 but are"
                f" {self.in_channels} -> {self.out_channels}, {self.in_size}, {self.kernel}"
            )
        axes = self.operation.spatial_axes
        if len(self.kernel) != axes or (axes and len(self.in_size) != axes):
            raise NetworkError(
                f"layer {self.name!r}: {self.operation.value} works along {axes} axes but the"
                f" kernel is {self.kernel} and the input size {self.in_size}"
            )
        if self.padding < 0 or (not axes and (self.padding or self.pool)):
            raise NetworkError(
                f"layer {self.name!r}: {self.operation.value} takes no padding of {self.padding}"
                f" and pool {self.pool}"
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
        return tuple(
            size + 2 * self.padding - taps + 1
            for size, taps in zip(self.pooled_size, self.kernel, strict=True)
        )

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """(out, in, *kernel); a flattening linear layer's `in` counts every flattened value."""
        if self.operation is Operation.LINEAR:
            return (self.out_channels, self.in_channels * math.prod(self.in_size))
        return (self.out_channels, self.in_channels, *self.kernel)

    @property
    def weight_count(self) -> int:
        """Number of weights, biases not counted."""
        return math.prod(self.weight_shape)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference, padding included, biases not counted."""
        return self.weight_count * math.prod(self.out_size)

    @property
    def out_pixels(self) -> int:
        """Values going out of one channel."""
        return math.prod(self.out_size)


@dataclass(frozen=True)
class Network:
    """A chain of layers; each takes what the one before it gives.

    Raises:
        NetworkError: where two neighbours do not fit, a name stands twice, or the last layer is
            not wide (its raw accumulators are the logits) or another one is.
    """

    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        if not self.layers:
            raise NetworkError("a network must have at least one layer")
        names = [layer.name for layer in self.layers]
        for name in names:
            if names.count(name) > 1:
                raise NetworkError(f"two layers are called {name!r}")
        for before, after in zip(self.layers, self.layers[1:], strict=False):
            given, taken = (
                (before.out_channels, before.out_size),
                (after.in_channels, after.in_size),
            )
            if given != taken:
                raise NetworkError(
                    f"layer {after.name!r} takes channels and size {taken} but"
                    f" {before.name!r} gives {given}"
                )
        for layer in self.layers:
            if layer.wide != (layer is self.layers[-1]):
                raise NetworkError(
                    f"layer {layer.name!r}: the last layer, and no other, must be wide"
                )

    @classmethod
    def chain(cls, channels: int, size: Sequence[int], layers: Iterable["LayerPlan"]) -> Self:
        """Builds a network from its input shape and layers, working out every shape between.

        Args:
            channels: Channels of the input.
            size: Spatial size of the input, (length,) or (height, width).
            layers: What `conv` and `linear` of this module return, in order. The last
                one becomes the wide layer, without activation: its accumulators are the logits.
        """
        plans = list(layers)
        built: list[Layer] = []
        shape = tuple(size)
        for index, plan in enumerate(plans):
            last = index == len(plans) - 1
            operation = plan.operation(shape)
            layer = Layer(
                name=plan.name,
                operation=operation,
                in_channels=channels,
                in_size=shape,
                out_channels=plan.out_channels,
                kernel=(plan.kernel,) * operation.spatial_axes,
                padding=plan.padding,
                pool=plan.pool,
                activation=Activation.NONE if last else plan.activation,
                bias=plan.bias,
                wide=last,
            )
            built.append(layer)
            channels, shape = layer.out_channels, layer.out_size
        return cls(tuple(built))

    @property
    def names(self) -> tuple[str, ...]:
        """The layers' names, in order."""
        return tuple(layer.name for layer in self.layers)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(channels, length) or (channels, height, width)."""
        return (self.layers[0].in_channels, *self.layers[0].in_size)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(layer.macs for layer in self.layers)

    def weight_bytes(self, bits: Sequence[int]) -> int:
        """Bytes of all weights, each layer rounded down, as the izer counts them.

        Source: izer log "Weight memory"; matches its figure on 211 networks (AI8X notes, 6).
        """
        self.check_bits(bits)
        return sum(
            layer.weight_count * width // 8 for layer, width in zip(self.layers, bits, strict=True)
        )

    @property
    def bias_bytes(self) -> int:
        """Bytes of all biases: one each, whatever the width of the weights."""
        return sum(layer.out_channels for layer in self.layers if layer.bias)

    def check_bits(self, bits: Sequence[int]) -> None:
        """Raises NetworkError unless there is one of the chip's widths for every layer."""
        if len(bits) != len(self.layers):
            raise NetworkError(
                f"bits must name {len(self.layers)} widths ({', '.join(self.names)}) but"
                f" {len(bits)} were given: {format_bits(bits)}"
            )
        for name, width in zip(self.names, bits, strict=True):
            if width not in WEIGHT_BITS:
                raise NetworkError(
                    f"bits of layer {name!r} must be one of 1, 2, 4, 8 but are {width}"
                )


@dataclass(frozen=True)
class LayerPlan:
    """A layer before its input shape is known; made by `conv` and `linear`."""

    name: str
    out_channels: int
    kernel: int = 0
    padding: int = 0
    pool: Pool | None = None
    activation: Activation = Activation.RELU
    bias: bool = True

    def operation(self, size: tuple[int, ...]) -> Operation:
        """What the layer is on an input of this spatial size."""
        if not self.kernel:
            return Operation.LINEAR
        if len(size) == 1:
            return Operation.CONV1D
        if len(size) == 2:
            return Operation.CONV2D
        raise NetworkError(
            f"layer {self.name!r}: a convolution needs an input with one or two axes but"
            f" the layer before leaves {len(size)}"
        )


def conv(
    name: str,
    out_channels: int,
    *,
    kernel: int,
    padding: int = 0,
    pool: Pool | None = None,
    activation: Activation = Activation.RELU,
    bias: bool = True,
) -> LayerPlan:
    """A convolution of stride 1 after optional pooling of its input.

    It is a conv1d on inputs (length,) and a conv2d with a square kernel on (height, width).
    """
    return LayerPlan(name, out_channels, kernel, padding, pool, activation, bias)


def linear(
    name: str,
    out_features: int,
    *,
    activation: Activation = Activation.RELU,
    bias: bool = True,
) -> LayerPlan:
    """A fully connected layer; flattens spatial data in front of it."""
    return LayerPlan(name, out_features, activation=activation, bias=bias)


def max_pool(size: int, stride: int | None = None) -> Pool:
    """The largest value of each window; stride defaults to the window's size."""
    return Pool(PoolKind.MAX, size, size if stride is None else stride)


def average_pool(size: int, stride: int | None = None) -> Pool:
    """The mean of each window, cut towards zero; stride defaults to the window's size."""
    return Pool(PoolKind.AVERAGE, size, size if stride is None else stride)


def format_bits(bits: Sequence[int]) -> str:
    """Bit widths as written everywhere: `8-8-2-4`, in layer order."""
    return "-".join(str(width) for width in bits)
