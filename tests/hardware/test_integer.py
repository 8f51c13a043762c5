# SPDX-License-Identifier: Apache-2.0
"""The integer reference against published answers and against plain loops."""

import itertools
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import hardware.integer
from hardware.integer import (
    IntegerLayer,
    IntegerNetwork,
    IntegerNetworkError,
    output_shift_range,
)
from hardware.layer import WEIGHT_BITS, Activation, Layer, NetworkError, PoolKind
from hardware.network import Network, conv, linear
from tests.hardware.published_checkpoint import KNOWN_ANSWER, published

Indoor = Callable[[int], Network]
Grid = list[list[list[int]]]
"""Values as [channel][row][column]; what has one axis has one column."""


def simple_network(bits: int = 8, shift: int = 0) -> IntegerNetwork:
    """One feature through a narrow layer, then a wide one with weight 1."""
    net = Network.chain(1, (1,), [linear("a", 1, activation=Activation.NONE), linear("b", 1)])
    one, none = np.ones((1, 1), np.int8), np.zeros(1, np.int8)
    return IntegerNetwork(
        net, (IntegerLayer(one, none, bits, shift), IntegerLayer(one, none, 8, 0))
    )


def pooled(layer: Layer, grid: Grid) -> Grid:
    """The izer's pooling: exact maximum, or the mean cut towards zero."""
    pool = layer.pool
    if pool is None:
        return grid
    wide = pool.size if len(layer.in_size) == 2 else 1
    step = pool.stride if len(layer.in_size) == 2 else 1
    result: Grid = []
    for plane in grid:
        rows = []
        for top in range(0, len(plane) - pool.size + 1, pool.stride):
            row = []
            for left in range(0, len(plane[0]) - wide + 1, step):
                window = [plane[top + i][left + j] for i in range(pool.size) for j in range(wide)]
                if pool.kind is PoolKind.MAX:
                    row.append(max(window))
                else:
                    row.append(math.trunc(Fraction(sum(window), len(window))))
            rows.append(row)
        result.append(rows)
    return result


def accumulated(layer: Layer, held: IntegerLayer, grid: Grid) -> Grid:
    """Sum of weight * input over zero-padded windows, plus 128 * bias."""
    weights = held.weights.tolist()
    if not layer.kernel:
        flat = [value for plane in grid for row in plane for value in row]
        sums = [sum(w * x for w, x in zip(row, flat, strict=True)) for row in weights]
        return [[[total + bias_of(held, out)]] for out, total in enumerate(sums)]
    two = len(layer.kernel) == 2
    down, across = layer.padding, layer.padding if two else 0
    high, wide = layer.kernel if two else (layer.kernel[0], 1)
    rows, columns = len(grid[0]), len(grid[0][0])
    result: Grid = []
    for out in range(layer.out_channels):
        plane = []
        for top in range(-down, rows + down - high + 1):
            row = []
            for left in range(-across, columns + across - wide + 1):
                total = bias_of(held, out)
                for i, j in itertools.product(range(high), range(wide)):
                    if 0 <= top + i < rows and 0 <= left + j < columns:
                        for channel, values in enumerate(grid):
                            tap = weights[out][channel][i]
                            total += (tap[j] if two else tap) * values[top + i][left + j]
                row.append(total)
            plane.append(row)
        result.append(plane)
    return result


def bias_of(held: IntegerLayer, out: int) -> int:
    return 0 if held.bias is None else 128 * int(held.bias[out])


def narrowed(layer: Layer, held: IntegerLayer, accumulator: int) -> int:
    """clip(floor(1/2 + acc * 2^s / 128)), s = S + 8 - bits, then the activation."""
    scale = Fraction(2) ** (held.output_shift + 8 - held.bits) / 128
    value = max(-128, min(127, math.floor(Fraction(1, 2) + accumulator * scale)))
    if layer.activation is Activation.RELU:
        return max(0, value)
    if layer.activation is Activation.ABS:
        return min(127, abs(value))
    return value


def loops(integers: IntegerNetwork, sample: NDArray[np.int8]) -> list[list[int]]:
    """Every layer's output, flat, computed with nothing but loops and exact fractions."""
    grid: Grid = sample.reshape(*sample.shape, *(1,) * (3 - sample.ndim)).tolist()
    outputs = []
    for layer, held in zip(integers.network.layers, integers.layers, strict=True):
        grid = accumulated(layer, held, pooled(layer, grid))
        if not layer.wide:
            grid = [[[narrowed(layer, held, v) for v in row] for row in p] for p in grid]
        outputs.append([value for plane in grid for row in plane for value in row])
    return outputs


def inputs_for(network: Network, count: int, seed: int) -> NDArray[np.int8]:
    shape = (count, *network.input_shape)
    return np.random.default_rng(seed).integers(-128, 128, shape).astype(np.int8)


def test_the_published_checkpoint_gives_its_known_answer(
    indoor: Indoor, checkpoint_file: Path
) -> None:
    """The generated project for length 51 at 8-8-2-4 expects these four accumulators."""
    integers, inputs = published(indoor(51), checkpoint_file)
    assert integers.bits == (8, 8, 2, 4)
    assert integers.logits(inputs).tolist() == [KNOWN_ANSWER]


@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, derandomize=True, max_examples=150)
def test_every_layer_equals_plain_loops(
    integer_networks: st.SearchStrategy[IntegerNetwork], data: st.DataObject, seed: int
) -> None:
    """Convolutions, linear layers, pooling and activations equal the written definition."""
    integers = data.draw(integer_networks)
    inputs = inputs_for(integers.network, 2, seed)
    outputs = integers.layer_outputs(inputs)
    for index, sample in enumerate(inputs):
        expected = loops(integers, sample)
        assert [values[index].ravel().tolist() for values in outputs] == expected


@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, derandomize=True, max_examples=40)
def test_a_batch_gives_what_its_samples_give(
    integer_networks: st.SearchStrategy[IntegerNetwork], data: st.DataObject, seed: int
) -> None:
    """A sample's logits do not depend on its neighbours."""
    integers = data.draw(integer_networks)
    inputs = inputs_for(integers.network, 5, seed)
    single = [integers.logits(inputs[i : i + 1])[0] for i in range(5)]
    assert np.array_equal(integers.logits(inputs), np.stack(single))


def test_blocks_do_not_show(indoor: Indoor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch computed in blocks of a few samples gives the same as in one."""
    net = indoor(11)
    layers = []
    generator = np.random.default_rng(1)
    for layer in net.layers:
        weights = generator.integers(-8, 8, layer.weight_shape).astype(np.int8)
        layers.append(IntegerLayer(weights, np.zeros(layer.out_channels, np.int8), 4, -2))
    integers = IntegerNetwork(net, tuple(layers))
    inputs = inputs_for(net, 10, 2)
    whole = integers.layer_outputs(inputs)
    monkeypatch.setattr(hardware.integer, "_CHUNK_VALUES", 1000)
    assert all(
        np.array_equal(one, other)
        for one, other in zip(whole, integers.layer_outputs(inputs), strict=True)
    )


def test_no_inputs_give_no_logits() -> None:
    """An empty batch is a batch."""
    assert simple_network().logits(np.zeros((0, 1, 1), np.int8)).shape == (0, 1)


@pytest.mark.parametrize(
    ("accumulator", "shift", "value"),
    [(64, 0, 1), (63, 0, 0), (-64, 0, 0), (-65, 0, -1), (127, 7, 127), (-128, 8, -128)],
)
def test_the_output_is_rounded_half_up_and_saturates(
    accumulator: int, shift: int, value: int
) -> None:
    """floor(1/2 + acc 2^S / 128): a half goes up, also below zero; the ends are -128 and 127."""
    inputs = np.array([[[accumulator]]], np.int8)
    assert simple_network(shift=shift).logits(inputs).tolist() == [[value]]


def test_the_largest_sums_are_exact() -> None:
    """8,191 products of 127 x 127, one of 2 x 1 and a bias of -1: 132,112,513, no float32."""
    net = Network.chain(1024, (8,), [linear("fc", 1)])
    weights = np.full((1, 8192), 127, np.int8)
    weights[0, 0] = 2
    held = IntegerLayer(weights, np.full(1, -1, np.int8), 8, 0)
    inputs = np.full((1, 1024, 8), 127, np.int8)
    inputs[0, 0, 0] = 1
    assert IntegerNetwork(net, (held,)).logits(inputs).tolist() == [[132_112_513]]


def test_accuracy_takes_the_first_of_equal_logits() -> None:
    """On a tie the class with the lower number is meant, as by the chip's own code."""
    net = Network.chain(1, (1,), [linear("fc", 3, bias=False)])
    weights = np.array([[0], [1], [1]], np.int8)
    integers = IntegerNetwork(net, (IntegerLayer(weights, None, 8, 0),))
    inputs = np.array([[[5]], [[-5]], [[0]], [[7]]], np.int8)
    assert integers.accuracy(inputs, np.array([1, 0, 0, 2])) == 0.75


@pytest.mark.parametrize(("bits", "range_"), [(8, (-15, 15)), (4, (-19, 11)), (1, (-22, 8))])
def test_the_shift_range_is_the_izers(bits: int, range_: tuple[int, int]) -> None:
    """The hardware shift S + 8 - bits is a sign and four bits, -15 to 15."""
    assert output_shift_range(bits) == range_


@pytest.mark.parametrize(("bits", "shift"), [(8, 16), (8, -16), (2, 10), (1, -23)])
def test_a_shift_outside_the_range_is_refused(bits: int, shift: int) -> None:
    """The message names the layer, the range and the shift."""
    with pytest.raises(IntegerNetworkError, match=rf"'a': output shift at {bits}") as error:
        IntegerNetwork(
            simple_network().network,
            (
                IntegerLayer(np.zeros((1, 1), np.int8), np.zeros(1, np.int8), bits, shift),
                simple_network().layers[1],
            ),
        )
    low, high = output_shift_range(bits)
    assert f"{low}..{high} but is {shift}" in str(error.value)


@pytest.mark.parametrize(
    ("bits", "weight", "words"),
    [
        (4, 8, r"4-bit weights must lie in -8\.\.7 but go from 8 to 8"),
        (2, -3, r"2-bit weights must lie in -2\.\.1 but go from -3 to -3"),
        (1, 1, r"1-bit weights must lie in -1\.\.0 but go from 1 to 1"),
    ],
)
def test_weights_outside_their_bits_are_refused(bits: int, weight: int, words: str) -> None:
    """The message gives the allowed range and the weights' own."""
    net = Network.chain(1, (1,), [linear("fc", 1, bias=False)])
    held = IntegerLayer(np.full((1, 1), weight, np.int8), None, bits, 0)
    with pytest.raises(IntegerNetworkError, match=words):
        IntegerNetwork(net, (held,))


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (
            IntegerLayer(np.zeros((2, 1), np.int8), np.zeros(1, np.int8), 8, 0),
            r"weights must be int8 of shape \(1, 1\) but are int8 of shape \(2, 1\)",
        ),
        (
            IntegerLayer(np.zeros((1, 1)), np.zeros(1, np.int8), 8, 0),  # type: ignore[arg-type]
            r"weights must be int8 .* but are float64",
        ),
        (
            IntegerLayer(np.zeros((1, 1), np.int8), np.zeros(2, np.int8), 8, 0),
            r"bias must be int8 of shape \(1,\) but is int8 of shape \(2,\)",
        ),
        (IntegerLayer(np.zeros((1, 1), np.int8), None, 8, 0), "bias given and bias described"),
    ],
)
def test_arrays_of_another_shape_are_refused(held: IntegerLayer, words: str) -> None:
    """The message names the layer and gives both shapes."""
    net = Network.chain(1, (1,), [linear("fc", 1)])
    with pytest.raises(IntegerNetworkError, match=f"layer 'fc': {words}"):
        IntegerNetwork(net, (held,))


def test_a_layer_too_few_is_refused(indoor: Indoor) -> None:
    """There must be integers for every layer of the network."""
    with pytest.raises(NetworkError, match="4 widths"):
        IntegerNetwork(indoor(5), simple_network().layers)


@pytest.mark.parametrize("inputs", [np.zeros((3, 1, 1)), np.zeros((3, 1), np.int8)])
def test_inputs_of_another_kind_are_refused(inputs: NDArray[np.int8]) -> None:
    """The message gives the kind and shape wanted and given."""
    with pytest.raises(IntegerNetworkError, match=r"inputs must be int8 of shape .batch,") as error:
        simple_network().logits(inputs)
    assert str(inputs.shape) in str(error.value)


def test_a_convolution_by_hand() -> None:
    """1 2 3 padded by zeros under the kernel 1 -1 0 is 0-1, 1-2, 2-3; a bias of 1 adds 128."""
    net = Network.chain(1, (3,), [conv("a", 1, kernel=3, padding=1)])
    held = IntegerLayer(np.array([[[1, -1, 0]]], np.int8), np.ones(1, np.int8), 2, 0)
    values = IntegerNetwork(net, (held,)).logits(np.array([[[1, 2, 3]]], np.int8))
    assert values.tolist() == [[[127, 127, 127]]]


@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, derandomize=True, max_examples=60)
def test_wider_weights_give_the_same_outputs(
    integer_networks: st.SearchStrategy[IntegerNetwork], data: st.DataObject, seed: int
) -> None:
    """Weights held at any wider width: every layer's outputs stay, integers and logits too."""
    integers = data.draw(integer_networks)
    wider = tuple(
        data.draw(st.sampled_from([width for width in WEIGHT_BITS if width >= own]))
        for own in integers.bits
    )
    held = integers.held_at(wider)
    assert held.bits == wider
    assert held.logit_exponent == integers.logit_exponent
    inputs = inputs_for(integers.network, 2, seed)
    before, after = integers.layer_outputs(inputs), held.layer_outputs(inputs)
    assert [one.tolist() for one in after] == [one.tolist() for one in before]
    for one, other in zip(integers.layers, held.layers, strict=True):
        assert other.weights.tolist() == one.weights.tolist()


def test_the_published_checkpoint_held_wider_gives_its_known_answer(
    indoor: Indoor, checkpoint_file: Path
) -> None:
    """At 8-8-2-8, and with every weight in a byte."""
    integers, inputs = published(indoor(51), checkpoint_file)
    for bits in ((8, 8, 2, 8), (8, 8, 8, 8)):
        assert integers.held_at(bits).logits(inputs).tolist() == [KNOWN_ANSWER]


@pytest.mark.parametrize(
    ("bits", "words"), [((8,), "2 widths .* but 1 were"), ((8, 3), "'b' must be one of")]
)
def test_widths_that_are_not_the_chips_are_refused(bits: tuple[int, ...], words: str) -> None:
    """One of the chip's widths for every layer."""
    with pytest.raises(NetworkError, match=words):
        simple_network().held_at(bits)


def test_weights_held_too_narrow_are_refused() -> None:
    """A weight of 1 takes two bits."""
    with pytest.raises(IntegerNetworkError, match=r"1-bit weights must lie in -1\.\.0"):
        simple_network().held_at((1, 8))
