# SPDX-License-Identifier: Apache-2.0
"""Energies against published ones."""

from collections.abc import Callable

import pytest

from hardware.chips import MAX78002
from hardware.cost import ENERGY_UNCERTAINTY, CostModel
from hardware.energy import BOARD_VOLTAGE_FACTOR, inference_uj, input_uj
from hardware.latency import inference_us
from hardware.network import Network

Indoor = Callable[[int], Network]


@pytest.mark.parametrize(
    ("length", "bits", "published_uj"),
    [(91, (8, 8, 2, 4), 27.0), (51, (8, 8, 2, 4), 15.6), (101, (8, 8, 8, 8), 34.7)],
)
def test_the_indoor_networks_energies_are_the_published_ones(
    indoor: Indoor, length: int, bits: tuple[int, ...], published_uj: float
) -> None:
    """27, 15.6 and 34.7 uJ for input and inference lie within the stated 20 %."""
    assert ENERGY_UNCERTAINTY == 0.20
    energy = CostModel(MAX78002).cost(indoor(length), bits).energy_uj
    assert energy.low <= published_uj <= energy.high


@pytest.mark.parametrize(
    ("network", "measured_us", "measured_uj"),
    [("mnist", 410.0, 99.0), ("cifar", 1320.0, 397.0)],
)
def test_larger_networks_energies_are_the_measured_ones(
    request: pytest.FixtureRequest, network: str, measured_us: float, measured_uj: float
) -> None:
    """AN7664, table 4, at 1.0 V: 99 and 397 uJ of inference, within the stated 20 %."""
    net = request.getfixturevalue(network)
    bits = (8,) * len(net.layers)
    at_one_volt = inference_uj(net, bits, measured_us) / BOARD_VOLTAGE_FACTOR
    assert at_one_volt == pytest.approx(measured_uj, rel=ENERGY_UNCERTAINTY)


def test_the_evkit_energy_of_cifar_is_the_measured_one(cifar: Network) -> None:
    """The power monitor's guide shows 496 uJ for 1.33 ms at 1.1 V."""
    assert inference_uj(cifar, (8,) * 11, 1330.0) == pytest.approx(496.0, rel=ENERGY_UNCERTAINTY)


def test_two_bit_weights_save_the_published_share(indoor: Indoor) -> None:
    """At equal length, 2-bit fully connected weights drew about 14 % less mean power."""
    net = indoor(101)
    time_us = inference_us(net, MAX78002)
    wide, narrow = (inference_uj(net, bits, time_us) for bits in ((8, 8, 8, 8), (8, 8, 2, 2)))
    assert 1 - narrow / wide == pytest.approx(0.14, abs=0.03)


def test_fewer_bits_never_cost_more_energy(indoor: Indoor) -> None:
    """Each layer's bits count, and none the other way."""
    net = indoor(51)
    for index in range(4):
        energies = [
            inference_uj(net, tuple(bits if i == index else 8 for i in range(4)), 70.0)
            for bits in (1, 2, 4, 8)
        ]
        assert energies == sorted(energies)
        assert energies[0] < energies[-1]


def test_copying_an_input_costs_the_loading_power() -> None:
    """70 mW over 10 us are 0.7 uJ."""
    assert input_uj(10.0) == pytest.approx(0.7)
