# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from objectives.ranges import range_exponents


def range_exponent(
    weights: torch.Tensor, biases: torch.Tensor | None, quantile: float
) -> torch.Tensor:
    """Of one layer."""
    return range_exponents([weights], [biases], quantile)[0]


@pytest.mark.parametrize("size", [7, 100, 4001])
def test_range_exponent_is_that_of_the_interpolated_quantile(size: int) -> None:
    """It is ceil(log2(q)) with PyTorch's own linear quantile of |weights and biases|."""
    generator = torch.Generator().manual_seed(size)
    weights = torch.randn((5, size), generator=generator) * torch.logspace(-3, 1, 5)[:, None]
    biases = torch.randn((5, 3), generator=generator)
    together = torch.cat([weights, biases], dim=1).abs()
    expected = torch.quantile(together, 0.95, dim=1).log2().ceil()
    assert range_exponent(weights, biases, 0.95).tolist() == expected.tolist()


def test_range_exponent_of_a_power_of_two_is_exact() -> None:
    """A quantile of exactly 2^k gives k, whatever k."""
    for exponent in range(-14, 15):
        weights = torch.full((1, 10), 2.0**exponent)
        assert range_exponent(weights, None, 0.95).item() == exponent
        above = torch.nextafter(weights, torch.tensor(1e9))
        assert range_exponent(above, None, 0.95).item() == exponent + 1


def test_range_exponent_of_a_dead_layer_is_bounded() -> None:
    """All weights zero: the exponent is -15, not minus infinity."""
    assert range_exponent(torch.zeros(1, 9), None, 0.95).item() == -15


NEAR_POWERS = st.tuples(
    st.integers(-20, 18), st.sampled_from([-2, -1, 0, 1, 2]), st.sampled_from([-1, 1])
).map(lambda drawn: drawn[2] * _steps_from(2.0 ** drawn[0], drawn[1]))
QUANTILES = st.sampled_from([0.5, 0.75, 0.9, 0.95, 0.99, 1.0]) | st.floats(0.5, 1.0)


def _steps_from(value: float, steps: int) -> float:
    """The float32 so many places above a value."""
    found = np.float32(value)
    for _ in range(abs(steps)):
        found = np.nextafter(found, np.float32(math.copysign(np.inf, steps)))
    return float(found)


def by_sorting(values: torch.Tensor, quantile: float) -> list[float]:
    """ceil(log2(quantile)) by sorting everything and interpolating in float32."""
    found = []
    for member in values.abs().sort(dim=1).values:
        position = quantile * (len(member) - 1)
        below = int(position)
        low, high = member[below], member[min(below + 1, len(member) - 1)]
        exact = float(low + (high - low) * (position - below))
        mantissa, exponent = math.frexp(exact)
        whole = exponent - (mantissa == 0.5) if exact else -15
        found.append(float(min(max(whole, -15), 15)))
    return found


@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 3), st.integers(1, 60)),
        elements=NEAR_POWERS | st.just(0.0) | st.floats(-4, 4, width=32),
    ),
    QUANTILES,
)
@example(np.array([[1.0, 1.0, 2.0]], dtype=np.float32), 0.75)
@example(np.zeros((2, 5), dtype=np.float32), 0.95)
def test_range_exponent_by_counting_is_that_by_sorting(drawn: np.ndarray, quantile: float) -> None:
    """Whatever the values, near powers of two above all: the same exponent, never one beside it."""
    values = torch.from_numpy(drawn)
    assert range_exponent(values, None, quantile).tolist() == by_sorting(values, quantile)


@given(st.integers(0, 2**32 - 1), st.integers(-12, 12), st.sampled_from([0.75, 0.875, 0.95]))
def test_range_exponent_is_that_of_torch_quantile(seed: int, scale: int, quantile: float) -> None:
    """Of drawn weights, large and small, with members apart by powers of two."""
    generator = torch.Generator().manual_seed(seed)
    spread = torch.exp2(torch.tensor([[scale], [scale / 2], [0.1]]))
    weights = torch.randn((3, 4097), generator=generator) * spread
    expected = torch.quantile(weights.abs(), quantile, dim=1).log2().ceil()
    assert range_exponent(weights, None, quantile).tolist() == expected.tolist()


def test_range_exponent_is_found_far_from_its_sample() -> None:
    """Where the weights that are looked at first say something else, counting finds it."""
    weights = torch.full((1, 8192), 2.0**-9)
    weights[:, ::4] = 2.0**7
    assert range_exponent(weights, None, 0.7).item() == -9
    assert range_exponent(-weights, None, 0.8).item() == 7
    weights[:, ::4] = 2.0**-14
    weights[:, 1::4] = 2.0**5
    assert range_exponent(weights, None, 0.9).item() == 5
