# SPDX-License-Identifier: Apache-2.0
"""The front of two sums over layers."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mpqsearch.baselines.sums import LARGEST_FRONT, front_of_sums

LAYER = st.tuples(
    st.lists(st.integers(0, 6).map(float), min_size=3, max_size=3),
    st.lists(st.integers(0, 9), min_size=3, max_size=3),
)
WIDTHS = (8, 4, 2)


@given(st.lists(LAYER, min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_the_front_is_that_of_all_assignments(layers: list[tuple[list[float], list[int]]]) -> None:
    """Sums no assignment beats, each once, largest first; whole numbers, so that ties are ties."""
    losses, sizes = zip(*layers, strict=True)
    found = front_of_sums([WIDTHS] * len(layers), losses, sizes)

    def sums(bits: tuple[int, ...]) -> tuple[int, float]:
        places = [WIDTHS.index(width) for width in bits]
        return (
            sum(size[at] for size, at in zip(sizes, places, strict=True)),
            sum(loss[at] for loss, at in zip(losses, places, strict=True)),
        )

    every = {sums(bits) for bits in itertools.product(WIDTHS, repeat=len(layers))}
    wanted = [
        one
        for one in every
        if not any(it != one and it[0] <= one[0] and it[1] <= one[1] for it in every)
    ]
    assert [sums(bits) for bits in found] == sorted(wanted, reverse=True)


def test_thirty_unequal_layers_have_a_front() -> None:
    """Thinned, from the widest to the narrowest, and both sums still trade."""
    rng = np.random.default_rng(0)
    counts = rng.integers(1000, 100_000, 30)
    sizes = [[int(count) * width // 8 for width in WIDTHS] for count in counts]
    losses = np.sort(rng.exponential(1.0, (30, 3)), axis=1)
    found = front_of_sums([WIDTHS] * 30, losses, sizes)
    assert 100 < len(found) <= LARGEST_FRONT
    assert (found[0], found[-1]) == ((8,) * 30, (2,) * 30)
    places = np.array([[WIDTHS.index(width) for width in bits] for bits in found])
    rows = np.arange(30)
    size = np.array(sizes)[rows, places].sum(axis=1)
    loss = losses[rows, places].sum(axis=1)
    assert (np.diff(size) < 0).all()
    assert (np.diff(loss) > 0).all()
