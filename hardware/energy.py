# SPDX-License-Identifier: Apache-2.0
"""Energy of one inference: a prior, to be replaced by measurements."""

import math
from collections.abc import Sequence

from hardware.network import Network

POWER_MW = 167.0
"""Active power of the accelerator during inference at 1.0 V, in mW (uJ per ms)."""
OPERATION_PJ = 18.6
"""Energy of each output value and input channel at 1.0 V, in pJ.

Source of both: fit to seven measured MAX78002 networks (AN7664, table 4), residuals -10 ... +14 %.
"""
BOARD_VOLTAGE_FACTOR = 1.235
"""Energy at 1.1 V, as the MAX78002EVKIT is shipped, over energy at 1.0 V.

Source: AN7664, figures 6 to 11: 1.2 to 1.27.
"""
TWO_BIT_SAVING = 0.14
"""Share of the mean power that 2-bit weights save against 8-bit ones, at equal length.

Source: the indoor study's published energies (CHIPS notes, section 4). Between, by straight line.
"""
INPUT_POWER_MW = 70.0
"""Active power while loading at 50 MHz and 1.1 V. Source: CHIPS notes, section 4."""


def inference_uj(network: Network, bits: Sequence[int], inference_us: float) -> float:
    """Energy of one inference at 1.1 V in microjoules, idle power not counted.

    E = 1.235 (167 mW T + 18.6 pJ sum(out_channels out_pixels in_channels)) k, where k falls by
    14 % from all weights at 8 bits to all at 2 bits, each layer counting by its MACs. In-channels
    of a flattening layer count each flattened value. Fitted on the MAX78002; for the MAX78000 it
    gives an order of magnitude.
    """
    operations = sum(
        layer.out_channels * layer.out_pixels * math.prod(layer.weight_shape[1:2])
        for layer in network.layers
    )
    base = POWER_MW * inference_us / 1e3 + OPERATION_PJ * operations / 1e6
    saved = sum(
        layer.macs * (8 - width) / 6 for layer, width in zip(network.layers, bits, strict=True)
    )
    return BOARD_VOLTAGE_FACTOR * base * (1 - TWO_BIT_SAVING * saved / network.macs)


def input_uj(input_us: float) -> float:
    """Energy of copying one input, in microjoules, idle power not counted."""
    return INPUT_POWER_MW * input_us / 1e3
