# SPDX-License-Identifier: Apache-2.0
"""The two chips: one table of constants each."""

from dataclasses import dataclass

from hardware.nearest import nearest_of


class ChipError(ValueError):
    """A chip that is not one of ours."""


@dataclass(frozen=True)
class Chip:
    """Limits and clocks of one microcontroller with a CNN accelerator.

    **Source**, where a field names none: ai8x-synthesis, `izer/tornadocnn.py`.

    Attributes:
        name: The part's name, as the izer's `--device` takes it.
        quadrants: Groups of 16 processors; each has one bias memory.
        kernel_words: Weight memory of every processor, in words of 9 bytes (72 bits).
        first_processor_kernel_words: Weight memory of the first processor of a quadrant; what is
            above `kernel_words` serves only layers with one input channel.
        weight_memory_bytes: Weight memory of the whole device. Source: ai8x-training README.
        bias_bytes_per_quadrant: Bias memory of one quadrant; a layer's biases lie in one.
        data_instance_bytes: Data memory shared by 4 processors.
        max_layers: Layers of one network.
        max_dimension: Rows or columns of any layer's data.
        padding_counts: Whether a layer's padding counts in its input's rows and columns.
        max_channels: Channels into or out of a layer.
        max_input_passes: Passes over 64 channels at a time, flattening layers aside.
        padded_multipass_conv1d: Whether a padded conv1d may have more than 64 input channels.
        depthwise: Whether a convolution may keep all its channels apart.
        pools_passes: Most passes over which a layer without weights may pool.
        adds_passes: Most operands times passes that a convolution or pooling layer may combine,
            where there are several of both.
        adds_with_bias: Whether a convolution that combines operands may have a bias.
        read_gap: Whether a layer may read one operand out of several interleaved ones.
        pool_reset: Whether average pooling right after combined operands takes a layer more.
        flatten_bias_first: Whether biases of flattening layers are placed before all others.
        clock_hz: Clock of the accelerator during inference, as the generated code sets it.
            Source: application note AN7664 (MAX78002), board documentation (MAX78000).
        core_clock_hz: Clock of the Cortex-M4F that loads weights and inputs. Source: board
            documentation, AN7664.
    """

    name: str
    kernel_words: int
    first_processor_kernel_words: int
    weight_memory_bytes: int
    bias_bytes_per_quadrant: int
    data_instance_bytes: int
    max_layers: int
    max_dimension: int
    padding_counts: bool
    padded_multipass_conv1d: bool
    depthwise: bool
    pools_passes: int
    adds_passes: int
    adds_with_bias: bool
    read_gap: bool
    pool_reset: bool
    flatten_bias_first: bool
    clock_hz: int
    core_clock_hz: int
    quadrants: int = 4
    processors: int = 64
    max_channels: int = 1024
    max_input_passes: int = 16


MAX78000 = Chip(
    name="MAX78000",
    kernel_words=768,
    first_processor_kernel_words=768,
    weight_memory_bytes=442_368,
    bias_bytes_per_quadrant=512,
    data_instance_bytes=32_768,
    max_layers=32,
    max_dimension=1024,
    padding_counts=True,
    padded_multipass_conv1d=True,
    depthwise=False,
    pools_passes=1,
    adds_passes=4,
    adds_with_bias=True,
    read_gap=False,
    pool_reset=False,
    flatten_bias_first=True,
    clock_hz=50_000_000,
    core_clock_hz=100_000_000,
)

MAX78002 = Chip(
    name="MAX78002",
    kernel_words=4096,
    first_processor_kernel_words=5120,
    weight_memory_bytes=2_396_160,
    bias_bytes_per_quadrant=2048,
    data_instance_bytes=81_920,
    max_layers=128,
    max_dimension=2048,
    padding_counts=False,
    padded_multipass_conv1d=False,
    depthwise=True,
    pools_passes=16,
    adds_passes=256,
    adds_with_bias=False,
    read_gap=True,
    pool_reset=True,
    flatten_bias_first=False,
    clock_hz=200_000_000,
    core_clock_hz=120_000_000,
)

CHIPS = {chip.name: chip for chip in (MAX78000, MAX78002)}


def chip_named(name: str) -> Chip:
    """Finds a chip by its part name, in any case.

    Raises:
        ChipError: where there is none of that name; the message names the nearest.
    """
    chip = CHIPS.get(name.upper())
    if chip is None:
        raise ChipError(
            f"chip must be one of {', '.join(CHIPS)} but is {name!r}{nearest_of(name, CHIPS)}"
        )
    return chip
