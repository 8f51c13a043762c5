# SPDX-License-Identifier: Apache-2.0
"""ACE, the forgiving factor and the lexicographic rule: what they take, and what they must know."""

import dataclasses

import pytest

from mpqsearch.errors import StudyError
from mpqsearch.picks import Pick, choose
from mpqsearch.scalar_rules import RuleSettings, parse_order, size_reference
from mpqsearch.trials import Outcome
from tests.mpqsearch.test_picks import INDOOR, record


def taken(pick: Pick, settings: RuleSettings) -> str:
    return str(choose(INDOOR, pick, settings=settings)[0].candidate)


@pytest.mark.parametrize(
    ("target", "wanted"),
    [(0.98, "91 4-8-2-2"), (0.93, "21 4-8-2-4"), (0.5, "5 4-8-2-2"), (0.9999, "91 4-8-2-4")],
)
def test_ace_takes_the_smallest_that_reaches_the_target(target: float, wanted: str) -> None:
    """And where none does, the most accurate."""
    assert taken(Pick.ACE, RuleSettings(target, 203160)) == wanted


def test_the_forgiving_factor_trades_size_for_accuracy() -> None:
    """Of 0.97 (1 + 0.08 log2(800 / size)): 1.0476, 1.1252 and 0.62 for what halves too often."""
    members = [record(0.97, 9, 9, 400), record(0.97, 8, 8, 200), record(0.5, 1, 1, 100)]
    settings = RuleSettings(size_ref=800)
    assert choose(members, Pick.FORGIVING, settings=settings)[0].size_bytes == 200


def test_the_order_decides_and_a_tolerance_hands_on() -> None:
    """0.2 points below 98.92 % lie two of one latency, of which the second is smaller."""
    order = parse_order("accuracy within 0.2%, latency, size")
    assert taken(Pick.LEXICOGRAPHIC, RuleSettings(order=order)) == "91 4-8-2-2"
    assert taken(Pick.LEXICOGRAPHIC, RuleSettings(order=parse_order("accuracy"))) == "91 4-8-2-4"
    assert taken(Pick.LEXICOGRAPHIC, RuleSettings(order=parse_order("size"))) == "5 4-8-2-2"
    order = parse_order("latency_us within 25, accuracy within 0.01, energy")
    assert taken(Pick.LEXICOGRAPHIC, RuleSettings(order=order)) == "21 4-8-2-4"


def test_a_tolerance_holds_to_its_end() -> None:
    """0.994 - 0.992 is a bit more than 0.002 in floats, and within 0.2 points."""
    members = [record(0.994, 9, 9, 400), record(0.992, 8, 8, 200)]
    settings = RuleSettings(order=parse_order("accuracy within 0.002, size"))
    assert choose(members, Pick.LEXICOGRAPHIC, settings=settings)[0].accuracy == 0.992


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "an objective is missing"),
        ("accuracy,,size", "an objective is missing"),
        ("accuracy within", "no quantity is called 'accuracy within'|is no number|objective"),
        ("accuracy within 0.2% latency", "is no number"),
        ("accuracy 0.2%", "missing"),
        ("speed", "no quantity is called 'speed'"),
        ("test_accuracy", "never chosen on"),
        ("latency within 5%", "only accuracy is written in %"),
        ("size within -1", "finite and 0 or more"),
        ("size within nan", "is no number"),
        ("size, size_bytes within 4", "names size_bytes twice"),
        ("length", "no objective"),
    ],
)
def test_an_order_that_is_none_is_refused(text: str, said: str) -> None:
    """With the part that is wrong and how it is written."""
    with pytest.raises(StudyError, match=said):
        parse_order(text)


@pytest.mark.parametrize(
    ("pick", "settings", "said"),
    [
        (Pick.ACE, RuleSettings(size_ref=100), "needs a target"),
        (Pick.ACE, RuleSettings(floor=0.0, size_ref=100), "needs a target"),
        (Pick.ACE, RuleSettings(floor=0.9), "--size-ref"),
        (Pick.FORGIVING, RuleSettings(), "--size-ref"),
        (Pick.FORGIVING, RuleSettings(size_ref=0), "above 0 bytes but is 0"),
        (Pick.LEXICOGRAPHIC, RuleSettings(), "needs an order"),
    ],
)
def test_a_rule_that_was_not_told_enough_says_so(
    pick: Pick, settings: RuleSettings, said: str
) -> None:
    """With the option that tells it."""
    with pytest.raises(StudyError, match=said):
        choose(INDOOR, pick, settings=settings)


def test_the_reference_is_the_uniform_8_bit_network() -> None:
    """Also where it does not fit; other references do not count."""
    eight = dataclasses.replace(INDOOR[0], reference="uniform 8", outcome=Outcome.INFEASIBLE)
    four = dataclasses.replace(INDOOR[1], reference="uniform 4")
    assert size_reference([four, eight]) == eight.size_bytes
    assert size_reference([four]) is None
