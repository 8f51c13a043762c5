# SPDX-License-Identifier: Apache-2.0
"""Inputs as words, in the order in which the izer's own sample is copied."""

import numpy as np
import pytest

from hardware.board.input_words import pack_inputs, unpack_input
from hardware.cost.load_words import InputFormat, input_words
from hardware.network import Network, conv, linear

SHAPES = [(1, 6, 6), (1, 8, 8), (2, 101), (2, 5), (16, 7), (17, 7), (64, 3), (65, 3), (100, 2)]


def network_of(shape: tuple[int, ...]) -> Network:
    if len(shape) == 1:
        return Network.chain(shape[0], (), [linear("fc", 4)])
    return Network.chain(shape[0], shape[1:], [conv("conv", 4, kernel=1), linear("fc", 4)])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_packed_inputs_are_unpacked(shape: tuple[int, ...]) -> None:
    """Back and forth, as the reader of the izer's sampledata.h reads them; no word more."""
    network = network_of(shape)
    inputs = np.random.default_rng(1).integers(-128, 128, (3, *shape)).astype(np.int8)
    words = pack_inputs(inputs, network)
    held = InputFormat.CHW if shape[0] <= 16 else InputFormat.HWC
    if shape[0] <= 64:
        assert words.shape == (3, input_words(network, held))
    for one, wanted in zip(words, inputs, strict=True):
        assert unpack_input(one, network).tolist() == wanted.tolist()


def test_an_image_of_one_channel_is_four_pixels_a_word() -> None:
    """Rows one after the other, the first pixel lowest: 36 pixels are 9 words."""
    pixels = np.arange(36, dtype=np.int8).reshape(1, 1, 6, 6)
    words = pack_inputs(pixels, network_of((1, 6, 6)))
    assert words.shape == (1, 9)
    assert words[0, 0] == 0x03020100
    assert words[0, 8] == 0x23222120


def test_many_channels_are_four_of_a_pixel_a_word() -> None:
    """17 channels are five runs, one for each four, of one word a pixel."""
    values = np.arange(34, dtype=np.int8).reshape(1, 17, 2)
    words = pack_inputs(values, network_of((17, 2)))
    assert words.shape == (1, 10)
    assert words[0, 0] == 0x06040200
    assert words[0, 9] == 0x00000021
