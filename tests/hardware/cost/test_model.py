# SPDX-License-Identifier: Apache-2.0
"""The cost of a candidate: parts, origins and intervals."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.chips import MAX78000, MAX78002
from hardware.cost.figure import Figure, Origin
from hardware.cost.mode import Mode, ModeError
from hardware.cost.model import CostModel
from hardware.layer import WEIGHT_BITS, NetworkError
from hardware.network import Network
from hardware.placement.limits import DoesNotFit
from hardware.placement.nearest_fit import check_fit

Indoor = Callable[[int], Network]


def test_the_golden_candidate_has_the_published_counts(indoor: Indoor) -> None:
    """L=101 at 8-8-2-4: 51,260 bytes of weights, 224 of bias, 239,160 MACs."""
    cost = CostModel(MAX78002).cost(indoor(101), (8, 8, 2, 4))
    assert (cost.weight_bytes, cost.size_bytes.value, cost.macs) == (51_260, 51_484, 239_160)


@given(data=st.data())
@settings(deadline=None, derandomize=True, max_examples=60)
def test_the_whole_is_the_sum_of_its_parts(
    networks: st.SearchStrategy[Network], data: st.DataObject
) -> None:
    """Latency is copying and computing; size is every layer's weights and biases."""
    net = data.draw(networks)
    bits = data.draw(st.tuples(*[st.sampled_from(WEIGHT_BITS)] * len(net.layers)))
    chip = data.draw(st.sampled_from([MAX78000, MAX78002]))
    cost = CostModel(chip).cost(net, bits)
    assert cost.latency_us.value == pytest.approx(cost.input_us.value + cost.inference_us.value)
    weights = sum(
        layer.weight_count * width // 8 for layer, width in zip(net.layers, bits, strict=True)
    )
    biases = sum(layer.out_channels for layer in net.layers if layer.bias)
    assert cost.size_bytes.value == weights + biases
    assert cost.energy_uj.value > 0


@given(data=st.data())
@settings(deadline=None, derandomize=True, max_examples=60)
def test_what_fits_is_what_is_not_refused(
    networks: st.SearchStrategy[Network], data: st.DataObject
) -> None:
    """`fits`, `overflow` and `check_fit` say the same."""
    net = data.draw(networks)
    bits = (8,) * len(net.layers)
    cost = CostModel(MAX78000).cost(net, bits)
    if cost.fits:
        check_fit(net, bits, MAX78000)
        assert cost.overflow <= 0
    else:
        assert cost.overflow > 0
        with pytest.raises(DoesNotFit, match=re.escape(str(cost.worst_demand))):
            check_fit(net, bits, MAX78000)


def test_a_network_too_large_is_priced_all_the_same(indoor: Indoor) -> None:
    """L=101 at 8 bits needs 2,260 words of the MAX78000's 768: priced, and said not to fit."""
    cost = CostModel(MAX78000).cost(indoor(101), (8, 8, 8, 8))
    assert not cost.fits
    assert cost.overflow == pytest.approx((2260 - 768) / 768)
    assert cost.latency_us.value > 0


def test_bits_change_size_and_energy_but_not_latency(indoor: Indoor) -> None:
    """Fewer bits do not make an inference faster on these chips; a shorter input does."""
    model = CostModel(MAX78002)
    wide, narrow = (model.cost(indoor(101), bits) for bits in ((8, 8, 8, 8), (2, 2, 2, 2)))
    assert narrow.latency_us == wide.latency_us
    assert narrow.size_bytes.value < wide.size_bytes.value
    assert narrow.energy_uj.value < wide.energy_uj.value
    assert model.cost(indoor(51), (8, 8, 8, 8)).latency_us.value < wide.latency_us.value


def test_each_figure_says_where_it_comes_from(indoor: Indoor) -> None:
    """Sizes are counted; times and energies are from formulas, with an interval around them."""
    cost = CostModel(MAX78002).cost(indoor(51), (8, 8, 2, 4))
    assert cost.size_bytes.origin is Origin.EXACT
    assert cost.size_bytes.low == cost.size_bytes.value == cost.size_bytes.high
    for figure in (cost.latency_us, cost.input_us, cost.inference_us, cost.energy_uj):
        assert figure.origin is Origin.ANALYTIC
        assert figure.low < figure.value < figure.high


def test_an_interval_is_two_standard_deviations() -> None:
    """100 with a deviation of 5 is 90 to 110, and nothing is below 0."""
    assert Figure.around(100.0, 5.0, Origin.ANALYTIC) == Figure(100.0, 90.0, 110.0, Origin.ANALYTIC)
    assert Figure.around(1.0, 5.0, Origin.MEASURED).low == 0


def test_costs_of_different_modes_do_not_compare(indoor: Indoor) -> None:
    """The published 85 % less weight-loading time mixed two load clocks; here that is refused."""
    mode = Mode.default(MAX78002)
    slow = CostModel(mode).cost(indoor(101), (8, 8, 8, 8))
    fast = CostModel(replace(mode, load_clock_mhz=200.0)).cost(indoor(101), (8, 8, 2, 4))
    with pytest.raises(ModeError, match=r"load_clock_mhz 200\.0 and 50\.0"):
        fast.over(slow)
    less = CostModel(mode).cost(indoor(51), (8, 8, 2, 4)).over(slow)
    assert 0 < less.size < less.energy < less.latency < 1


def test_loading_the_weights_is_shared_by_the_inferences(indoor: Indoor) -> None:
    """T = latency + T_W / N."""
    cost = CostModel(MAX78002).cost(indoor(51), (8, 8, 2, 4))
    assert cost.amortised_us(10) == cost.latency_us.value + cost.weight_load_us.value / 10
    assert cost.amortised_uj(10) == cost.energy_uj.value + cost.weight_load_uj.value / 10


def test_fewer_bits_load_faster_and_for_less(indoor: Indoor) -> None:
    """Words fall with the bits, and with them the time and energy of loading."""
    model = CostModel(MAX78002)
    wide, narrow = (model.cost(indoor(101), bits) for bits in ((8, 8, 8, 8), (8, 8, 2, 4)))
    assert narrow.weight_words < wide.weight_words / 3
    ratio = narrow.weight_words / wide.weight_words
    assert narrow.weight_load_us.value / wide.weight_load_us.value == pytest.approx(ratio)
    assert narrow.weight_load_uj.value / wide.weight_load_uj.value == pytest.approx(ratio)


@pytest.mark.parametrize(
    ("model", "mode"),
    [
        (CostModel(MAX78002), "MAX78002, IPLL 200 MHz pipelined, load 50 MHz, 1.1 V"),
        (CostModel(MAX78000), "MAX78000, PCLK 50 MHz, load 50 MHz, 1.2 V"),
    ],
)
def test_a_cost_names_the_mode_it_holds_for(indoor: Indoor, model: CostModel, mode: str) -> None:
    """Chip, clock and voltage stand on every cost, since costs of two modes do not compare."""
    assert str(model.cost(indoor(51), (8, 8, 2, 4)).mode) == mode


def test_bits_of_another_network_are_refused(indoor: Indoor) -> None:
    """The message names the layers."""
    with pytest.raises(NetworkError, match=r"4 widths \(conv1, conv2, fc1, fc2\) but 3"):
        CostModel(MAX78002).cost(indoor(51), (8, 8, 8))
