# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from hardware.network import Network
from objectives.batches import Batches
from objectives.float_phase import FloatPrefix, train_float
from objectives.recipe import Recipe
from objectives.stacked import StackedNetwork, dropout_masks, samples_last
from objectives.tasks.digits import DigitsTask
from objectives.tasks.indoor import IndoorTask
from objectives.training import train_quantized
from tests.objectives.networks import SHORT, blobs, one_axis, two_axes

CPU = torch.device("cpu")
NETWORKS = {
    "indoor": IndoorTask().network(31),
    "digits": DigitsTask().network(8),
    "one axis": one_axis(),
    "two axes": two_axes(),
}
BITS = [(8, 8, 8, 8), (4, 2, 8, 4), (2, 4, 2, 8), (1, 8, 4, 2)]


def prefix_of(network: Network, recipe: Recipe = SHORT) -> tuple[FloatPrefix, Batches]:
    batches = Batches.of(blobs(network, 300, 1), recipe.batch_size, CPU)
    return train_float(network, batches, recipe, 7, CPU), batches


@pytest.mark.parametrize("name", NETWORKS)
def test_simulated_and_integer_networks_agree_on_every_logit(name: str) -> None:
    """After QAT the network that is trained and the chip's arithmetic are one function."""
    network = NETWORKS[name]
    prefix, batches = prefix_of(network)
    validation = blobs(network, 200, 2)
    stack = StackedNetwork(prefix, BITS, SHORT)
    optimizer = stack.optimizer(1e-3)
    for inputs, labels in batches.epoch(torch.Generator().manual_seed(0)):
        masks = dropout_masks(network, SHORT, len(labels), torch.Generator().manual_seed(1))
        logits = stack.forward(samples_last(inputs), masks)
        loss = torch.nn.functional.cross_entropy(logits, labels.expand(len(BITS), -1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        inputs = samples_last(torch.from_numpy(validation.inputs).float())
        simulated = stack.forward(inputs).numpy()
    for member, integers in enumerate(stack.integer_networks()):
        real = integers.logits(validation.inputs) * 2.0**integers.logit_exponent
        np.testing.assert_array_equal(simulated[member].T, real)
        assert len(np.unique(real)) > 20 or 1 in BITS[member]


def test_quantizing_to_eight_bits_changes_the_float_network_little() -> None:
    """8-bit logits, before any QAT, stay near those of the float network they come from."""
    network = NETWORKS["indoor"]
    recipe = Recipe(epochs=4, qat_start_epoch=3, batch_size=32, outlier_z_score=8.0)
    prefix, _ = prefix_of(network, recipe)
    inputs = torch.from_numpy(blobs(network, 200, 2).inputs).float()
    values = inputs / 128
    thresholds = (0, *prefix.thresholds)
    for index, (layer, state) in enumerate(zip(network.layers, prefix.layers, strict=True)):
        biases = state.biases * 2.0 ** thresholds[index]
        if layer.kernel:
            values = torch.nn.functional.conv1d(values, state.weights, biases, padding=1).relu()
        else:
            values = torch.nn.functional.linear(values.flatten(1), state.weights, biases)
            values = values if layer.wide else values.relu()
    integers = StackedNetwork(prefix, [(8, 8, 8, 8)], recipe).forward(samples_last(inputs))[0].T
    error = (integers - values).abs().mean() / values.abs().mean()
    assert error.item() < 0.1


def test_a_member_is_the_same_alone_and_in_a_stack() -> None:
    """Neighbours change a candidate's result by no more than floating-point rounding does."""
    network = NETWORKS["one axis"]
    prefix, batches = prefix_of(network)
    validation = blobs(network, 500, 2)
    together = train_quantized(prefix, BITS, batches, validation, SHORT, together=len(BITS))
    for member, bits in enumerate(BITS):
        alone = train_quantized(prefix, [bits], batches, validation, SHORT)[0]
        one, other = alone.integers, together[member].integers
        for mine, theirs in zip(one.layers, other.layers, strict=True):
            same = np.mean(mine.weights == theirs.weights)
            assert same > 0.99
        assert abs(alone.validation_accuracy - together[member].validation_accuracy) <= 0.004


@pytest.mark.parametrize("name", NETWORKS)
def test_predictions_are_those_of_the_integer_reference(name: str) -> None:
    """Every class of every member, the first one where logits are equal."""
    network = NETWORKS[name]
    prefix, _ = prefix_of(network)
    stack = StackedNetwork(prefix, BITS, SHORT)
    inputs = blobs(network, 300, 2).inputs
    inputs[:50] = 0
    batches = [samples_last(part) for part in torch.from_numpy(inputs).split(128)]
    predicted = stack.predictions(batches)
    assert predicted is not None
    for member, integers in enumerate(stack.integer_networks()):
        assert predicted[member].tolist() == integers.logits(inputs).argmax(axis=1).tolist()


def test_no_predictions_where_float32_might_round() -> None:
    """Accumulators that could reach 2^24 are left to the integer reference."""
    network = one_axis(length=800)
    prefix, _ = prefix_of(network)
    batch = [samples_last(torch.from_numpy(blobs(network, 10, 2).inputs))]
    stack = StackedNetwork(prefix, [(8, 8, 8, 8)], SHORT)
    assert stack.predictions(batch) is not None
    with torch.no_grad():
        stack.weights[2].fill_(1.0)
    assert stack.predictions(batch) is None
