# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from objectives.quantizers import (
    range_exponent,
    round_activations,
    round_biases,
    round_weights,
    truncate,
)


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        (8, [-128, -64, -32, 0, 0, 1, 64, 127]),
        (4, [-8, -4, -2, 0, 0, 0, 4, 7]),
        (2, [-2, -1, 0, 0, 0, 0, 1, 1]),
        (1, [-1, 0, 0, 0, 0, 0, 0, 0]),
    ],
)
def test_weights_become_the_integers_of_their_width(bits: int, expected: list[int]) -> None:
    """Halves round up, and the range ends at -2^(b-1) and 2^(b-1) - 1."""
    weights = torch.tensor([[-1.5, -0.5, -0.25, -0.001, 0.0, 0.004, 0.5, 1.0]])
    rounded = round_weights(weights, torch.tensor([0.0]), torch.tensor([float(bits)]))
    assert rounded.tolist() == [expected]


def test_weight_gradient_is_the_scale_inside_the_range_and_zero_outside() -> None:
    """Straight-through: d(round)/dw = 2^(b-1-r) where the value was not clamped."""
    weights = torch.tensor([[0.3, -3.0, 3.0]], requires_grad=True)
    round_weights(weights, torch.tensor([1.0]), torch.tensor([8.0])).sum().backward()
    assert weights.grad is not None
    assert weights.grad.tolist() == [[64.0, 0.0, 0.0]]


def test_bias_keeps_eight_bits_beside_two_bit_weights() -> None:
    """A bias counts in the weights' step but reaches -128..127, not -2..1."""
    biases = torch.tensor([[-100.0, 3.0, 20.0, 90.0]])
    zero, two, eight = torch.tensor([0.0]), torch.tensor([2.0]), torch.tensor([8.0])
    assert round_biases(biases, zero, two, eight).tolist() == [[-128, 6, 40, 127]]
    assert round_biases(biases, zero, two, two).tolist() == [[-2, 1, 1, 1]]


def test_activations_round_half_up_and_saturate() -> None:
    """floor(a scale + 1/2) within -128..127, or 0..127 after a ReLU."""
    accumulator = torch.tensor([-1000.0, -3.0, -1.0, 1.0, 3.0, 1000.0])
    half = torch.tensor(0.5)
    plain = round_activations(accumulator, half, non_negative=False)
    assert plain.tolist() == [-128, -1, 0, 1, 2, 127]
    assert round_activations(accumulator, half, non_negative=True).tolist() == [0, 0, 0, 1, 2, 127]


def test_activation_gradient_stops_at_saturation_and_at_the_relu() -> None:
    """The gradient passes where the accumulator is positive, even if it rounds to 0."""
    accumulator = torch.tensor([-5.0, 0.2, 100.0, 1000.0], requires_grad=True)
    round_activations(accumulator, torch.tensor(0.25), non_negative=True).sum().backward()
    assert accumulator.grad is not None
    assert accumulator.grad.tolist() == [0.0, 0.25, 0.25, 0.0]


def test_means_are_cut_towards_zero() -> None:
    """-1.75 becomes -1, 1.75 becomes 1."""
    assert truncate(torch.tensor([-1.75, 1.75, -0.25])).tolist() == [-1, 1, 0]


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
