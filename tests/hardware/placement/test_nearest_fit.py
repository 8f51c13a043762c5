# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable

import pytest

from hardware.chips import MAX78000, MAX78002
from hardware.layer import NetworkError
from hardware.network import Network, conv, linear
from hardware.placement.nearest_fit import advise, check_fit, longest_input, nearest_bits

Indoor = Callable[[int], Network]


def test_narrower_bits_that_are_named_fit(indoor: Indoor) -> None:
    """Indoor at L = 101 and 8 bits fits the MAX78000 once fc1 has 2 bits, and nothing else less."""
    found = nearest_bits(indoor(101), (8, 8, 8, 8), MAX78000)
    assert found == (8, 8, 2, 8)
    check_fit(indoor(101), found, MAX78000)
    assert nearest_bits(indoor(31), (8, 8, 8, 8), MAX78000) == (8, 8, 8, 8)


def test_shorter_input_that_is_named_fits_and_one_more_does_not(indoor: Indoor) -> None:
    """On the MAX78002 the longest 8-bit indoor input is 183. Source: accepted and refused there."""
    longest = longest_input(indoor, 255, (8, 8, 8, 8), MAX78002)
    assert longest == 183
    check_fit(indoor(183), (8, 8, 8, 8), MAX78002)


def test_advice_names_both_changes(indoor: Indoor) -> None:
    """Narrower weights and a shorter input are both ways out."""
    said = advise(indoor(101), (8, 8, 8, 8), MAX78000, indoor)
    assert said == "it fits with bits 8-8-2-8 or with an input of 33"
    check_fit(indoor(33), (8, 8, 8, 8), MAX78000)
    assert advise(indoor(33), (8, 8, 8, 8), MAX78000, indoor) == ""


def test_advice_on_a_broken_rule_gives_the_rule() -> None:
    """No width of weights mends a kernel of 5x5."""
    network = Network.chain(3, (16, 16), [conv("a", 8, kernel=5), linear("b", 2)])
    assert advise(network, (8, 8), MAX78002) == "it fits with a: kernel size at most 3"


def test_advice_does_not_promise_what_memory_denies() -> None:
    """Where a rule is broken and a memory full, keeping the rule is not said to be enough."""
    network = Network.chain(3, (64, 64), [conv("a", 128, kernel=5), linear("b", 10)])
    said = advise(network, (8, 8), MAX78002)
    assert said.startswith("it needs a: kernel size at most 3")
    assert said.endswith("a memory is too small for it besides")


def test_there_may_be_no_way_out(indoor: Indoor) -> None:
    """Where the data memory is too small at every width, that is said."""
    network = Network.chain(
        64, (200, 200), [conv("a", 64, kernel=3, padding=1), conv("b", 2, kernel=1)]
    )
    assert nearest_bits(network, (2, 2), MAX78002) is None
    assert "neither narrower weights nor a shorter input" in advise(network, (2, 2), MAX78002)

    def refuses(length: int) -> Network:
        if length < 190:
            raise NetworkError("too short")
        return indoor(length)

    assert longest_input(refuses, 250, (8, 8, 8, 8), MAX78002) is None


@pytest.mark.parametrize("bits", [(8, 8, 8, 8), (2, 8, 8, 4), (4, 4, 4, 4)])
def test_nearest_bits_never_widen(indoor: Indoor, bits: tuple[int, ...]) -> None:
    """Each layer keeps its width or gets a narrower one."""
    found = nearest_bits(indoor(101), bits, MAX78000)
    assert found is not None
    assert all(narrow <= wide for narrow, wide in zip(found, bits, strict=True))
