# SPDX-License-Identifier: Apache-2.0
"""Words that the core writes, against the izer's generated files."""

import pytest

from hardware.chips import MAX78000, MAX78002, Chip
from hardware.cost.load_words import InputFormat, input_words, kernel_map, weight_words
from hardware.network import LayerPlan, Network, conv, linear, max_pool
from tests.hardware.measured_networks import (
    aisegment_network,
    cats_dogs_network,
    cifar_network,
    kws_network,
    kws_v3_1_network,
    mnist_network,
)


def chain(channels: int, length: int, outputs: tuple[int, int, int], logits: int) -> Network:
    first, second, third = outputs
    plans: list[LayerPlan] = [
        conv("a", first, kernel=3, padding=int(channels <= 64), bias=False),
        conv("b", second, kernel=3, pool=max_pool(2), bias=False),
        conv("c", third, kernel=1, bias=False),
        linear("d", logits, bias=False),
        linear("e", 4, bias=False),
    ]
    return Network.chain(channels, (length,), plans)


@pytest.mark.parametrize(
    ("network", "chip", "words"),
    [
        (kws_network(), MAX78000, 44_585),
        (kws_v3_1_network(), MAX78002, 39_093),
    ],
)
def test_packed_networks_take_the_izers_words(network: Network, chip: Chip, words: int) -> None:
    """`KERNELS` of the generated weights.h, counted, of its two keyword examples."""
    bits = (8,) * len(network.layers)
    assert weight_words(network, bits, kernel_map(network, chip)) == words


@pytest.mark.parametrize(
    ("network", "input_format", "words"),
    [
        (mnist_network(), None, 17_930),
        (cifar_network(), InputFormat.HWC, 76_401),
        (cats_dogs_network(), InputFormat.HWC, 14_695),
        (aisegment_network(), InputFormat.HWC, 71_025),
    ],
)
def test_other_maps_take_nearly_the_same_words(
    network: Network, input_format: InputFormat | None, words: int
) -> None:
    """Examples whose processor maps do not all begin at processor 0 differ by up to 0.22 %."""
    bits = (8,) * len(network.layers)
    placed = kernel_map(network, MAX78002, input_format)
    assert weight_words(network, bits, placed) == pytest.approx(words, rel=0.003)


@pytest.mark.parametrize(
    ("chip", "network", "bits", "words"),
    [
        (MAX78002, chain(3, 16, (4, 12, 10), 4), (2, 8, 4, 2, 2), 182),
        (MAX78002, chain(70, 51, (4, 72, 32), 20), (8, 8, 8, 8, 8), 4_913),
        (MAX78002, chain(1, 31, (128, 128, 72), 4), (4, 8, 8, 2, 2), 15_301),
        (MAX78000, chain(1, 31, (32, 60, 128), 50), (2, 2, 8, 4, 2), 13_556),
        (MAX78000, chain(3, 51, (128, 128, 12), 20), (8, 4, 2, 2, 2), 7_438),
        (MAX78000, chain(20, 51, (72, 64, 32), 20), (4, 8, 2, 4, 8), 6_477),
    ],
)
def test_random_networks_take_the_izers_words(
    chip: Chip, network: Network, bits: tuple[int, ...], words: int
) -> None:
    """Counted in weights.h of generated projects: several passes, mixed widths, both chips."""
    assert weight_words(network, bits, kernel_map(network, chip)) == words


@pytest.mark.parametrize(
    ("channels", "size", "input_format", "words"),
    [
        (2, (101,), None, 52),
        (1, (28, 28), None, 196),
        (16, (3,), None, 16),
        (17, (3,), None, 15),
        (3, (32, 32), InputFormat.CHW, 768),
        (3, (32, 32), InputFormat.HWC, 1024),
        (48, (48, 48), InputFormat.HWC, 27_648),
    ],
)
def test_inputs_are_copied_in_words_of_four_bytes(
    channels: int, size: tuple[int, ...], input_format: InputFormat | None, words: int
) -> None:
    """Counts of the generated `load_input()`; the last word may be part full."""
    network = Network.chain(channels, size, [linear("a", 1)])
    assert input_words(network, input_format) == words


def test_fewer_bits_take_fewer_words() -> None:
    """Halving every width nearly halves what is copied."""
    network = kws_network()
    words = [
        weight_words(network, (bits,) * 9, kernel_map(network, MAX78002)) for bits in (8, 4, 2)
    ]
    assert words[1] / words[0] == pytest.approx(0.5, abs=0.05)
    assert words[2] / words[1] == pytest.approx(0.5, abs=0.05)
