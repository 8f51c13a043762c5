# SPDX-License-Identifier: Apache-2.0
"""Whether what the izer made computes what was scored: everything is compared, bit for bit."""

from collections.abc import Iterator

from hardware.chips import Chip
from hardware.izer.headers import (
    expected_output,
    kernel_memory,
    read_array,
    read_header,
    sample_values,
)
from hardware.izer.memory_image import first_misplaced, output_words, quadrant_biases
from hardware.izer.project import Project
from hardware.izer.synthesis import Synthesis
from hardware.placement.processors import passes

PROVEN = (
    "known answer",
    "sample input",
    "weights in weights.h",
    "biases in weights.h",
    "bytes of weights and biases",
    "multiply-accumulates",
)
"""What `differences` compares."""


def differences(project: Project, chip: Chip, made: Synthesis) -> Iterator[str]:
    """What of a synthesized project is not as scored, a line each; none where all is.

    Compared are: the known answer in `sampleoutput.h` with our integer reference, the sample in
    `sampledata.h` with the one given, every weight and bias in `weights.h` with the place from
    which the accelerator reads it, the bytes of both with the cost model's, and the
    multiply-accumulates.

    Args:
        project: What the izer was given.
        chip: For which chip.
        made: What it made.

    Raises:
        IzerError: where a file of it is missing or damaged.
    """
    integers, places = project.integers, project.places(chip)
    network = integers.network
    outputs = project.outputs()
    answer = expected_output(read_array(made.folder / "sampleoutput.h", "SAMPLE_OUTPUT"))
    if answer != output_words(outputs[-1], network.layers[-1], places[-1], chip):
        yield "the known answer is not our integer reference's"
    sample = sample_values(
        read_header(made.folder / "sampledata.h"),
        network.input_shape,
        chw=places[0].chw,
        passes=passes(network.layers[0].in_channels),
    )
    if sample.tolist() != project.sample.tolist():
        yield "sampledata.h does not hold the sample input"
    kernels = read_array(made.folder / "weights.h", "KERNELS")
    misplaced = first_misplaced(integers, places, kernel_memory(kernels, chip))
    if misplaced is not None:
        yield f"weights.h does not hold the weights of {misplaced} where the chip reads them"
    arrays = read_header(made.folder / "weights.h")
    biases = quadrant_biases(integers, chip)
    for quadrant, wanted in enumerate(biases):
        if arrays.get(f"BIAS_{quadrant}", []) != list(wanted):
            yield f"weights.h does not hold the biases of quadrant {quadrant}"
    for what, ours, its in (
        ("bytes of weights", network.weight_bytes(integers.bits), made.weight_bytes),
        ("bytes of biases", sum(map(len, biases)), made.bias_bytes),
        ("multiply-accumulates", network.macs, made.macs),
    ):
        if ours != its:
            yield f"the izer counts {its:,} {what}, not {ours:,}"
