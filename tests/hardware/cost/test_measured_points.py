# SPDX-License-Identifier: Apache-2.0
"""The model against what others measured; nothing here was fitted to a single point."""

import pytest

from hardware.cost.load_words import InputFormat
from hardware.cost.mode import Mode
from hardware.cost.model import CostModel
from tests.hardware.measured_networks import kws_v3_1_network
from tests.hardware.measured_points import KEYWORDS_BY_CLOCK, POINTS, TABLE_4, Point

ROUNDING_MS = 0.05
NAMES = [point.name for point in POINTS]


@pytest.mark.parametrize("point", POINTS, ids=NAMES)
def test_inferences_take_the_measured_time(point: Point) -> None:
    """Five networks, 0.4 to 8.2 ms, within 3 %."""
    cost = CostModel(TABLE_4, input_format=point.input_format).cost(point.network, point.bits)
    assert cost.inference_us.value / 1e3 == pytest.approx(point.inference_ms, rel=0.03)


@pytest.mark.parametrize("point", POINTS, ids=NAMES)
def test_loading_takes_the_measured_time(point: Point) -> None:
    """Weights within 2 %, inputs within 2 % or the 0.1 ms they are printed to."""
    cost = CostModel(TABLE_4, input_format=point.input_format).cost(point.network, point.bits)
    assert cost.weight_load_us.value / 1e3 == pytest.approx(point.weight_ms, rel=0.02)
    assert cost.input_us.value / 1e3 == pytest.approx(point.input_ms, rel=0.02)


@pytest.mark.parametrize("point", POINTS, ids=NAMES)
def test_energies_are_the_measured_ones(point: Point) -> None:
    """Uncalibrated: inference within 20 %, loading within 3 %; a printed 2 uJ is 1.5 to 2.5."""
    cost = CostModel(TABLE_4, input_format=point.input_format).cost(point.network, point.bits)
    assert cost.inference_uj.value == pytest.approx(point.inference_uj, rel=0.20)
    assert cost.inference_uj.low <= point.inference_uj <= cost.inference_uj.high
    assert cost.weight_load_uj.value == pytest.approx(point.weight_uj, rel=0.03)
    assert cost.input_uj.value == pytest.approx(point.input_uj, rel=0.03, abs=0.5)


@pytest.mark.parametrize("row", KEYWORDS_BY_CLOCK, ids=[str(row[0]) for row in KEYWORDS_BY_CLOCK])
def test_a_network_at_other_clocks_and_voltages(
    row: tuple[Mode, float, float, float, float, float, float],
) -> None:
    """kws20_v3_1: weights and input within 3 %, inference within what it is known to."""
    mode, weight_ms, weight_uj, input_ms, input_uj, inference_ms, inference_uj = row
    network = kws_v3_1_network()
    cost = CostModel(mode, input_format=InputFormat.HWC).cost(network, (8,) * 9)
    assert cost.weight_load_us.value / 1e3 == pytest.approx(weight_ms, rel=0.02)
    rounding = ROUNDING_MS if input_ms >= 1 else 0
    assert cost.input_us.value / 1e3 == pytest.approx(input_ms, rel=0.02, abs=rounding)
    both_ms = cost.inference_us.value / 1e3 + input_ms
    assert both_ms == pytest.approx(inference_ms + input_ms, rel=0.03, abs=ROUNDING_MS)
    assert cost.weight_load_uj.value == pytest.approx(weight_uj, rel=0.20)
    assert cost.input_uj.value == pytest.approx(input_uj, rel=0.20)
    assert cost.inference_uj.value == pytest.approx(inference_uj, rel=0.20)
