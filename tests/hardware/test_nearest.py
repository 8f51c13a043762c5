# SPDX-License-Identifier: Apache-2.0
"""Finding the word somebody meant."""

from hardware.nearest import nearest_of

CHIPS = ("MAX78000", "MAX78002")


def test_a_mistyped_word_is_set_right() -> None:
    """The suggestion is spelled as it is known, whatever the case of the mistyped word."""
    assert nearest_of("max780000", CHIPS) == "; did you mean MAX78000?"
    assert nearest_of("trails", ("trials", "population")) == "; did you mean trials?"


def test_a_word_like_none_gives_nothing() -> None:
    """No suggestion is better than a wrong one."""
    assert nearest_of("esp32", CHIPS) == ""
    assert nearest_of("anything", ()) == ""
