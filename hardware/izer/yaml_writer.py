# SPDX-License-Identifier: Apache-2.0
"""Writes a placed network as the izer's network YAML.

**Source:** ai8x-synthesis, README "YAML Network Description"; AI8X notes, 4.1 for the keys whose
defaults surprise: `pad`, `quantization`, `pool_first`.
"""

import json
from collections.abc import Iterator, Sequence

import yaml

from hardware.layer import Combine, Layer, Operation
from hardware.network import Network
from hardware.placement.plan import LayerPlace

NOTE = "Written by mpqsearch; export again instead of editing."
WIDE_BITS = 32
RESERVED_NAMES = {"input", "stop"}
"""Names that mean something else to the izer. **Source:** `izer/yamlcfg.py`."""


def network_yaml(
    network: Network, bits: Sequence[int], places: Sequence[LayerPlace], arch: str, about: str
) -> str:
    """The YAML text.

    Args:
        network: The layers.
        bits: Width at which each layer's weights are held.
        places: Where they lie; `place` gives them.
        arch: The architecture's name; the checkpoint must carry the same.
        about: One line on what it is, for people.

    A layer whose name the izer would not take has none there: `input`, `stop`, and one that differs
    from an earlier one in nothing but capitals.
    """
    lines = [f"# {one_line(about)}", f"# {NOTE}", "---"]
    lines += [f"arch: {_string(arch)}", "dataset: none", "", "layers:"]
    for index, layer in enumerate(network.layers):
        lines.append(f"  # {_shapes(layer, bits[index])}")
        mark = "  - "
        for key, value in _entries(network, index, bits[index], places[index]):
            lines.append(f"{mark}{key}: {value}")
            mark = "    "
    return "\n".join(lines) + "\n"


def one_line(text: str) -> str:
    """A text as what may stand in a comment: one line, without signs that YAML refuses."""
    line = " ".join(text.split())
    return "".join(sign if sign.isprintable() else "?" for sign in line)


def _entries(
    network: Network, index: int, bits: int, place: LayerPlace
) -> Iterator[tuple[str, object]]:
    layer = network.layers[index]
    if _takes_name(network, index):
        yield "name", _string(layer.name)
    yield "operation", layer.operation.value
    if layer.kernel:
        square = "x".join(str(taps) for taps in layer.kernel)
        yield "kernel_size", layer.kernel[0] if len(layer.kernel) == 1 else square
        yield "pad", layer.padding
    if layer.pool is not None:
        yield layer.pool.kind.value, layer.pool.size
        yield "pool_stride", layer.pool.stride
        # combined first, then pooled; the izer's own default is the other way round
        if layer.operands > 1 and layer.pool.size > 1:
            yield "pool_first", "false"
    if layer.operation is not Operation.PASSTHROUGH:
        yield "activate", layer.activation.value
        yield "quantization", bits
    if layer.flatten:
        yield "flatten", "true"
    if layer.wide:
        yield "output_width", WIDE_BITS
    if layer.sources and layer.sources != (index - 1,):
        yield "in_sequences", list(layer.sources)
    if layer.combine is not Combine.CONCATENATE:
        yield "eltwise", layer.combine.value
        yield "operands", layer.operands
    if index == 0:
        yield "data_format", "CHW" if place.chw else "HWC"
    yield "processors", f"0x{place.processors:016x}"
    yield "output_processors", f"0x{place.output_processors:016x}"
    yield "in_offset", f"0x{place.read.offset:04x}"
    yield "out_offset", f"0x{place.write.offset:04x}"
    if place.read_gap:
        yield "read_gap", place.read_gap
    if place.write_gap:
        yield "write_gap", place.write_gap


def _takes_name(network: Network, index: int) -> bool:
    earlier = {name.lower() for name in network.names[:index]}
    return network.names[index].lower() not in RESERVED_NAMES | earlier


def _string(text: str) -> str:
    """A text as YAML reads it back as one: in quotes where it would be a number or truth value."""
    return text if yaml.safe_load(text) == text else json.dumps(text)


def _shapes(layer: Layer, bits: int) -> str:
    taken = "x".join(map(str, (layer.in_channels, *layer.in_size)))
    given = "x".join(map(str, (layer.out_channels, *layer.out_size)))
    weights = f", {bits}-bit weights" if layer.weight_shape else ""
    return f"{taken} -> {given}{weights}"
