# SPDX-License-Identifier: Apache-2.0
import itertools
from collections.abc import Callable

import pytest

from hardware.chips import MAX78000, MAX78002
from hardware.layer import Combine, Layer, Operation
from hardware.network import Network, conv, linear
from hardware.placement import DoesNotFit
from hardware.plan import place
from hardware.processors import input_map, packed_map

Indoor = Callable[[int], Network]


def test_maps_of_the_indoor_network(indoor: Indoor) -> None:
    """CHW input in processors 0 and 4; 10 channels in 0..9; 200 features in 52 of 64, 4 passes."""
    places = place(indoor(51), (8, 8, 2, 4), MAX78002)
    assert [hex(one.processors) for one in places] == [
        "0x11",
        "0x3ff",
        "0x3ff",
        "0xfffffffffffff",
    ]
    assert places[-1].output_processors == 0xF
    for before, after in itertools.pairwise(places):
        assert before.output_processors == after.processors
        assert before.write == after.read


def test_kernels_follow_each_other_on_multiples_of_four(indoor: Indoor) -> None:
    """fc2 sits in 52 processors, the others in 10: all begin where the one before ends."""
    places = place(indoor(101), (8, 8, 8, 8), MAX78002)
    assert [one.kernel_offset for one in places] == [0, 4, 8, 2256]
    assert [one.kernel_words for one in places] == [4, 4, 2246, 2]


def test_one_input_channel_uses_the_longer_memory_of_processor_0() -> None:
    """On the MAX78002 its kernels end at word 5,120; on the MAX78000 there is no such place."""
    network = Network.chain(1, (28, 28), [conv("a", 60, kernel=3), conv("b", 4, kernel=3)])
    assert place(network, (8, 8), MAX78002)[0].kernel_offset == 5060
    assert place(network, (8, 8), MAX78000)[0].kernel_offset == 0


def test_layers_over_all_processors_are_placed_first() -> None:
    """They leave no holes that way. Source: the izer's change 352."""
    network = Network.chain(
        8, (9,), [conv("a", 64, kernel=3), conv("b", 8, kernel=3), linear("c", 2)]
    )
    places = place(network, (8, 8, 8), MAX78002)
    assert places[1].kernel_offset == 0
    assert places[1].kernel_words == 3
    assert places[0].kernel_offset == 4


@pytest.mark.parametrize(("channels", "mask"), [(1, 0x1), (3, 0x111), (16, int("1" * 16, 16))])
def test_chw_inputs_take_one_channel_in_four_processors(channels: int, mask: int) -> None:
    """Up to 16 channels; a 17th makes the input HWC."""
    assert input_map(channels) == mask
    assert input_map(17) == packed_map(17) == 0x1FFFF


def test_what_does_not_fit_is_not_placed(indoor: Indoor) -> None:
    """Nor is a network whose operands have to be interleaved."""
    with pytest.raises(DoesNotFit, match="kernel words"):
        place(indoor(101), (8, 8, 8, 8), MAX78000)
    shape = {"in_channels": 4, "in_size": (6,), "out_channels": 4, "kernel": (1,)}
    skip = {"sources": (-1, 0), "combine": Combine.ADD}
    first = Layer("a", Operation.CONV1D, **shape)  # type: ignore[arg-type]
    network = Network((first, Layer("b", Operation.CONV1D, **shape, **skip)))  # type: ignore[arg-type]
    with pytest.raises(DoesNotFit, match="priced but not placed"):
        place(network, (8, 8), MAX78002)
