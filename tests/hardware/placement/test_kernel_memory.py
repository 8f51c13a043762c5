# SPDX-License-Identifier: Apache-2.0
"""Where the izer puts weights, its oddities included; the real izer agrees in its own tests."""

from hardware.chips import MAX78000, MAX78002
from hardware.placement.kernel_memory import place_kernels


def test_layers_lie_one_behind_the_other_at_multiples_of_four() -> None:
    """Each begins at the first multiple of 4 behind the one before; the end is counted likewise."""
    found = place_kernels([5, 0, 8, 1], [10, 10, 64, 2], MAX78002)
    assert found.offsets == (8, 0, 0, 16)
    assert (found.shared, found.alone, found.overlaid) == (20, 0, ())


def test_one_channel_lies_at_the_end_of_the_first_processor() -> None:
    """Where its memory is longer than the others'; the MAX78000's is not."""
    assert place_kernels([5, 5], [1, 3], MAX78002).offsets == (5112, 0)
    assert place_kernels([5, 5], [1, 3], MAX78002).alone == 8
    assert place_kernels([5, 5], [1, 3], MAX78000).offsets == (0, 8)


def test_a_short_layer_is_laid_over_one_that_leaves_words_at_the_end() -> None:
    """One word at 5116 leaves three: the next short layer finds 5119 free, and goes to 5116."""
    found = place_kernels([1, 3], [1, 1], MAX78002)
    assert found.offsets == (5116, 5116)
    assert found.overlaid == (1,)
    assert place_kernels([1, 4], [1, 1], MAX78002).offsets == (5116, 5108)
    assert place_kernels([4, 1], [1, 1], MAX78002).offsets == (5116, 5112)


def test_a_layer_that_meets_another_and_has_no_room_above_goes_to_the_beginning() -> None:
    """Having met word 5117 it looks at 5116, from where 5 words reach over the end."""
    found = place_kernels([2, 5], [1, 1], MAX78002)
    assert found.offsets == (5116, 0)
    assert (found.shared, found.alone, found.overlaid) == (8, 4, ())
