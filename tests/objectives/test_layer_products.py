# SPDX-License-Identifier: Apache-2.0
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own convention)
from torch import Tensor

from objectives.layer_products import Rounding, quantized_layer

SHAPES = {
    "linear": ((12,), (), 0),
    "one axis": ((3, 11), (3,), 1),
    "one axis, no padding": ((4, 9), (2,), 0),
    "one place": ((5, 7), (1,), 0),
    "padding beyond the kernel": ((3, 6), (2,), 3),
    "two axes": ((3, 6, 5), (3, 3), 1),
    "two axes, no padding": ((2, 7, 6), (2, 2), 0),
    "two axes, uneven": ((2, 7, 6), (2, 3), 2),
    "a kernel longer than its input": ((2, 2), (5,), 2),
}


def integers(*shape: int, low: int = -8, high: int = 8) -> Tensor:
    return torch.randint(low, high, shape, generator=torch.Generator().manual_seed(sum(shape)))


def library(values: Tensor, weights: Tensor, biases: Tensor, scale: float, padding: int) -> Tensor:
    """One member by PyTorch's own layers, the batch in front."""
    if weights.ndim == 2:
        return (F.linear(values, weights) + 128 * biases) * scale
    convolve = F.conv1d if weights.ndim == 3 else F.conv2d
    return convolve(values, weights, 128 * biases, padding=padding) * scale


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("name", SHAPES)
def test_layers_and_their_gradients_are_those_of_pytorch(name: str, shared: bool) -> None:
    """Sums and gradients of small integers are exact, and so equal, in whatever order."""
    shape, kernel, padding = SHAPES[name]
    members, out, batch = 3, 4, 5
    values = integers(1 if shared else members, *shape, batch).float().requires_grad_(not shared)
    weights = integers(members, out, shape[0], *kernel).float().requires_grad_()
    biases = integers(members, out).float().requires_grad_()
    scales = torch.tensor([0.5, 0.25, 2.0])
    found = quantized_layer(
        values, weights, biases, scales, padding=padding, rounding=Rounding(wide=True)
    )
    expected = torch.stack(
        [
            library(
                values[0 if shared else member].movedim(-1, 0),
                weights[member],
                biases[member],
                float(scales[member]),
                padding,
            ).movedim(0, -1)
            for member in range(members)
        ]
    )
    assert torch.equal(found, expected)
    leaves = [weights, biases] if shared else [weights, biases, values]
    gradient = integers(*found.shape).float()
    mine = torch.autograd.grad(found, leaves, gradient)
    theirs = torch.autograd.grad(expected, leaves, gradient)
    assert all(map(torch.equal, mine, theirs))
    assert all(one.abs().sum() > 0 for one in mine)


def test_a_layer_without_bias_has_no_gradient_of_it() -> None:
    """The same as with biases of zero."""
    values, weights = integers(2, 3, 4).float(), integers(2, 5, 3).float().requires_grad_()
    scales, rounding = torch.tensor([0.125, 0.5]), Rounding(non_negative=True)
    without = quantized_layer(values, weights, None, scales, rounding=rounding)
    zeros = torch.zeros(2, 5)
    assert torch.equal(without, quantized_layer(values, weights, zeros, scales, rounding=rounding))
    without.sum().backward()
    assert weights.grad is not None
