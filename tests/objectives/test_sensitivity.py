# SPDX-License-Identifier: Apache-2.0
"""How sensitive layers are: traces against exact Hessians, losses against the chip's integers."""

import dataclasses
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from hardware.layer import Activation
from hardware.network import Network, conv, linear
from objectives.batches import Batches
from objectives.float_phase import FloatPrefix, TrainingError, train_float
from objectives.recipe import Recipe
from objectives.sensitivity import (
    block_traces,
    float_logits,
    hessian_traces,
    rounding_losses,
    weight_entropies,
)
from objectives.stacked import StackedNetwork
from tests.objectives.networks import SHORT, blobs, one_axis, two_axes

CPU = torch.device("cpu")
WIDTHS = (8, 4, 2, 1)
SMALL = Network.chain(
    2,
    (6,),
    [
        conv("conv", 3, kernel=3, activation=Activation.ABS),
        linear("hidden", 4),
        linear("logits", 3),
    ],
)


def prefix_of(
    network: Network, samples: int = 64, recipe: Recipe = SHORT
) -> tuple[FloatPrefix, Batches]:
    batches = Batches.of(blobs(network, samples, 1), recipe.batch_size, CPU)
    return train_float(network, batches, recipe, 3, CPU), batches


def exact_traces(prefix: FloatPrefix, batches: Batches) -> list[float]:
    """From the whole Hessian of the whole training split, a layer at a time."""
    found = []
    weights = [state.weights for state in prefix.layers]
    for index, own in enumerate(weights):

        def loss(tensor: Tensor, index: int = index) -> Tensor:
            placed = [*weights[:index], tensor, *weights[index + 1 :]]
            logits = float_logits(prefix, placed, batches.inputs.float())
            return F.cross_entropy(logits, batches.labels)

        hessian = torch.autograd.functional.hessian(loss, own)
        found.append(float(hessian.reshape(own.numel(), own.numel()).trace()))
    return found


def test_estimates_agree_with_the_exact_trace() -> None:
    """Within four standard errors, which shrink with the vectors."""
    prefix, batches = prefix_of(SMALL)
    exact = exact_traces(prefix, batches)
    assert min(exact) > 0  # logits are piecewise linear in one layer's weights
    few, many = (hessian_traces(prefix, batches, vectors=vectors) for vectors in (50, 800))
    for wanted, coarse, fine in zip(exact, few, many, strict=True):
        assert abs(fine.mean - wanted) < 4 * fine.error
        assert abs(coarse.mean - wanted) < 4 * coarse.error
        assert fine.error < 0.1 * wanted
        assert 2 < coarse.error / fine.error < 8  # sqrt(800 / 50) = 4


def test_a_concave_loss_has_a_negative_trace_which_is_clamped() -> None:
    """-x^2 - 2 y^2 with 5 and 3 entries: traces -10 and -12, exactly, without scatter."""
    blocks = [torch.randn(5), torch.randn(3)]

    def loss(values: list[Tensor]) -> Tensor:
        return -values[0].square().sum() - 2 * values[1].square().sum()

    found = block_traces(loss, blocks, 4, torch.Generator().manual_seed(0))
    assert [(trace.mean, trace.error) for trace in found] == [(-10.0, 0.0), (-12.0, 0.0)]
    assert [trace.clamped for trace in found] == [0.0, 0.0]


def test_a_loss_that_is_linear_in_a_block_has_no_curvature_there() -> None:
    """Its trace is 0, not an error of autograd; another block's is its own."""
    blocks = [torch.ones(4), torch.ones(2)]

    def loss(values: list[Tensor]) -> Tensor:
        return values[0].sum() + values[1].pow(3).sum()

    first, second = block_traces(loss, blocks, 3, torch.Generator().manual_seed(0))
    assert (first.mean, second.mean) == (0.0, 12.0)


def test_a_network_that_is_no_number_is_refused() -> None:
    """By its layer's name."""
    prefix, batches = prefix_of(SMALL)
    first, *others = prefix.layers
    broken = dataclasses.replace(first, weights=torch.full_like(first.weights, math.nan))
    with pytest.raises(TrainingError, match=r"^the Hessian's trace of layer 'conv' is nan$"):
        hessian_traces(dataclasses.replace(prefix, layers=(broken, *others)), batches)


def test_a_network_of_one_layer_and_a_single_sample_has_a_trace() -> None:
    """Of a softmax on one sample: |x|^2 times the sum of p (1 - p), and two vectors will do."""
    network = Network.chain(2, (3,), [linear("only", 3)])
    prefix, _ = prefix_of(network)
    split = blobs(network, 1, 5)
    (trace,) = hessian_traces(prefix, Batches.of(split, 16, CPU), vectors=200)
    inputs = torch.from_numpy(split.inputs).float()
    shares = float_logits(prefix, [prefix.layers[0].weights], inputs).softmax(1)
    wanted = float((inputs / 128).square().sum() * (shares * (1 - shares)).sum())
    assert abs(trace.mean - wanted) < 4 * trace.error + 1e-6 * wanted


@pytest.mark.parametrize("network", [one_axis(), two_axes()])
def test_float_logits_are_those_the_prefix_was_trained_to(network: Network) -> None:
    """At 8 bits the chip's integers give nearly the same: biases are in the right units."""
    exact = dataclasses.replace(SHORT, shift_quantile=1.0, outlier_z_score=8.0)
    prefix, _ = prefix_of(network, 300, exact)
    (integers,) = StackedNetwork(prefix, [(8,) * 4], exact).integer_networks()
    split = blobs(network, 200, 2)
    weights = [state.weights for state in prefix.layers]
    real = float_logits(prefix, weights, torch.from_numpy(split.inputs).float()).numpy()
    chip = integers.logits(split.inputs) * 2.0**integers.logit_exponent
    assert (real.argmax(1) == chip.argmax(1)).mean() > 0.9
    assert np.corrcoef(real.ravel(), chip.ravel())[0, 1] > 0.98


def test_rounding_losses_are_those_of_the_chips_integers() -> None:
    """Each layer at each width, against the integers that would be exported."""
    prefix, _ = prefix_of(one_axis())
    losses = rounding_losses(prefix, SHORT, WIDTHS)
    stack = StackedNetwork(prefix, [(width,) * 4 for width in WIDTHS], SHORT)
    exponents = stack.scales().exponents
    for at, integers in enumerate(stack.integer_networks()):
        for index, layer in enumerate(integers.layers):
            unit = 2.0 ** (float(exponents[index, at]) + 1 - layer.bits)
            moved = layer.weights * unit - prefix.layers[index].weights.numpy()
            assert losses[index, at] == pytest.approx(np.square(moved).sum(), rel=1e-5)
    assert (np.diff(losses, axis=1) > 0).all()  # coarser, farther


def test_entropies_are_those_of_the_chips_integers() -> None:
    """Counted one by one, and never above the width itself."""
    prefix, _ = prefix_of(one_axis())
    found = weight_entropies(prefix, SHORT, WIDTHS)
    stack = StackedNetwork(prefix, [(width,) * 4 for width in WIDTHS], SHORT)
    for at, integers in enumerate(stack.integer_networks()):
        for index, layer in enumerate(integers.layers):
            values = layer.weights.ravel().tolist()
            shares = [values.count(value) / len(values) for value in set(values)]
            wanted = -sum(share * math.log2(share) for share in shares)
            assert found[index, at] == pytest.approx(wanted, abs=1e-9)
            assert found[index, at] <= layer.bits
