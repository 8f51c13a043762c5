# SPDX-License-Identifier: Apache-2.0
"""Memory contents worked out by hand; each KERNELS below is also what the izer writes of it."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from hardware.chips import MAX78000, MAX78002
from hardware.integer import IntegerLayer, IntegerNetwork
from hardware.izer.headers import kernel_memory
from hardware.izer.memory_image import (
    first_misplaced,
    layer_kernels,
    output_words,
    quadrant_biases,
)
from hardware.izer.toolchain import IzerError
from hardware.layer import Activation, Layer, Operation
from hardware.network import Network, conv, linear
from hardware.placement.plan import place

PLAIN = {"activation": Activation.NONE, "bias": False}


def int8(values: object) -> NDArray[np.int8]:
    return np.array(values, np.int8)


def held(layer: Layer, weights: object, bits: int) -> IntegerNetwork:
    """A network of one layer."""
    bias = np.ones(layer.out_channels, np.int8) if layer.bias else None
    return IntegerNetwork(Network((layer,)), (IntegerLayer(int8(weights), bias, bits, 0),))


# one kernel 1 2 3, one byte a tap, the last tap first; processor 0 alone is filled from the top
ONE = held(Layer("one", Operation.CONV1D, 1, (5,), 1, (3,), 1), [[[1, 2, 3]]], 8)
ONE_KERNELS = [0x51404FF0, 3, 0, 0x102, 0x03000000, 0]

# three outputs of 2 taps at 4 bits: bytes hold outputs 0 and 1 of the last tap (e2: -2 and 2) and
# of the first (f1), then output 2 alone (06, 05); in CHW the second channel is processor 4's
FOUR = held(
    Layer("four", Operation.CONV1D, 2, (3,), 3, (2,), 1),
    [[[1, 2], [3, 4]], [[-1, -2], [-3, -4]], [[5, 6], [7, -8]]],
    4,
)
FOUR_KERNELS = [0x51400000, 3, 0, 0x000506F1, 0xE2000000]
FOUR_KERNELS += [0x51480000, 3, 0, 0x000708D3, 0xC4000000, 0]

# five outputs at 2 bits, four in a byte from the lowest bits up: 1, 0, -1, -2 is 10 11 00 01 = b1
TWO = held(
    Layer("two", Operation.LINEAR, 2, (), 5), [[1, -2], [0, 1], [-1, 0], [-2, -1], [1, 1]], 2
)
TWO_KERNELS = [0x51400000, 3, 0, 0x01, 0xB1000000, 0x51420000, 3, 0, 0x01, 0xC6000000, 0]

# flattened: the three pixels of output 0, then those of output 1: 1 2, 3 -1, -2 -3 of channel 0
FLAT = held(
    Layer("flat", Operation.LINEAR, 2, (3,), 2),
    [[1, 2, 3, 4, 5, 6], [-1, -2, -3, -4, -5, -6]],
    4,
)
FLAT_KERNELS = [0x51400000, 3, 0, 0xDEF3, 0x21000000, 0x51420000, 3, 0, 0xABC6, 0x54000000, 0]

# 72 channels in two passes over 36 processors: processor n reads channel n, then channel 36 + n
MANY = held(Layer("many", Operation.LINEAR, 72, (), 1), [list(range(72))], 8)
MANY_KERNELS = [0]
for _processor in range(35, -1, -1):
    _address = 0x51400000 + _processor // 16 * 0x1000000 + _processor % 16 * 0x20000
    MANY_KERNELS = [_address, 3, 0, 36 + _processor, _processor << 24, *MANY_KERNELS]

EXAMPLES = [
    (ONE, ONE_KERNELS, {(0, 5116): "030201"}),
    (FOUR, FOUR_KERNELS, {(0, 0): "e2f10605", (4, 0): "c4d30807"}),
    (TWO, TWO_KERNELS, {(0, 0): "b101", (1, 0): "c601"}),
    (FLAT, FLAT_KERNELS, {(0, 0): "21f3de", (1, 0): "54c6ab"}),
    (MANY, MANY_KERNELS, {(n, 0): f"{n:02x}{36 + n:02x}" for n in range(36)}),
]
NAMES = ["one", "four", "two", "flat", "many"]


@pytest.mark.parametrize(("integers", "kernels", "words"), EXAMPLES, ids=NAMES)
def test_weights_lie_as_worked_out_by_hand(
    integers: IntegerNetwork, kernels: list[int], words: dict[tuple[int, int], str]
) -> None:
    """The bytes of each used word, and the header that loads them."""
    places = place(integers.network, integers.bits, MAX78002)
    layer, own = integers.network.layers[0], integers.layers[0]
    found = {where: content.hex() for where, content in layer_kernels(layer, own, places[0])}
    assert found == words
    assert first_misplaced(integers, places, kernel_memory(kernels, MAX78002)) is None


@pytest.mark.parametrize(("integers", "kernels", "words"), EXAMPLES, ids=NAMES)
def test_every_flipped_bit_is_found(
    integers: IntegerNetwork, kernels: list[int], words: dict[tuple[int, int], str]
) -> None:
    """Of addresses, counts and used bytes: the layer is named, or the header is refused."""
    places = place(integers.network, integers.bits, MAX78002)
    layer = integers.network.layers[0]
    used = len(next(iter(words.values()))) // 2  # of the 9 bytes of a word, counted from its end
    flips = 0
    for index in range(len(kernels)):
        within = (index % 5) - 2  # word of the run: its content begins two words in
        for bit in range(32):
            byte = 4 * within + 3 - bit // 8
            if index < len(kernels) - 1 and within >= 0 and not 9 - used <= byte < 9:
                continue  # a byte that no kernel takes
            flipped = [*kernels]
            flipped[index] ^= 1 << bit
            try:
                memory = kernel_memory(flipped, MAX78002)
            except IzerError:
                flips += 1
                continue
            if index == len(kernels) - 1:
                continue
            assert first_misplaced(integers, places, memory) == layer.name, (index, bit)
            flips += 1
    assert flips >= len(words) * (64 + 8 * used)


def test_the_layer_with_the_wrong_weights_is_named() -> None:
    """The first of them, in the network's order."""
    layers = Network.chain(20, (4,), [conv("a", 20, kernel=3), linear("b", 3)]).layers
    generator = np.random.default_rng(1)
    integers = IntegerNetwork(
        Network(layers),
        tuple(
            IntegerLayer(
                generator.integers(-8, 8, one.weight_shape).astype(np.int8),
                np.zeros(one.out_channels, np.int8),
                4,
                0,
            )
            for one in layers
        ),
    )
    places = place(integers.network, integers.bits, MAX78000)
    memory = {
        (processor, word): content.ljust(9, b"\0")
        for layer, own, where in zip(layers, integers.layers, places, strict=True)
        for (processor, word), content in layer_kernels(layer, own, where)
    }
    assert first_misplaced(integers, places, memory) is None
    del memory[19, places[1].kernel_offset]
    assert first_misplaced(integers, places, memory) == "b"
    memory[3, 0] = bytes(9)
    assert first_misplaced(integers, places, memory) == "a"


def test_biases_that_are_all_zero_are_not_stored() -> None:
    """The others follow each other, in the network's order where one quadrant holds all."""
    plans = [linear("a", 3), linear("b", 2), linear("c", 1, bias=False), linear("d", 4)]
    network = Network.chain(2, (), plans)
    biases = ([1, -1, 0], [0, 0], None, [5, 6, 7, -8])
    layers = tuple(
        IntegerLayer(
            np.zeros(layer.weight_shape, np.int8), None if bias is None else int8(bias), 8, 0
        )
        for layer, bias in zip(network.layers, biases, strict=True)
    )
    for chip in (MAX78000, MAX78002):
        stored = quadrant_biases(IntegerNetwork(network, layers), chip)
        assert stored == [bytes([1, 255, 0, 5, 6, 7, 248])]


def test_an_output_word_holds_four_channels_of_a_pixel() -> None:
    """Five channels of two pixels from byte 16 on: the fifth has the next instance's low byte."""
    layer = Layer("a", Operation.CONV1D, 1, (2,), 5, (1,), **PLAIN)  # type: ignore[arg-type]
    places = place(Network((layer,)), (8,), MAX78002)
    assert places[0].write.offset == 16
    values = np.array([[1, -1], [2, -2], [3, -3], [4, -4], [5, -5]])
    assert output_words(values, layer, places[0], MAX78002) == {
        0x51800010: (0xFFFFFFFF, 0x04030201),
        0x51800014: (0xFFFFFFFF, 0xFCFDFEFF),
        0x51820010: (0xFF, 0x05),
        0x51820014: (0xFF, 0xFB),
    }
    third = replace(places[0], write_gap=2)  # every third word
    assert set(output_words(values, layer, third, MAX78000)) == {
        0x50400010,
        0x5040001C,
        0x50408010,
        0x5040801C,
    }


def test_a_wide_output_has_a_word_for_each_channel() -> None:
    """A pixel's four channels follow each other, 32 bits in two's complement."""
    layer = Layer("a", Operation.CONV1D, 1, (2,), 5, (1,), wide=True, **PLAIN)  # type: ignore[arg-type]
    places = place(Network((layer,)), (8,), MAX78002)
    values = np.array([[1, 6], [-2, 7], [3, 8], [4, 9], [-972, 12214]])
    full = 0xFFFFFFFF
    assert output_words(values, layer, places[0], MAX78002) == {
        0x51800010: (full, 1),
        0x51800014: (full, 0xFFFFFFFE),
        0x51800018: (full, 3),
        0x5180001C: (full, 4),
        0x51800020: (full, 6),
        0x51800024: (full, 7),
        0x51800028: (full, 8),
        0x5180002C: (full, 9),
        0x51820010: (full, 0xFFFFFC34),
        0x51820020: (full, 12214),
    }


def test_over_64_channels_the_passes_of_a_pixel_follow_each_other() -> None:
    """72 channels are twice 36: instance n has channels 4n on, then 36 + 4n on."""
    layer = Layer("a", Operation.LINEAR, 1, (), 72, **PLAIN)  # type: ignore[arg-type]
    places = place(Network((layer,)), (8,), MAX78000)
    found = output_words(np.arange(72), layer, places[0], MAX78000)
    assert len(found) == 18
    assert found[0x50400010] == (0xFFFFFFFF, 0x03020100)
    assert found[0x50400014] == (0xFFFFFFFF, 0x27262524)
    assert found[0x50C00010] == (0xFFFFFFFF, 0x23222120)  # instance 8: the third quadrant's first
    assert found[0x50C00014] == (0xFFFFFFFF, 0x47464544)
