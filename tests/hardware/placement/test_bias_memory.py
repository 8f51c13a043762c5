# SPDX-License-Identifier: Apache-2.0
"""Which quadrant holds which biases, and in which order; the izer's tests compare every byte."""

from hardware.chips import MAX78000, MAX78002
from hardware.network import Network, conv, linear
from hardware.placement.bias_memory import biases_by_quadrant, quadrants_in_use

GROWING = [conv("a", 4, kernel=3), conv("b", 16, kernel=3), linear("c", 12)]


def test_in_a_single_quadrant_biases_keep_the_networks_order() -> None:
    """At 16 channels nothing is sorted by size: as seen in weights.h of such networks."""
    network = Network.chain(2, (9,), GROWING)
    assert quadrants_in_use(network, MAX78002) == 1
    assert list(biases_by_quadrant(network, MAX78002)) == [0, 1, 2]


def test_the_max78000_stores_a_flattening_layers_biases_first() -> None:
    """In a single quadrant too."""
    network = Network.chain(2, (9,), GROWING)
    assert list(biases_by_quadrant(network, MAX78000)) == [2, 0, 1]


def test_over_several_quadrants_the_most_biases_go_first() -> None:
    """17 channels use two quadrants: 17 in one, then 12 and 4 in the other."""
    network = Network.chain(2, (9,), [conv("a", 4, kernel=3), conv("b", 17, kernel=3), GROWING[2]])
    assert biases_by_quadrant(network, MAX78002) == {1: 0, 2: 1, 0: 1}
    assert list(biases_by_quadrant(network, MAX78002)) == [1, 2, 0]
