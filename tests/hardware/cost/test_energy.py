# SPDX-License-Identifier: Apache-2.0
"""Energies against published ones."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from hardware.chips import MAX78002
from hardware.cost.energy import bit_factor, energy_work_of
from hardware.cost.load_words import InputFormat
from hardware.cost.mode import InputCopy, Mode
from hardware.cost.model import CostModel
from hardware.network import Network

Indoor = Callable[[int], Network]


@pytest.mark.parametrize(
    ("length", "bits", "published_uj"),
    [(91, (8, 8, 2, 4), 27.0), (51, (8, 8, 2, 4), 15.6), (101, (8, 8, 8, 8), 34.7)],
)
def test_the_indoor_networks_energies_are_the_published_ones(
    indoor: Indoor, length: int, bits: tuple[int, ...], published_uj: float
) -> None:
    """27, 15.6 and 34.7 uJ for input and inference, within 8 %."""
    energy = CostModel(MAX78002).cost(indoor(length), bits).energy_uj
    assert energy.value == pytest.approx(published_uj, rel=0.08)
    assert energy.low <= published_uj <= energy.high


def test_the_evkit_energy_of_cifar_is_the_measured_one(cifar: Network) -> None:
    """The power monitor's guide shows 20.8 ms and 1,236 uJ of loading, 496 uJ at 1.1 V."""
    mode = Mode.default(MAX78002).as_example()
    cost = CostModel(mode, input_format=InputFormat.HWC).cost(cifar, (8,) * 11)
    assert cost.inference_uj.value == pytest.approx(496.0, rel=0.15)
    assert cost.weight_load_uj.value == pytest.approx(1236.0, rel=0.05)


def test_two_bit_weights_save_the_published_share(indoor: Indoor) -> None:
    """At equal length, 2-bit fully connected weights drew about 14 % less mean power."""
    costs = [
        CostModel(MAX78002).cost(indoor(101), bits).inference_uj.value
        for bits in ((8, 8, 8, 8), (8, 8, 2, 2))
    ]
    assert 1 - costs[1] / costs[0] == pytest.approx(0.14, abs=0.03)


def test_fewer_bits_never_cost_more_energy(indoor: Indoor) -> None:
    """Each layer's bits count, and none the other way."""
    work = energy_work_of(indoor(51))
    for index in range(4):
        factors = [
            bit_factor(work, tuple(bits if i == index else 8 for i in range(4)))
            for bits in (1, 2, 4, 8)
        ]
        assert factors == sorted(factors)
        assert factors[0] < factors[-1] == 1


def test_a_slower_clock_saves_no_energy(kws: Network) -> None:
    """It draws the static power for longer: the application note's 155 and 167 uJ, at 1.0 V."""
    fast = replace(Mode.default(MAX78002), voltage_v=1.0)
    slow = CostModel(replace(fast, divider=4)).cost(kws, (8,) * 9)
    assert slow.inference_uj.value > CostModel(fast).cost(kws, (8,) * 9).inference_uj.value


def test_energy_grows_with_the_square_of_the_voltage(cifar: Network) -> None:
    """1.2 to 1.27 from 1.0 to 1.1 V, for loading as for computing."""
    high = Mode.default(MAX78002)
    costs = [
        CostModel(mode).cost(cifar, (8,) * 11) for mode in (high, replace(high, voltage_v=1.0))
    ]
    assert 1.2 <= costs[0].inference_uj.value / costs[1].inference_uj.value <= 1.27
    assert 1.2 <= costs[0].weight_load_uj.value / costs[1].weight_load_uj.value <= 1.4


def test_an_application_copies_its_input_faster_than_the_example(indoor: Indoor) -> None:
    """At the inference clock, from memory: 4.4 us for 26 words, where the example takes 7."""
    mode = Mode.default(MAX78002)
    example = CostModel(replace(mode, input_copy=InputCopy.EXAMPLE)).cost(indoor(51), (8,) * 4)
    assert example.input_us.value == pytest.approx(7.0, abs=0.1)
    assert CostModel(mode).cost(indoor(51), (8,) * 4).input_us.value == pytest.approx(4.4, abs=0.1)
