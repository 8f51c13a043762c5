# SPDX-License-Identifier: Apache-2.0
import dataclasses
import math

import pytest
import torch

from objectives.batches import Batches, dropout_mask, epoch_generator
from objectives.float_phase import (
    BATCH_NORM_EPSILON,
    FloatNetwork,
    FloatPrefix,
    TrainingError,
    _fold,
    train_float,
)
from objectives.recipe import Recipe
from objectives.stacked import StackedNetwork
from objectives.training import train_quantized
from tests.objectives.networks import SHORT, blobs, one_axis, two_axes

CPU = torch.device("cpu")


def tensors_of(prefix: FloatPrefix) -> list[torch.Tensor]:
    found = []
    for layer in prefix.layers:
        found += [layer.weights, *layer.weight_moments]
        if layer.biases is not None and layer.bias_moments is not None:
            found += [layer.biases, *layer.bias_moments]
    return found


def test_two_runs_with_one_seed_are_equal_in_every_parameter() -> None:
    """The float phase depends on network, data, recipe and seed, and on nothing else."""
    network = two_axes()
    batches = Batches.of(blobs(network, 200, 1), 32, CPU)
    first, second = (train_float(network, batches, SHORT, 3, CPU) for _ in range(2))
    other = train_float(network, batches, SHORT, 4, CPU)
    assert all(map(torch.equal, tensors_of(first), tensors_of(second)))
    assert first.thresholds == second.thresholds
    assert not torch.equal(first.layers[0].weights, other.layers[0].weights)


def test_a_kept_prefix_trains_as_a_straight_run_does() -> None:
    """QAT from a prefix that already served other bits equals QAT right after its float phase."""
    network = one_axis()
    batches = Batches.of(blobs(network, 200, 1), 32, CPU)
    validation = blobs(network, 100, 2)
    kept = train_float(network, batches, SHORT, 3, CPU)
    train_quantized(kept, [(2, 2, 2, 2)], batches, validation, SHORT)
    again = train_quantized(kept, [(8, 4, 2, 8)], batches, validation, SHORT)[0]
    fresh = train_float(network, batches, SHORT, 3, CPU)
    straight = train_quantized(fresh, [(8, 4, 2, 8)], batches, validation, SHORT)[0]
    assert again.rungs == straight.rungs
    for one, other in zip(again.integers.layers, straight.integers.layers, strict=True):
        assert (one.weights == other.weights).all()
        assert one.output_shift == other.output_shift


def test_folding_batch_norm_does_not_change_the_function() -> None:
    """The folded convolution gives what convolution and batch norm gave, to float rounding."""
    network = one_axis()
    model = FloatNetwork(network, SHORT, 0, CPU)
    generator = torch.Generator().manual_seed(0)
    tensors, (mean, variance) = model.parameters[0], model.statistics[0]
    with torch.no_grad():
        mean += torch.randn(mean.shape, generator=generator)
        variance *= torch.rand(variance.shape, generator=generator) + 0.5
        tensors["gain"] *= torch.randn(mean.shape, generator=generator)
        tensors["offset"] += torch.randn(mean.shape, generator=generator)
        inputs = torch.randn((4, 2, 16), generator=generator)
        convolved = torch.nn.functional.conv1d(
            inputs, tensors["weights"], tensors["biases"], padding=1
        )
        expected = torch.nn.functional.batch_norm(
            convolved, mean, variance, tensors["gain"], tensors["offset"], eps=BATCH_NORM_EPSILON
        )
        folded = _fold(tensors, (mean, variance), torch.optim.Adam(model.all_parameters()))
        found = torch.nn.functional.conv1d(inputs, folded.weights, folded.biases, padding=1)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_carried_moments_are_those_of_the_folded_parameters() -> None:
    """With w' = w s, a gradient g of w is g / s of w': Adam's moments follow it."""
    network = one_axis()
    model = FloatNetwork(network, SHORT, 0, CPU)
    optimizer = torch.optim.Adam(model.all_parameters())
    tensors = model.parameters[0]
    for tensor in model.all_parameters():
        tensor.grad = torch.ones_like(tensor)
    optimizer.step()
    with torch.no_grad():
        tensors["gain"].copy_(torch.tensor([2.0, -4.0, 1.0, 0.5, 8.0, 1.0]))
    statistics = (torch.zeros(6), torch.ones(6) - BATCH_NORM_EPSILON)
    folded = _fold(tensors, statistics, optimizer)
    first = folded.weight_moments[0][:, 0, 0]
    # Adam's first moment after one step of gradient 1 is 1 - 0.9.
    torch.testing.assert_close(first, 0.1 / torch.tensor([2.0, -4.0, 1.0, 0.5, 8.0, 1.0]))


def test_the_published_recipe_starts_qat_without_moments() -> None:
    """`keep_optimizer_state: false` gives a new Adam, as ai8x-training does."""
    network = one_axis()
    batches = Batches.of(blobs(network, 200, 1), 32, CPU)
    prefix = train_float(network, batches, SHORT, 3, CPU)
    published = dataclasses.replace(SHORT, keep_optimizer_state=False)
    assert not StackedNetwork(prefix, [(8, 8, 8, 8)], published).optimizer(1e-3).state
    state = StackedNetwork(prefix, [(8, 8, 8, 8)], SHORT).optimizer(1e-3).state
    assert len(state) == 8
    assert all(held["step"].item() == prefix.steps == 14 for held in state.values())


def test_a_loss_that_is_no_number_is_an_error_with_a_next_step() -> None:
    """Weights that blow up stop the training with a sentence."""
    network = one_axis()
    batches = Batches.of(blobs(network, 200, 1), 32, CPU)
    blown_up = dataclasses.replace(batches, inputs=batches.inputs.float() * 1e38)
    wild = Recipe(epochs=4, qat_start_epoch=2, learning_rate=1.0, batch_norm=False)
    with pytest.raises(TrainingError, match=r"float epoch 0 is .*; a smaller learning_rate than"):
        train_float(network, blown_up, wild, 3, CPU)


def test_every_epoch_has_its_own_order_and_the_same_each_time() -> None:
    """An epoch is a function of (seed, epoch): nothing before it needs to have run."""
    network = one_axis()
    batches = Batches.of(blobs(network, 100, 1), 32, CPU)

    def order(seed: int, epoch: int) -> list[int]:
        generator = epoch_generator(seed, epoch, CPU)
        return torch.cat([labels for _, labels in batches.epoch(generator)]).tolist()

    assert order(1, 5) == order(1, 5)
    assert order(1, 5) != order(1, 6)
    assert order(1, 5) != order(2, 5)
    assert sorted(order(1, 5)) == sorted(batches.labels.tolist())


def test_dropout_keeps_the_mean() -> None:
    """A mask zeroes the share and scales up the rest."""
    mask = dropout_mask((10_000,), 0.4, torch.Generator().manual_seed(0))
    assert math.isclose(mask.mean().item(), 1.0, abs_tol=0.03)
    assert mask.unique().tolist() == pytest.approx([0.0, 1 / 0.6])
