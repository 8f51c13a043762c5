# SPDX-License-Identifier: Apache-2.0
"""Energy of loading and of one inference, idle power not counted: a prior, then calibrated."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hardware.cost.coefficients import Coefficients
from hardware.network import Network

TWO_BIT_SAVING = 0.175
"""Share of the dynamic energy that 2-bit weights save against 8-bit ones; between, a straight line.

Source: the indoor study's mean power fell by 14 % with its fully connected weights at 2 bits (CHIPS
notes, section 4); they are 85 % of the multiply-accumulates, and 93 % of the power is dynamic.
"""


@dataclass(frozen=True)
class EnergyWork:
    """What a network asks of the supply, whatever its bits.

    Attributes:
        operations: Output values times input channels, summed over the layers; of a flattening
            layer each flattened value is a channel.
        mac_shares: Each layer's share of the multiply-accumulates.
    """

    operations: int
    mac_shares: tuple[float, ...]


def energy_work_of(network: Network) -> EnergyWork:
    """Counts what energies depend on besides time."""
    operations = sum(
        layer.out_channels * layer.out_pixels * math.prod(layer.weight_shape[1:2])
        for layer in network.layers
        if layer.weight_shape
    )
    macs = max(network.macs, 1)
    return EnergyWork(operations, tuple(layer.macs / macs for layer in network.layers))


def bit_factor(work: EnergyWork, bits: Sequence[int]) -> float:
    """Energy of an inference with these bits over that at 8 bits, its static part aside.

    It falls by 17.5 % from all weights at 8 bits to all at 2 bits, each layer counting by its MACs.
    """
    saved = sum(share * (8 - width) / 6 for share, width in zip(work.mac_shares, bits, strict=True))
    return 1 - TWO_BIT_SAVING * saved


def inference_uj(
    work: EnergyWork,
    coefficients: Coefficients,
    cycles: float,
    time_us: float,
    factor: float,
) -> float:
    """Energy of one inference in microjoules.

    E = P_static T + k (e_cycle cycles + e_operation operations), k for the bits. A clock slower by
    half takes nearly the same energy: only the static part is drawn for longer.

    **Source:** CHIPS notes, section 4; the static part: AN7664, two networks at five clocks.
    """
    dynamic = coefficients.cycle_nj * cycles / 1e3 + coefficients.operation_pj * (
        work.operations / 1e6
    )
    return coefficients.static_mw * time_us / 1e3 + factor * dynamic
