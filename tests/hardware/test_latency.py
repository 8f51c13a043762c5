# SPDX-License-Identifier: Apache-2.0
"""Cycles against the izer's report, times against measured ones."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.chips import MAX78000, MAX78002
from hardware.cost import LATENCY_UNCERTAINTY
from hardware.latency import (
    START_CYCLES,
    inference_cycles,
    inference_us,
    input_us,
    input_words,
    layer_cycles,
)
from hardware.network import Network, average_pool, conv, linear, max_pool

Indoor = Callable[[int], Network]


def formula(network: Network) -> int:
    return START_CYCLES + sum(layer_cycles(layer) for layer in network.layers)


@pytest.mark.parametrize(("length", "cycles"), [(101, 22_864), (51, 11_564), (5, 1_167)])
def test_the_indoor_network_takes_the_izers_cycles(
    indoor: Indoor, length: int, cycles: int
) -> None:
    """The izer's totals at three input lengths."""
    assert formula(indoor(length)) == cycles


def test_published_networks_take_the_izers_cycles_layer_by_layer(
    mnist: Network, kws: Network, cifar: Network
) -> None:
    """The lines of `ESTIMATED LATENCY` in its log, for three of its examples on the MAX78000."""
    cycles = [[layer_cycles(layer) for layer in net.layers] for net in (mnist, kws, cifar)]
    assert cycles == [
        [48_956, 16_664, 4_012, 332, 192],
        [27_136, 24_706, 8_452, 3_056, 2_016, 2_750, 3_006, 567, 92],
        [67_980, 34_816, 67_980, 9_676, 16_896, 8_620, 16_640, 2_308, 2_140, 1_064, 96],
    ]
    assert [formula(net) for net in (mnist, kws, cifar)] == [70_157, 71_782, 228_217]


@pytest.mark.parametrize(
    ("network", "measured_us"), [("mnist", 1410.0), ("kws", 1442.0), ("cifar", 4555.0)]
)
def test_max78000_times_are_the_measured_ones(
    request: pytest.FixtureRequest, network: str, measured_us: float
) -> None:
    """The vendor measured 1,410, 1,442 and 4,555 us at 50 MHz; ours are within 0.5 %."""
    net = request.getfixturevalue(network)
    assert inference_us(net, MAX78000) == pytest.approx(measured_us, rel=0.005)


@pytest.mark.parametrize(("length", "measured_us"), [(101, 134.0), (51, 71.0), (5, 14.0)])
def test_max78002_times_of_the_indoor_network_are_the_measured_ones(
    indoor: Indoor, length: int, measured_us: float
) -> None:
    """The indoor study's means of 1,000 runs lie within the stated uncertainty."""
    predicted_us = inference_us(indoor(length), MAX78002)
    assert predicted_us == pytest.approx(measured_us, rel=LATENCY_UNCERTAINTY)


@pytest.mark.parametrize(("network", "measured_us"), [("mnist", 410.0), ("cifar", 1320.0)])
def test_max78002_times_of_larger_networks_are_the_measured_ones(
    request: pytest.FixtureRequest, network: str, measured_us: float
) -> None:
    """AN7664, table 4: 0.41 and 1.32 ms, printed to 10 us, within the stated uncertainty."""
    net = request.getfixturevalue(network)
    assert inference_us(net, MAX78002) == pytest.approx(measured_us, rel=LATENCY_UNCERTAINTY)


@pytest.mark.parametrize(("length", "measured_us"), [(91, 127.7), (51, 75.5), (101, 141.7)])
def test_copying_and_computing_take_the_published_time(
    indoor: Indoor, length: int, measured_us: float
) -> None:
    """The indoor study's window of input and inference, within the stated uncertainty."""
    net = indoor(length)
    both_us = input_us(net) + inference_us(net, MAX78002)
    assert both_us == pytest.approx(measured_us, rel=LATENCY_UNCERTAINTY)


def test_one_output_channel_costs_a_cycle_more_for_each_output_row() -> None:
    """The izer's report: 1 + 5 output rows of conv1d, 1 + 1 of linear, 1 + 7 rows of flatten."""
    conv1d = Network.chain(2, (7,), [conv("a", 1, kernel=3)]).layers[0]
    assert layer_cycles(conv1d) == 2 * (2 + 1) + 5 * (1 + 2) + 5
    flat, dense = Network.chain(2, (7,), [linear("a", 1), linear("b", 1)]).layers
    assert layer_cycles(flat) == 7 * (1 + 2) + 7
    assert layer_cycles(dense) == 1 + 2 + 1


def test_a_second_pass_has_no_such_cycle() -> None:
    """72 channels are two passes: 2 x (1 + 2), and nothing more for the single output."""
    dense = Network.chain(1, (1,), [linear("a", 72), linear("b", 1)]).layers[1]
    assert layer_cycles(dense) == 6


def test_outputs_over_64_cost_their_empty_slots_too() -> None:
    """66 output channels stand in 2 x 36 slots: 72 + 2 cycles, as the izer counts."""
    dense = Network.chain(1, (1,), [linear("a", 4), linear("b", 66)]).layers[1]
    assert layer_cycles(dense) == 74


@given(
    length=st.integers(12, 200),
    pool=st.sampled_from([None, max_pool(2), max_pool(3, 2), average_pool(4, 1)]),
    channels=st.sampled_from([1, 10, 64, 65, 200]),
    outputs=st.sampled_from([2, 10, 66]),
)
@settings(deadline=None, derandomize=True, max_examples=60)
def test_a_conv1d_follows_the_closed_form(
    length: int, pool: object, channels: int, outputs: int
) -> None:
    """Unpadded: (k-1)(d+1) + (L - k + 1)(d + M C_o), d = M (P + 1), P the pool's size.

    It is the vendor's conv1d case written out, where ours is the conv2d case with one column.
    """
    plan = conv("a", outputs, kernel=3, pool=pool)  # type: ignore[arg-type]
    layer = Network.chain(channels, (length,), [plan]).layers[0]
    rounds = {1: 1, 10: 1, 64: 1, 65: 2, 200: 4}[channels]
    slots = {2: 2, 10: 10, 66: 72}[outputs]
    data = rounds * ((layer.pool.size if layer.pool else 1) + 1)
    (pooled,) = layer.pooled_size
    expected = 2 * (data + 1) + (pooled - 2) * (data + rounds * slots)
    assert layer_cycles(layer) == expected


@given(length=st.integers(3, 250))
@settings(deadline=None, derandomize=True, max_examples=60)
def test_a_longer_input_takes_longer(indoor: Indoor, length: int) -> None:
    """On both chips, for computing as for copying the input, which may take no longer."""
    shorter, longer = indoor(length), indoor(length + 1)
    for chip in (MAX78000, MAX78002):
        assert inference_us(shorter, chip) < inference_us(longer, chip)
    assert input_us(shorter) <= input_us(longer)


@given(data=st.data())
@settings(deadline=None, derandomize=True, max_examples=60)
def test_a_network_takes_the_sum_of_its_layers_on_the_max78000(
    networks: st.SearchStrategy[Network], data: st.DataObject
) -> None:
    """There the formula met the measured times without any overhead but the start."""
    net = data.draw(networks)
    parts = sum(layer_cycles(layer) for layer in net.layers)
    assert inference_cycles(net, MAX78000) == 1 + parts
    assert inference_cycles(net, MAX78002) > 1 + parts


@pytest.mark.parametrize(
    ("channels", "size", "words"),
    [(2, (101,), 52), (2, (51,), 26), (1, (28, 28), 196), (16, (3,), 16), (17, (3,), 15)],
)
def test_inputs_are_copied_in_words_of_four_bytes(
    channels: int, size: tuple[int, ...], words: int
) -> None:
    """By channel up to 16 channels, four channels a word beyond; the last word may be part full."""
    assert input_words(Network.chain(channels, size, [linear("a", 1)])) == words
