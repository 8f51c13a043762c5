# SPDX-License-Identifier: Apache-2.0
"""Cycles and time of one inference.

The cycle formula has no term for weight bits: fewer bits do not make an inference faster on these
chips, a shorter input does.
"""

import math

from hardware.chips import Chip
from hardware.layer import Layer, Operation
from hardware.network import Network
from hardware.processors import passes, processors_used

START_CYCLES = 1
"""Cycles before the first layer. Source: izer latency total."""

INPUT_FIXED_US = 1.3
INPUT_WORD_US = 0.12
"""Copying the input by the core: fixed part, and for each 32-bit word, at 120 MHz.

Source: difference of "input + inference" and "inference" of the indoor network at three lengths
(CHIPS notes, section 2): 7.7 us at L = 101, 4.5 us at L = 51.
"""


def layer_cycles(layer: Layer) -> int:
    """Cycles of one layer without pipeline stalls, by the izer's formula.

    A conv1d is a conv2d with one column; a linear layer is a 1x1 convolution, over one pixel or,
    when it flattens, over every pixel of its input. One output channel in one pass costs a cycle
    more for every output row.

    **Source:** ai8x-synthesis, `izer/latency.py` (switched on there for the MAX78000 only);
    within 0.5 % of three measured MAX78000 networks. Streaming is not covered.
    """
    rounds = passes(layer.in_channels)
    single = int(layer.out_channels == 1 and rounds == 1)
    if layer.flatten:
        pixels = math.prod(layer.in_size)
        row_ends = layer.in_size[0] * single
        return pixels * rounds * (layer.out_channels + 2) + row_ends + int(rounds * pixels > 16)
    out_channels = passes(layer.out_channels) * processors_used(layer.out_channels)
    if layer.operation is Operation.LINEAR:
        return rounds * (out_channels + 2) + single
    rows, columns = _rows_and_columns(layer.pooled_size)
    kernel_rows, kernel_columns = _rows_and_columns(layer.kernel)
    out_columns = _rows_and_columns(layer.out_size)[1]
    pad_rows = layer.padding
    pad_columns = layer.padding if layer.operation is Operation.CONV2D else 0
    window = layer.pool.size**layer.operation.kernel_axes if layer.pool else 1
    pad = 2 * rounds
    data = rounds * (window + 1)
    edge = 2 * pad_columns * (pad + 1)
    lead_in = kernel_columns - 1 - pad_columns
    inner = out_columns - pad_columns
    side = pad_columns * (2 * pad + 1)
    output = rounds * out_columns * out_channels + single
    first_row = edge + columns * (pad + 1)
    row_without_output = edge + columns * (data + 1)
    row = side + lead_in * (data + 1) + inner * data + output
    last_row = side + lead_in * (pad + 1) + inner * pad + output
    rows_without_output = kernel_rows - 1 - pad_rows
    return (
        pad_rows * (first_row + last_row)
        + rows_without_output * row_without_output
        + (rows - rows_without_output) * row
    )


def inference_cycles(network: Network, chip: Chip) -> float:
    """Cycles of one inference: the formula's, and the chip's measured overheads.

    cycles = 1 + sum(layer cycles) + max(c0 + c1 sum(pooled pixels * passes), least)
    """
    formula = START_CYCLES + sum(layer_cycles(layer) for layer in network.layers)
    pixels = sum(
        math.prod(layer.pooled_size) * passes(layer.in_channels) for layer in network.layers
    )
    overhead = chip.overhead_cycles + chip.pixel_overhead_cycles * pixels
    return formula + max(overhead, chip.least_overhead_cycles)


def inference_us(network: Network, chip: Chip) -> float:
    """Time of one inference in microseconds, the input already in the data memory."""
    return inference_cycles(network, chip) / chip.clock_hz * 1e6


def input_words(network: Network) -> int:
    """32-bit words of one input: by channel (CHW) up to 16 channels, else 4 channels a word."""
    channels, *size = network.input_shape
    pixels = math.prod(size)
    if channels <= 16:
        return channels * math.ceil(pixels / 4)
    return math.ceil(channels / 4) * pixels


def input_us(network: Network) -> float:
    """Time to copy one input into the accelerator, in microseconds."""
    return INPUT_FIXED_US + INPUT_WORD_US * input_words(network)


def _rows_and_columns(size: tuple[int, ...]) -> tuple[int, int]:
    return (size[0], size[1]) if len(size) == 2 else (size[0], 1)
