# SPDX-License-Identifier: Apache-2.0
"""Which bias memory holds which layer's biases."""

import math

from hardware.chips import Chip
from hardware.network import Network
from hardware.placement.processors import input_map, processors_used


def quadrants_in_use(network: Network, chip: Chip) -> int:
    """Quadrants that hold some layer's input or the network's output; only they hold biases."""
    spread = [input_map(network.layers[0]).bit_length()]
    spread += [processors_used(layer.in_channels) for layer in network.layers[1:]]
    spread.append(processors_used(network.layers[-1].out_channels))
    return math.ceil(max(spread) / (chip.processors // chip.quadrants))


def biases_by_quadrant(network: Network, chip: Chip) -> dict[int, int]:
    """Quadrant of each layer's biases, by the layer's place; layers without biases are not in it.

    In the order in which they are stored: the layer with the most biases goes first, each to the
    quadrant that is emptiest; where only one quadrant is in use, they keep the network's order.
    Biases of zero, which take no place, are not known here: every layer with a bias counts.

    **Source:** ai8x-synthesis, `izer/kbias.py`; equal to its figures on 230 networks.
    """
    layers = network.layers
    used = [0] * quadrants_in_use(network, chip)
    biased = [index for index, layer in enumerate(layers) if layer.bias]

    def rank(index: int) -> float:
        if chip.flatten_bias_first and layers[index].flatten:
            return -math.inf
        return -layers[index].out_channels if len(used) > 1 else 0

    biased.sort(key=rank)
    found = {}
    for index in biased:
        found[index] = used.index(min(used))
        used[found[index]] += layers[index].out_channels
    return found


def bias_bytes_by_quadrant(network: Network, chip: Chip) -> list[int]:
    """Bias memory that the layers take in each quadrant in use, in bytes."""
    used = [0] * quadrants_in_use(network, chip)
    for index, quadrant in biases_by_quadrant(network, chip).items():
        used[quadrant] += network.layers[index].out_channels
    return used
