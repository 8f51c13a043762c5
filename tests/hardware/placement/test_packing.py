# SPDX-License-Identifier: Apache-2.0
"""What the izer packs wrongly, and the way out."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.chips import MAX78002
from hardware.layer import WEIGHT_BITS
from hardware.network import Network, conv
from hardware.placement.limits import DoesNotFit
from hardware.placement.nearest_fit import check_fit
from hardware.placement.packing import check_packing

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
