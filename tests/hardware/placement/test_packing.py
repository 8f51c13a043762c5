# SPDX-License-Identifier: Apache-2.0
"""What the izer packs wrongly, and the way out."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.chips import MAX78002
from hardware.layer import WEIGHT_BITS, NetworkError
from hardware.network import Network, conv, linear
from hardware.placement.limits import DoesNotFit
from hardware.placement.nearest_fit import check_fit
from hardware.placement.packing import check_packing, sound_bits

Indoor = Callable[[int], Network]


@pytest.mark.parametrize(
    ("channels", "outputs", "bits", "words"),
    [
        (200, 4, 4, "4-bit weights for 200 channels in; 8 bits or 208 channels are safe"),
        (66, 4, 2, "2-bit weights for 66 channels in; 8 bits or 72 channels are safe"),
        (8, 66, 1, "1-bit weights for 66 channels out; 2 bits or 80 channels are safe"),
    ],
)
def test_what_the_izer_packs_wrongly_is_refused_with_the_way_out(
    channels: int, outputs: int, bits: int, words: str
) -> None:
    """It takes and simulates these, but weights.h has kernels out of place."""
    net = Network.chain(channels, (1,), [conv("a", outputs, kernel=1)])
    with pytest.raises(DoesNotFit, match="a: the izer misplaces") as error:
        check_packing(net, (bits,))
    assert words in str(error.value)


@given(channels=st.integers(1, 1024), bits=st.sampled_from(WEIGHT_BITS))
@settings(deadline=None, derandomize=True)
def test_following_the_advice_heals_the_packing(channels: int, bits: int) -> None:
    """The widths the message calls safe are safe, and 8 bits always are."""
    net = Network.chain(channels, (1,), [conv("a", channels, kernel=1)])
    check_packing(net, (8,))
    for _ in range(3):
        try:
            check_packing(net, (bits,))
        except DoesNotFit as advice:
            wider = int(str(advice).split(" or ")[1].split()[0])
            assert wider > channels
            channels = wider
            net = Network.chain(wider, (1,), [conv("a", wider, kernel=1)])
    check_packing(net, (bits,))


def test_the_published_pick_needs_widening_before_export(indoor: Indoor) -> None:
    """Its fc2 takes 200 channels at 4 bits: it fits, but 208 are needed for a sound weights.h."""
    check_fit(indoor(101), (8, 8, 2, 4), MAX78002)
    with pytest.raises(DoesNotFit, match=r"fc2: .* 208 channels"):
        check_packing(indoor(101), (8, 8, 2, 4))
    check_packing(indoor(101), (8, 8, 2, 8))


@pytest.mark.parametrize(
    ("channels", "outputs", "bits", "held"),
    [
        (200, 4, (4, 2), (8, 2)),  # 4 passes of 52 processors, the last one with 44
        (66, 4, (2, 1), (8, 1)),
        (8, 66, (1, 8), (2, 8)),  # 66 channels out in two passes of 36, no multiple of 8
        (8, 128, (1, 1), (1, 1)),
        (64, 64, (1, 2), (1, 2)),
        (66, 66, (1, 4), (8, 8)),
    ],
)
def test_weights_are_held_as_wide_as_they_must(
    channels: int, outputs: int, bits: tuple[int, int], held: tuple[int, int]
) -> None:
    """Where the izer would misplace them, and nowhere else."""
    net = Network.chain(channels, (1,), [conv("a", outputs, kernel=1), conv("b", 4, kernel=1)])
    assert sound_bits(net, bits) == held


def test_flattened_weights_stay_as_they_are(indoor: Indoor) -> None:
    """The published pick: only fc2, which takes 200 channels, is held at 8 bits."""
    assert sound_bits(indoor(51), (8, 8, 2, 4)) == (8, 8, 2, 8)
    assert sound_bits(indoor(51), (1, 2, 1, 8)) == (1, 2, 1, 8)


@given(
    sizes=st.lists(st.tuples(st.integers(1, 300), st.sampled_from(WEIGHT_BITS)), min_size=2),
    data=st.data(),
)
@settings(deadline=None, derandomize=True)
def test_sound_widths_are_sound_and_no_wider_than_they_must(
    sizes: list[tuple[int, int]], data: st.DataObject
) -> None:
    """None is narrower than asked, and any narrower one would be refused."""
    channels = data.draw(st.integers(1, 300))
    flat = [linear(f"l{index}", outputs) for index, (outputs, _) in enumerate(sizes)]
    net = Network.chain(channels, (), flat)
    asked = [bits for _, bits in sizes]
    held = sound_bits(net, asked)
    check_packing(net, held)
    for index, (own, wide) in enumerate(zip(asked, held, strict=True)):
        assert wide >= own
        for width in WEIGHT_BITS:
            if own <= width < wide:
                narrower = (*held[:index], width, *held[index + 1 :])
                with pytest.raises(DoesNotFit, match=f"l{index}: "):
                    check_packing(net, narrower)


@pytest.mark.parametrize("bits", [(8,), (8, 8, 8), (8, 16), (3, 8)])
def test_widths_that_are_not_the_chips_are_refused(bits: tuple[int, ...]) -> None:
    """One of the chip's widths for every layer, no other is rounded up to one."""
    net = Network.chain(8, (), [linear("a", 4), linear("b", 4)])
    with pytest.raises(NetworkError, match=r"bits must name 2|must be one of 1, 2, 4, 8"):
        sound_bits(net, bits)
