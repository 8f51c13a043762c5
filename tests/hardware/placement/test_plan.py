# SPDX-License-Identifier: Apache-2.0
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from hardware.chips import MAX78000, MAX78002
from hardware.layer import Activation, Combine, Layer, Operation
from hardware.network import LayerPlan, Network, conv, linear
from hardware.placement.limits import DoesNotFit
from hardware.placement.plan import place
from hardware.placement.processors import input_map, packed_map

Indoor = Callable[[int], Network]


def first(channels: int, plan: LayerPlan) -> Layer:
    return Network.chain(channels, (6,), [plan]).layers[0]


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
    assert input_map(first(channels, conv("a", 4, kernel=1))) == mask
    assert input_map(first(17, conv("a", 4, kernel=1))) == packed_map(17) == 0x1FFFF


def test_linear_inputs_are_packed_whatever_their_channels() -> None:
    """A vector is HWC with one pixel. Source: the published dotprod network."""
    assert input_map(first(3, linear("a", 4))) == 0x7


def test_what_does_not_fit_is_not_placed(indoor: Indoor) -> None:
    """The limit is named."""
    with pytest.raises(DoesNotFit, match="kernel words"):
        place(indoor(101), (8, 8, 8, 8), MAX78000)


def image(name: str, *sources: int, **changes: Any) -> Layer:
    """A 1x1 convolution 4 -> 4 of 6 x 6 values, without bias."""
    settled = {"in_channels": 4, "in_size": (6, 6), "out_channels": 4, "kernel": (1, 1)}
    return Layer(name, Operation.CONV2D, sources=sources, bias=False, **(settled | changes))


def copy(name: str, *sources: int, **changes: Any) -> Layer:
    settled = {"in_channels": 4, "in_size": (6, 6), "out_channels": 4}
    quiet = {"activation": Activation.NONE, "bias": False}
    return Layer(name, Operation.PASSTHROUGH, sources=sources, **(settled | quiet | changes))


def test_operands_lie_in_turn() -> None:
    """As in networks/cifar100-ressimplenet.yaml of the izer: a gap of one word, 4 bytes apart."""
    network = Network((image("a"), copy("b"), image("c", 0), image("d", 1, 2, combine=Combine.ADD)))
    _, copied, second, joined = place(network, (8, 8, 8, 8), MAX78000)
    assert (copied.write_gap, second.write_gap) == (1, 1)
    assert second.write.offset == copied.write.offset + 4
    assert joined.read.offset == copied.write.offset
    assert joined.read.size == 2 * 36 * 4


def test_an_operand_may_be_read_alone_on_the_max78002() -> None:
    """It has `read_gap`, up to 64 channels; the MAX78000 needs a copy."""
    network = Network((image("a"), image("b"), image("c", 0, 1, combine=Combine.ADD)))
    places = place(network, (8, 8, 8), MAX78002)
    assert [one.read_gap for one in places] == [0, 1, 0]
    with pytest.raises(DoesNotFit, match=r"b: a lies in turn .* on the MAX78000 can read it alone"):
        place(network, (8, 8, 8), MAX78000)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (
            (image("a"), image("b", -1, 0, combine=Combine.ADD)),
            "b: it combines the network's input",
        ),
        ((image("a"), image("b", 0, 0, combine=Combine.ADD)), "a layer twice"),
        ((image("a"), image("b", -1, 0, in_channels=8)), "b: concatenated layers are priced but"),
        (
            (
                image("a"),
                copy("b"),
                copy("c", 0, 1, combine=Combine.ADD),
                copy("d", 1, 2, combine=Combine.ADD),
            ),
            "one that another layer combines too",
        ),
    ],
)
def test_what_cannot_lie_in_turn_is_not_placed(layers: tuple[Layer, ...], words: str) -> None:
    """It is priced, but placing says why not and what to do."""
    with pytest.raises(DoesNotFit, match=words):
        place(Network(layers), (8,) * len(layers), MAX78002)
