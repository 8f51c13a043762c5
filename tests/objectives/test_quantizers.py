# SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from torch import Tensor

from objectives.layer_products import Rounding, quantized_layer
from objectives.quantizers import round_weights, truncate


def rounded(
    weights: Tensor, exponent: float, bits: float, bias_bits: float | None = None
) -> Tensor:
    """Weights of one member at a range of +-2^exponent; biases where bias_bits is given."""
    scale, limit = 2.0 ** (bits - 1 - exponent), 2.0 ** ((bias_bits or bits) - 1)
    return round_weights(weights, torch.tensor([scale]), torch.tensor([limit]))


def activations(accumulator: Tensor, scale: float, *, non_negative: bool) -> Tensor:
    """A layer of one channel with the weight 1: its input is its accumulator."""
    found = quantized_layer(
        accumulator.reshape(1, 1, -1),
        torch.ones(1, 1, 1),
        None,
        torch.tensor([scale]),
        rounding=Rounding(non_negative=non_negative),
    )
    return found.flatten()


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
    found = rounded(weights, 0, bits)
    assert found.tolist() == [expected]


def test_weight_gradient_is_the_scale_inside_the_range_and_zero_outside() -> None:
    """Straight-through: d(round)/dw = 2^(b-1-r) where the value was not clamped."""
    weights = torch.tensor([[0.3, -3.0, 3.0]], requires_grad=True)
    rounded(weights, 1, 8).sum().backward()
    assert weights.grad is not None
    assert weights.grad.tolist() == [[64.0, 0.0, 0.0]]


def test_bias_keeps_eight_bits_beside_two_bit_weights() -> None:
    """A bias counts in the weights' step but reaches -128..127, not -2..1."""
    biases = torch.tensor([[-100.0, 3.0, 20.0, 90.0]])
    assert rounded(biases, 0, 2, 8).tolist() == [[-128, 6, 40, 127]]
    assert rounded(biases, 0, 2).tolist() == [[-2, 1, 1, 1]]


def test_activations_round_half_up_and_saturate() -> None:
    """floor(a scale + 1/2) within -128..127, or 0..127 after a ReLU."""
    accumulator = torch.tensor([-1000.0, -3.0, -1.0, 1.0, 3.0, 1000.0])
    plain = activations(accumulator, 0.5, non_negative=False)
    assert plain.tolist() == [-128, -1, 0, 1, 2, 127]
    assert activations(accumulator, 0.5, non_negative=True).tolist() == [0, 0, 0, 1, 2, 127]


def test_activation_gradient_stops_at_saturation_and_at_the_relu() -> None:
    """The gradient passes where the accumulator is positive, even if it rounds to 0."""
    accumulator = torch.tensor([-5.0, 0.2, 100.0, 1000.0], requires_grad=True)
    activations(accumulator, 0.25, non_negative=True).sum().backward()
    assert accumulator.grad is not None
    assert accumulator.grad.tolist() == [0.0, 0.25, 0.25, 0.0]


def test_means_are_cut_towards_zero() -> None:
    """-1.75 becomes -1, 1.75 becomes 1."""
    assert truncate(torch.tensor([-1.75, 1.75, -0.25])).tolist() == [-1, 1, 0]
