# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable

import pytest

from hardware.chips import MAX78000, MAX78002, Chip
from hardware.cost.layer_costs import layer_costs
from hardware.cost.model import CostModel
from hardware.layer import Combine, Layer, NetworkError, Operation
from hardware.layer_text import parse_layers
from hardware.network import Network

IMAGES = "3x32x32: conv 16 k3 p1, conv 70 k3 p1 max2, conv 20 k1 avg2, linear 10"


def residual() -> Network:
    shape = {"in_channels": 70, "in_size": (9, 9), "out_channels": 70, "kernel": (3, 3)}
    first = Layer("a", Operation.CONV2D, padding=1, **shape)  # type: ignore[arg-type]
    skip = {"sources": (-1, 0), "combine": Combine.ADD}
    return Network((first, Layer("b", Operation.CONV2D, **shape, **skip)))  # type: ignore[arg-type]


@pytest.mark.parametrize("chip", [MAX78000, MAX78002], ids=lambda chip: chip.name)
@pytest.mark.parametrize("network", [parse_layers(IMAGES), residual()], ids=["chain", "residual"])
def test_the_parts_make_up_the_whole(chip: Chip, network: Network) -> None:
    """Layers and the start of an inference add up to its time, and nearly to its energy."""
    model = CostModel(chip)
    bits = tuple((8, 4, 2, 4)[: len(network.layers)])
    parts = layer_costs(network, bits, model)
    whole = model.cost(network, bits)
    one_cycle_us = 1e6 / model.mode.clock_hz
    start = model.coefficients.start_us + one_cycle_us
    assert sum(part.time_us for part in parts) + start == pytest.approx(whole.inference_us.value)
    energy = sum(part.energy_uj for part in parts)
    assert energy < whole.inference_uj.value
    left = whole.inference_uj.value - energy
    static = model.coefficients.static_mw * start / 1e3
    assert left == pytest.approx(static, abs=model.coefficients.cycle_nj * 1.01 / 1e3)
    assert sum(part.share for part in parts) == pytest.approx(1)


def test_weights_and_memories_are_the_networks(indoor: Callable[[int], Network]) -> None:
    """Indoor, L = 101, 8-8-2-4: 51,260 bytes, nearly all of fc1, which takes 562 words."""
    parts = layer_costs(indoor(101), (8, 8, 2, 4), CostModel(MAX78002))
    assert sum(part.weight_bytes for part in parts) == 51_260
    assert [part.kernel_words for part in parts] == [4, 4, 562, 1]
    assert [part.cycles for part in parts] == [1218, 1218, 20403, 24]
    assert 0.80 < parts[2].share < 0.90


def test_bits_must_be_the_networks(indoor: Callable[[int], Network]) -> None:
    """Three widths for four layers are refused."""
    with pytest.raises(NetworkError, match="must name 4 widths"):
        layer_costs(indoor(11), (8, 8, 8), CostModel(MAX78002))
