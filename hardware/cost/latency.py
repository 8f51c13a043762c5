# SPDX-License-Identifier: Apache-2.0
"""Cycles of one inference, and the counts a time is made of.

The cycle formula has no term for weight bits: fewer bits do not make an inference faster on these
chips, a shorter input does.
"""

import math
from dataclasses import dataclass

from hardware.cost.coefficients import CACHED_WORDS, Coefficients
from hardware.cost.load_words import InputFormat, input_words
from hardware.cost.mode import InputCopy, Mode
from hardware.layer import Layer, Operation
from hardware.network import Network
from hardware.placement.processors import passes, processors_used

START_CYCLES = 1
"""Cycles before the first layer. Source: izer latency total."""

PREPARE_FIXED_US = 0.5
PREPARE_VALUE_US = 0.255
"""Preparing an input on the core: fixed part, and for each value of the input.

Source: the indoor study's 52, 27 and 3 us for 202, 102 and 10 values.
"""
SOFTMAX_LOGIT_US = 1.25
"""Softmax on the core, for each logit. Source: the indoor study's 5.0 us for 4 logits; that it
grows with their number is assumed."""


def layer_cycles(layer: Layer) -> int:
    """Cycles of one layer without pipeline stalls, by the izer's formula.

    A conv1d is a conv2d with one column; a transposed one is a conv2d on twice the rows and
    columns; a linear layer is a 1x1 convolution, over one pixel or, when it flattens, over every
    pixel of its input. A depthwise convolution writes one slot a pass. One output slot in one pass
    costs a cycle more for every output row. Streaming takes 1.5 times as long, which is a guess of
    the izer's (21 % high on one measured network). Layers
    that combine operands and pool them are counted as if they pooled first, which the izer counts a
    little otherwise.

    **Source:** ai8x-synthesis, `izer/latency.py` (switched on there for the MAX78000 only);
    within 0.5 % of three measured MAX78000 networks.
    """
    if layer.operation is Operation.PASSTHROUGH:
        total = _passthrough_cycles(layer)
    elif layer.operation is Operation.LINEAR:
        total = _linear_cycles(layer)
    else:
        total = _convolution_cycles(layer)
    return (15 * total + 9) // 10 if layer.streaming else total


def _passthrough_cycles(layer: Layer) -> int:
    rounds = passes(layer.in_channels)
    if layer.pool and layer.pool.size > 1 and passes(layer.out_channels) > 1:
        rounds = 2 * rounds - 1
    data = rounds * layer.operands * (_window(layer) + 1)
    slots = math.ceil(min(processors_used(layer.out_channels), 16) / 4)
    return math.prod(layer.pooled_size) * (data + rounds * slots)


def _linear_cycles(layer: Layer) -> int:
    rounds = passes(layer.in_channels)
    single = int(layer.out_channels == 1 and rounds == 1)
    data = 2 * layer.operands
    if layer.flatten:
        pixels = math.prod(layer.in_size)
        row_ends = layer.in_size[0] * single
        ends = row_ends + int(rounds * pixels > 16)
        return pixels * rounds * (layer.out_channels + data) + ends
    return rounds * (_output_slots(layer) + data) + single


def _convolution_cycles(layer: Layer) -> int:
    rounds = passes(layer.in_channels)
    slots = _output_slots(layer)
    rows, columns = _rows_and_columns(_stretched_size(layer))
    kernel_rows, kernel_columns = _rows_and_columns(layer.kernel)
    out_columns = _rows_and_columns(layer.out_size)[1]
    pad_rows = layer.padding
    pad_columns = layer.padding if len(layer.in_size) == 2 else 0
    pad = 2 * rounds * layer.operands
    data = rounds * layer.operands * (_window(layer) + 1)
    edge = 2 * pad_columns * (pad + 1)
    lead_in = kernel_columns - 1 - pad_columns
    inner = out_columns - pad_columns
    side = pad_columns * (2 * pad + 1)
    output = rounds * out_columns * slots + int(slots == 1 and rounds == 1)
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


def _output_slots(layer: Layer) -> int:
    if layer.groups > 1:
        return 1
    return passes(layer.out_channels) * processors_used(layer.out_channels)


def _window(layer: Layer) -> int:
    return layer.pool.size ** len(layer.in_size) if layer.pool else 1


def _stretched_size(layer: Layer) -> tuple[int, ...]:
    """What the kernel moves over: the pooled input, at twice its size where transposed."""
    twice = 2 if layer.operation is Operation.CONVTRANSPOSE2D else 1
    return tuple(twice * size for size in layer.pooled_size)


def _rows_and_columns(size: tuple[int, ...]) -> tuple[int, int]:
    return (size[0], size[1]) if len(size) == 2 else (size[0], 1)


@dataclass(frozen=True)
class Work:
    """What a network asks of the clock: counts, whatever the mode and the bits.

    Attributes:
        cycles: The cycle formula's.
        line_pixels: Pooled pixels times passes, of layers along one axis and linear ones.
        plane_pixels: The same of layers along two axes.
        input_words: 32-bit words of one input.
    """

    cycles: int
    line_pixels: int
    plane_pixels: int
    input_words: int


def work_of(network: Network, input_format: InputFormat | None = None) -> Work:
    """Counts a network's work; its input is stored as `load_words.input_words` says."""
    pixels = [0, 0]
    for layer in network.layers:
        plane = len(layer.in_size) == 2 and layer.operation is not Operation.LINEAR
        pixels[plane] += math.prod(_stretched_size(layer)) * passes(layer.in_channels)
    cycles = START_CYCLES + sum(layer_cycles(layer) for layer in network.layers)
    return Work(cycles, pixels[0], pixels[1], input_words(network, input_format))


def inference_cycles(work: Work, coefficients: Coefficients) -> float:
    """Cycles of one inference: the formula's, and those in which the pipeline stalls."""
    return (
        work.cycles
        + coefficients.line_stall_cycles * work.line_pixels
        + coefficients.plane_stall_cycles * work.plane_pixels
    )


def inference_us(work: Work, coefficients: Coefficients, mode: Mode) -> float:
    """Time of one inference in microseconds, the input already in the data memory."""
    return coefficients.start_us + inference_cycles(work, coefficients) / mode.clock_hz * 1e6


def time_terms(work: Work, mode: Mode) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """What the coefficients are multiplied by, in TIME_NAMES' order.

    Returns:
        Terms of one inference, to which `cycles / clock` are added, and terms of copying an input.
    """
    cycle_us = 1e6 / mode.clock_hz
    inference = (1.0, work.line_pixels * cycle_us, work.plane_pixels * cycle_us, 0.0, 0.0, 0.0)
    words = float(work.input_words)
    if mode.input_copy is InputCopy.EXAMPLE and work.input_words > CACHED_WORDS:
        return inference, (0.0, 0.0, 0.0, 1.0, 0.0, words)
    return inference, (0.0, 0.0, 0.0, 1.0, words, 0.0)


def input_us(work: Work, coefficients: Coefficients, mode: Mode) -> float:
    """Time to copy one input into the accelerator, in microseconds."""
    terms = time_terms(work, mode)[1]
    return sum(term * value for term, value in zip(terms, coefficients.times, strict=True))


def preparation_us(network: Network) -> float:
    """Time the core takes to prepare one input, in microseconds; not part of a latency."""
    return PREPARE_FIXED_US + PREPARE_VALUE_US * math.prod(network.input_shape)


def softmax_us(network: Network) -> float:
    """Time the core takes for softmax over the outputs, in microseconds; not part of a latency."""
    return SOFTMAX_LOGIT_US * network.layers[-1].out_channels
