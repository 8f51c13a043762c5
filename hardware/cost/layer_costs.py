# SPDX-License-Identifier: Apache-2.0
"""What each layer contributes to the cost of a network."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from hardware.cost.energy import bit_factor, energy_work_of, inference_uj
from hardware.cost.latency import layer_cycles, work_of
from hardware.cost.model import CostModel
from hardware.layer import Combine, Layer
from hardware.network import Network
from hardware.placement.limits import kernel_words
from hardware.placement.memory_map import map_tensors


@dataclass(frozen=True)
class LayerCost:
    """One layer's part.

    Attributes:
        layer: Which.
        bits: Its weight width.
        cycles: By the cycle formula, pipeline stalls not counted.
        time_us: With stalls. The layers' times and the start make up the inference.
        energy_uj: Its part of the inference's energy; the start's part is not in any layer's.
        share: Of the layers' time, 0 to 1.
        weight_bytes: Its weights, before packing into words.
        kernel_words: Weight memory it takes in each processor it uses, in words of 9 bytes.
        data_bytes: Its output in the data memory of each group of 4 processors.
    """

    layer: Layer
    bits: int
    cycles: int
    time_us: float
    energy_uj: float
    share: float
    weight_bytes: int
    kernel_words: int
    data_bytes: int


def layer_costs(network: Network, bits: Sequence[int], model: CostModel) -> tuple[LayerCost, ...]:
    """Splits times and energies, which are linear in the layers' work, into the layers' parts.

    Raises:
        NetworkError: where the bits are not the network's.
    """
    network.check_bits(bits)
    numbers, mode = model.coefficients, model.mode
    factor = bit_factor(energy_work_of(network), bits)
    tensors = map_tensors(network)[1:]
    cycles = [layer_cycles(layer) for layer in network.layers]
    stalled = []
    energies = []
    for layer, formula in zip(network.layers, cycles, strict=True):
        alone = Network((dataclasses.replace(layer, sources=(), combine=Combine.CONCATENATE),))
        work = work_of(alone)
        taken = (
            formula
            + numbers.line_stall_cycles * work.line_pixels
            + numbers.plane_stall_cycles * work.plane_pixels
        )
        time_us = taken / mode.clock_hz * 1e6
        stalled.append(time_us)
        energies.append(inference_uj(energy_work_of(alone), numbers, taken, time_us, factor))
    return tuple(
        LayerCost(
            layer=layer,
            bits=bits[index],
            cycles=cycles[index],
            time_us=stalled[index],
            energy_uj=energies[index],
            share=stalled[index] / sum(stalled),
            weight_bytes=layer.weight_count * bits[index] // 8,
            kernel_words=kernel_words(layer, bits[index]),
            data_bytes=tensors[index].size,
        )
        for index, layer in enumerate(network.layers)
    )
