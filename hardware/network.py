# SPDX-License-Identifier: Apache-2.0
"""The one description of a network: what is trained, priced, computed and exported."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from hardware.layer import (
    WEIGHT_BITS,
    Activation,
    Combine,
    Layer,
    NetworkError,
    Operation,
    Pool,
    PoolKind,
)


@dataclass(frozen=True)
class Network:
    """Layers in the order they are computed; each takes the one before it, or those it names.

    Raises:
        NetworkError: where a layer does not fit its sources, a name stands twice, or a layer other
            than the last is wide.
    """

    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        if not self.layers:
            raise NetworkError("a network must have at least one layer")
        names = [layer.name for layer in self.layers]
        for name in names:
            if names.count(name) > 1:
                raise NetworkError(f"two layers are called {name!r}")
        for index, layer in enumerate(self.layers):
            self._check_sources(index, layer)
            if layer.wide and index < len(self.layers) - 1:
                raise NetworkError(f"layer {layer.name!r}: only the last layer may be wide")

    def _check_sources(self, index: int, layer: Layer) -> None:
        """Raises NetworkError unless a layer's sources give what it takes."""
        shapes = []
        for source in self.sources(index):
            if not -1 <= source < index:
                raise NetworkError(
                    f"layer {layer.name!r}: its sources must be layers before it, -1 to"
                    f" {index - 1}, but one is {source}"
                )
            shapes.append(self._shape(source))
        channels = sum(shape[0] for shape in shapes)
        if layer.combine is not Combine.CONCATENATE:
            channels = shapes[0][0]
            if len(set(shapes)) != 1:
                raise NetworkError(f"layer {layer.name!r}: it combines unequal shapes {shapes}")
        taken = (layer.in_channels, layer.in_size)
        if any((channels, size) != taken for _, size in shapes):
            given = ", ".join(str(shape) for shape in shapes)
            raise NetworkError(
                f"layer {layer.name!r} takes channels and size {taken} but is given {given}"
            )

    def _shape(self, source: int) -> tuple[int, tuple[int, ...]]:
        if source == -1:
            return self.layers[0].in_channels, self.layers[0].in_size
        return self.layers[source].out_channels, self.layers[source].out_size

    def sources(self, index: int) -> tuple[int, ...]:
        """Where a layer's input comes from: places of layers, -1 for the network's input."""
        return self.layers[index].sources or (index - 1,)

    @property
    def is_plain_chain(self) -> bool:
        """Whether it is what can be trained: conv1d, conv2d and linear in a row, logits wide."""
        plain = (Operation.CONV1D, Operation.CONV2D, Operation.LINEAR)
        return self.layers[-1].wide and all(
            layer.operation in plain and not layer.sources and layer.groups == 1
            for layer in self.layers
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
                kernel=(plan.kernel,) * operation.kernel_axes,
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
