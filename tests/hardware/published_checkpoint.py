# SPDX-License-Identifier: Apache-2.0
"""The published checkpoint as an integer network."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hardware.integer import IntegerLayer, IntegerNetwork
from hardware.network import Network

KNOWN_ANSWER = [-972, 12214, -2093, -16013]
"""Accumulators that the published project for length 51 at 8-8-2-4 expects of its input."""


def published(network: Network, file: Path) -> tuple[IntegerNetwork, NDArray[np.int8]]:
    """The published checkpoint and its input: biases lie there times 2^(bits - 1)."""
    layers = []
    with np.load(file) as arrays:
        for layer in network.layers:
            bits = int(arrays[f"{layer.name}.weight_bits"][0])
            layers.append(
                IntegerLayer(
                    weights=arrays[f"{layer.name}.op.weight"].astype(np.int8),
                    bias=(arrays[f"{layer.name}.op.bias"] // 2 ** (bits - 1)).astype(np.int8),
                    bits=bits,
                    output_shift=int(arrays[f"{layer.name}.output_shift"][0]),
                )
            )
        inputs = arrays["input"].astype(np.int8)[np.newaxis]
    return IntegerNetwork(network, tuple(layers)), inputs
