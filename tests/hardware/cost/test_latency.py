# SPDX-License-Identifier: Apache-2.0
"""Cycles against the izer's report, times against measured ones."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.chips import MAX78000, MAX78002, Chip
from hardware.cost.coefficients import prior
from hardware.cost.latency import (
    START_CYCLES,
    inference_cycles,
    input_us,
    layer_cycles,
    preparation_us,
    softmax_us,
    work_of,
)
from hardware.cost.latency import inference_us as time_us
from hardware.cost.mode import Mode
from hardware.layer import Activation, Combine, Layer, Operation
from hardware.network import Network, average_pool, conv, linear, max_pool
from tests.hardware.measured_networks import aisegment_network, cats_dogs_network, kws_v3_1_network

Indoor = Callable[[int], Network]


def inference_us(network: Network, chip: Chip) -> float:
    mode = Mode.default(chip)
    return time_us(work_of(network), prior(mode), mode)


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


def test_unpacked_published_networks_take_the_izers_cycles() -> None:
    """Transposed and concatenated layers too: its log with the estimate on for the MAX78002."""
    networks = (aisegment_network(), cats_dogs_network(), kws_v3_1_network())
    assert [formula(net) for net in networks] == [1_342_673, 533_514, 69_899]
    assert [layer_cycles(layer) for layer in networks[0].layers] == [
        *(152_064, 152_064, 78_336, 23_628, 19_308, 8_940, 4_296, 8_352, 16_964, 16_964),
        *(17_580, 17_580, 23_628, 115_788, 152_652, 152_064, 152_064, 152_064, 78_336),
    ]


@pytest.mark.parametrize(("length", "measured_us"), [(101, 134.001), (51, 71.021), (5, 14.0)])
def test_max78002_times_of_the_indoor_network_are_the_measured_ones(
    indoor: Indoor, length: int, measured_us: float
) -> None:
    """The indoor study's means of 1,000 runs, to the 1 us of its timer."""
    assert inference_us(indoor(length), MAX78002) == pytest.approx(measured_us, abs=1.0)


@pytest.mark.parametrize(("length", "measured_us"), [(91, 127.7), (51, 75.5), (101, 141.7)])
def test_copying_and_computing_take_the_published_time(
    indoor: Indoor, length: int, measured_us: float
) -> None:
    """The indoor study's window of input and inference, within 1 %."""
    net, mode = indoor(length), Mode.default(MAX78002)
    copying = input_us(work_of(net), prior(mode), mode)
    assert copying + inference_us(net, MAX78002) == pytest.approx(measured_us, rel=0.01)


@pytest.mark.parametrize(("length", "measured_us"), [(101, 52.0), (51, 27.0), (5, 3.0)])
def test_preparing_an_input_takes_the_published_time(
    indoor: Indoor, length: int, measured_us: float
) -> None:
    """The indoor study's 52, 27 and 3 us on the core; its softmax takes 5.0 us."""
    assert preparation_us(indoor(length)) == pytest.approx(measured_us, abs=0.5)
    assert softmax_us(indoor(length)) == 5.0


def one_layer(**fields: object) -> Layer:
    plain = {"name": "a", "operation": Operation.CONV2D, "in_channels": 4, "in_size": (8, 8)}
    shape = {"out_channels": 4, "kernel": (3, 3), "padding": 1, "bias": False}
    return Layer(**{**plain, **shape, "activation": Activation.NONE, **fields})  # type: ignore[arg-type]


def test_a_passthrough_takes_its_slots_and_reads() -> None:
    """H W (d + s): 64 pixels of 4 channels in one slot, 2 cycles to read each."""
    plain = {"operation": Operation.PASSTHROUGH, "kernel": (), "padding": 0}
    assert layer_cycles(one_layer(**plain)) == 64 * (2 + 1)
    wide = one_layer(**plain, in_channels=16, out_channels=16)
    assert layer_cycles(wide) == 64 * (2 + 4)
    pooled = one_layer(**plain, pool=max_pool(2))
    assert layer_cycles(pooled) == 16 * (5 + 1)
    twice = one_layer(**plain, in_channels=128, out_channels=128, pool=max_pool(2))
    assert layer_cycles(twice) == 16 * (3 * 5 + 3 * 4)


def test_every_operand_is_read() -> None:
    """Two operands of a 1x1 convolution on 64 pixels: 64 x (2 x 2 + 4)."""
    added = one_layer(kernel=(1, 1), padding=0, sources=(0, 1), combine=Combine.ADD)
    assert layer_cycles(added) == 64 * (2 * 2 + 4)


def test_a_depthwise_convolution_writes_one_slot() -> None:
    """Its 4 kernels are one a processor: cheaper than a full one by 3 slots and a row end less."""
    full, apart = one_layer(), one_layer(groups=4)
    assert layer_cycles(full) - layer_cycles(apart) == 8 * (8 * 3 - 1)


def test_a_transposed_convolution_works_on_twice_the_size() -> None:
    """Like a conv2d on 16 x 16."""
    up = one_layer(operation=Operation.CONVTRANSPOSE2D)
    assert layer_cycles(up) == layer_cycles(one_layer(in_size=(16, 16)))


def test_streaming_takes_half_as_long_again() -> None:
    """The izer's estimate, rounded up."""
    plain, streamed = layer_cycles(one_layer()), layer_cycles(one_layer(streaming=True))
    assert streamed == (15 * plain + 9) // 10


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
        mode = Mode.default(chip)
        assert inference_us(shorter, chip) < inference_us(longer, chip)
        copying = [input_us(work_of(net), prior(mode), mode) for net in (shorter, longer)]
        assert copying[0] <= copying[1]


@given(data=st.data())
@settings(deadline=None, derandomize=True, max_examples=60)
def test_only_the_pipeline_stalls(
    networks: st.SearchStrategy[Network], data: st.DataObject
) -> None:
    """Without it a network takes the sum of its layers' cycles; with it, more."""
    net = data.draw(networks)
    work = work_of(net)
    parts = sum(layer_cycles(layer) for layer in net.layers)
    assert inference_cycles(work, prior(Mode.default(MAX78000))) == 1 + parts
    assert inference_cycles(work, prior(Mode.default(MAX78002))) > 1 + parts
