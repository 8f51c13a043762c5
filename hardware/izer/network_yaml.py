# SPDX-License-Identifier: Apache-2.0
"""Reads an ai8x network YAML, with the shapes of its weights, as a Network.

**Source:** ai8x-synthesis, README "YAML Network Description" and `izer/yamlcfg.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hardware.cost.load_words import InputFormat
from hardware.layer import (
    Activation,
    Combine,
    Layer,
    NetworkError,
    Operation,
    Pool,
    PoolKind,
)
from hardware.nearest import nearest_of
from hardware.network import Network

_OPERATIONS = {
    "conv1d": Operation.CONV1D,
    "conv2d": Operation.CONV2D,
    "convtranspose2d": Operation.CONVTRANSPOSE2D,
    "mlp": Operation.LINEAR,
    "linear": Operation.LINEAR,
    "fc": Operation.LINEAR,
    "none": Operation.PASSTHROUGH,
    "passthrough": Operation.PASSTHROUGH,
}
_DEFAULT_KERNEL = {
    Operation.CONV1D: (9,),
    Operation.CONV2D: (3, 3),
    Operation.CONVTRANSPOSE2D: (3, 3),
}
_ACTIVATIONS = {"none": Activation.NONE, "relu": Activation.RELU, "abs": Activation.ABS}
_ELEMENTWISE = {"add": Combine.ADD, "sub": Combine.SUBTRACT, "xor": Combine.XOR, "or": Combine.OR}
# Where data lie and how they are written: it decides neither what is computed nor what it costs.
_PLACEMENT_KEYS = {
    "processors",
    "output_processors",
    "out_offset",
    "in_offset",
    "in_skip",
    "write_gap",
    "read_gap",
    "data_format",
    "name",
    "in_channels",
    "dataset",
    "output",
    "output_shift",
    "weight_source",
    "bias_group",
    "next_sequence",
    "in_crop",
    "calcx4",
    "readahead",
    "simulated_sequence",
}
_MEANT_KEYS = {
    "op",
    "operation",
    "operator",
    "convolution",
    "kernel_size",
    "pad",
    "max_pool",
    "avg_pool",
    "pool_stride",
    "pool_first",
    "activate",
    "activation",
    "quantization",
    "groups",
    "eltwise",
    "operands",
    "in_sequences",
    "in_dim",
    "flatten",
    "output_width",
    "streaming",
    "dilation",
    "stride",
}


@dataclass(frozen=True)
class Ai8xNetwork:
    """A network as a YAML file and a checkpoint describe it.

    Attributes:
        network: Its layers.
        bits: Weight width of each layer, in order; 8 where a layer has no weights.
        input_format: How the input lies in words: HWC unless the first layer says CHW.
    """

    network: Network
    bits: tuple[int, ...]
    input_format: InputFormat


def read_network_yaml(
    path: Path, weight_shapes: Sequence[tuple[int, ...]], input_shape: tuple[int, ...]
) -> Ai8xNetwork:
    """Reads a network YAML.

    Args:
        path: The file.
        weight_shapes: Shapes of the weights, in the checkpoint's order: (out, in, *kernel) of
            convolutions, (in, out, *kernel) of transposed ones, (out, in) of linear layers. Layers
            that pass data through have none.
        input_shape: (channels, length) or (channels, height, width).

    Raises:
        NetworkError: for a file that cannot be read, or that says what is not supported.
    """
    try:
        written = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        line = " ".join(str(error).split())
        raise NetworkError(f"network file {path} cannot be read: {line}") from None
    if not isinstance(written, dict) or not isinstance(written.get("layers"), list):
        raise NetworkError(f"network file {path} must hold a list `layers:`")
    reader = _Reader(path, list(weight_shapes), input_shape)
    for entry in written["layers"]:
        reader.add(entry)
    if reader.shapes:
        raise NetworkError(
            f"network file {path}: the checkpoint has {len(weight_shapes)} weights but the layers"
            f" take {len(weight_shapes) - len(reader.shapes)}"
        )
    chw = str(written["layers"][0].get("data_format", "HWC")).upper() == InputFormat.CHW.value
    return Ai8xNetwork(
        Network(tuple(reader.layers)),
        tuple(reader.bits),
        InputFormat.CHW if chw else InputFormat.HWC,
    )


class _Reader:
    """Works out shapes from layer to layer, as the izer does."""

    def __init__(
        self, path: Path, shapes: list[tuple[int, ...]], input_shape: tuple[int, ...]
    ) -> None:
        self.path = path
        self.shapes = shapes
        self.input_shape = input_shape
        self.layers: list[Layer] = []
        self.bits: list[int] = []
        self.names: dict[str, int] = {"input": -1}

    def add(self, entry: Any) -> None:
        """Reads the next layer."""
        if not isinstance(entry, dict):
            raise self._wrong(f"must be a mapping but is {entry!r}")
        known = _MEANT_KEYS | _PLACEMENT_KEYS
        for key in entry:
            if key not in known:
                raise self._wrong(f"unknown key {key!r}{nearest_of(str(key), known)}")
        operation = self._operation(entry)
        sources, combine = self._sources(entry)
        channels, size = self._incoming(sources, combine)
        size = self._resized(entry, channels, size)
        pool = self._pool(entry)
        kernel = self._kernel(entry, operation)
        groups = int(entry.get("groups", 1))
        out_channels, operation, kernel, size = self._outgoing(
            entry, operation, channels, size, kernel
        )
        width = int(entry.get("output_width", 8))
        activation = self._activation(entry)
        passing = operation is Operation.PASSTHROUGH
        try:
            layer = Layer(
                name=f"layer{len(self.layers)}",
                operation=operation,
                in_channels=channels,
                in_size=size,
                out_channels=out_channels,
                kernel=kernel,
                padding=0 if not kernel else int(entry.get("pad", 1)),
                pool=pool,
                activation=Activation.NONE if passing else activation,
                bias=not passing,
                wide=width == 32,
                sources=sources,
                combine=combine,
                groups=groups,
                streaming=bool(entry.get("streaming", False)),
            )
        except NetworkError as error:
            raise self._wrong(str(error)) from None
        self.names[str(entry.get("name", layer.name)).lower()] = len(self.layers)
        self.layers.append(layer)
        self.bits.append(8 if passing else int(entry.get("quantization", 8)))

    def _operation(self, entry: dict[str, Any]) -> Operation:
        word = next(
            (entry[key] for key in ("operation", "op", "operator", "convolution") if key in entry),
            "conv2d",
        )
        found = _OPERATIONS.get(str(word).lower())
        if found is None:
            raise self._wrong(
                f"operation {word!r} is not known{nearest_of(str(word), _OPERATIONS)}"
            )
        return found

    def _sources(self, entry: dict[str, Any]) -> tuple[tuple[int, ...], Combine]:
        written = entry.get("in_sequences", [])
        listed = written if isinstance(written, list) else [written]
        sources = tuple(self._source(one) for one in listed)
        if sources == (len(self.layers) - 1,):
            sources = ()
        elementwise = entry.get("eltwise")
        if elementwise is None:
            return sources, Combine.CONCATENATE
        combine = _ELEMENTWISE.get(str(elementwise).lower())
        if combine is None:
            raise self._wrong(f"eltwise {elementwise!r} must be one of {', '.join(_ELEMENTWISE)}")
        operands = int(entry.get("operands", max(len(sources), 2)))
        if len(sources) != operands:
            raise self._wrong(
                f"eltwise takes {operands} operands but in_sequences names {len(sources)}; operands"
                " interleaved in one tensor are not supported"
            )
        return sources, combine

    def _source(self, written: Any) -> int:
        if isinstance(written, int):
            return written
        found = self.names.get(str(written).lower())
        if found is None:
            raise self._wrong(
                f"in_sequences names {written!r}{nearest_of(str(written), self.names)}"
            )
        return found

    def _incoming(self, sources: tuple[int, ...], combine: Combine) -> tuple[int, tuple[int, ...]]:
        taken = sources or (len(self.layers) - 1,)
        shapes = []
        for source in taken:
            if not -1 <= source < len(self.layers):
                raise self._wrong(f"in_sequences names layer {source}, which is not before it")
            if source == -1:
                shapes.append((self.input_shape[0], self.input_shape[1:]))
            else:
                layer = self.layers[source]
                shapes.append((layer.out_channels, layer.out_size))
        if combine is Combine.CONCATENATE:
            return sum(channels for channels, _ in shapes), shapes[0][1]
        return shapes[0]

    def _resized(
        self, entry: dict[str, Any], channels: int, size: tuple[int, ...]
    ) -> tuple[int, ...]:
        written = entry.get("in_dim")
        if written is None:
            return size
        wanted = tuple(written) if isinstance(written, list) else (int(written),)
        if _pixels(wanted) != _pixels(size):
            raise self._wrong(
                f"in_dim {written} does not hold the {channels} x {size} that come in"
            )
        return wanted

    def _pool(self, entry: dict[str, Any]) -> Pool | None:
        for key, kind in (("max_pool", PoolKind.MAX), ("avg_pool", PoolKind.AVERAGE)):
            if key in entry:
                size = entry[key]
                if isinstance(size, list):
                    if len(set(size)) != 1:
                        raise self._wrong(f"{key} {size} is not square, which is not supported")
                    size = size[0]
                return Pool(kind, int(size), int(entry.get("pool_stride", 1)))
        stride = int(entry.get("pool_stride", 1))
        return None if stride == 1 else Pool(PoolKind.MAX, 1, stride)

    def _kernel(self, entry: dict[str, Any], operation: Operation) -> tuple[int, ...]:
        if not operation.kernel_axes:
            return ()
        if int(entry.get("dilation", 1)) != 1:
            raise self._wrong("dilation is not supported")
        written = entry.get("kernel_size")
        if written is None:
            return _DEFAULT_KERNEL[operation]
        kernel = tuple(int(part) for part in str(written).lower().split("x"))
        return kernel if len(kernel) == operation.kernel_axes else kernel * operation.kernel_axes

    def _activation(self, entry: dict[str, Any]) -> Activation:
        written = str(entry.get("activate", entry.get("activation", "None")))
        found = _ACTIVATIONS.get(written.lower())
        if found is None:
            raise self._wrong(f"activation {written!r} must be one of {', '.join(_ACTIVATIONS)}")
        return found

    def _outgoing(
        self,
        entry: dict[str, Any],
        operation: Operation,
        channels: int,
        size: tuple[int, ...],
        kernel: tuple[int, ...],
    ) -> tuple[int, Operation, tuple[int, ...], tuple[int, ...]]:
        """Channels going out, from the next weights; a linear layer over an image is a 1x1 conv."""
        if operation is Operation.PASSTHROUGH:
            return channels, operation, kernel, size
        if not self.shapes:
            raise self._wrong("the checkpoint has no more weights for it")
        shape = self.shapes.pop(0)
        out_axis, in_axis = (1, 0) if operation is Operation.CONVTRANSPOSE2D else (0, 1)
        taken = channels
        if operation is Operation.LINEAR:
            if entry.get("flatten"):
                taken *= _pixels(size)
            elif _pixels(size) > 1:
                operation, kernel = Operation.CONV2D, (1, 1)
            else:
                size = ()
        groups = int(entry.get("groups", 1))
        if len(shape) < 2 or shape[in_axis] * groups != taken:
            raise self._wrong(f"the checkpoint's weights {shape} do not take {taken} inputs")
        return shape[out_axis], operation, kernel, size

    def _wrong(self, problem: str) -> NetworkError:
        return NetworkError(f"network file {self.path}, layer {len(self.layers)}: {problem}")


def _pixels(size: tuple[int, ...]) -> int:
    found = 1
    for part in size:
        found *= part
    return found
