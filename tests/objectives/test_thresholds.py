# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from objectives.thresholds import output_thresholds


def thresholds(*layers: torch.Tensor, z_score: float = 8.0) -> tuple[int, ...]:
    return output_thresholds(lambda: [torch.zeros(1)], lambda _: layers, z_score)


@pytest.mark.parametrize(("top", "expected"), [(0.9, 0), (1.9, 1), (7.0, 3), (0.2, -2)])
def test_evenly_spread_outputs_get_the_power_of_two_that_covers_them(
    top: float, expected: int
) -> None:
    """Outputs spread evenly from 0 to the top lose most by cutting the top off."""
    assert thresholds(torch.linspace(0, top, 100_000)) == (expected,)


def test_a_few_outliers_do_not_set_the_range() -> None:
    """Three outputs of 100 among many below 1 do not count at 2 standard deviations."""
    outputs = torch.cat([torch.linspace(0, 0.99, 50_000), torch.full((3,), 100.0)])
    assert thresholds(outputs, z_score=2.0)[0] <= 0


def test_a_silent_layer_has_a_range_all_the_same() -> None:
    """A layer that gives nothing but zeros gets t = 0, not the logarithm of zero."""
    assert thresholds(torch.zeros(100), torch.full((100,), 3.0)) == (0, 2)


def test_batches_count_together() -> None:
    """The histogram covers all batches: the largest output may come in the last one."""
    batches = [torch.linspace(0, 0.5, 1000), torch.linspace(0, 3.9, 1000)]
    assert output_thresholds(lambda: batches, lambda batch: [batch], 8.0) == (2,)
