# SPDX-License-Identifier: Apache-2.0
"""Conditions: what is read, what is refused and why, and what is said when nothing meets them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.candidate import Candidate
from mpqsearch.conditions import Comparison, Condition, Quantity, meeting, parse_conditions
from mpqsearch.errors import StudyError
from mpqsearch.trials import Outcome, TrialRecord


def record(
    accuracy: float, latency_us: float = 62.94, size_bytes: int = 21254, length: int = 41
) -> TrialRecord:
    return TrialRecord(
        length,
        Candidate(length, (4, 8, 2, 2)),
        Outcome.SCORED,
        accuracy,
        latency_us,
        11.71,
        size_bytes,
        "analytic",
    )


LARGE = record(0.9892, 128.3, 46454, 91)
MIDDLE = record(0.9758)
SMALL = record(0.6821, 15.8, 3254, 5)
FRONT = [LARGE, MIDDLE, SMALL]


def refused(text: str) -> str:
    """The line with which a text is refused."""
    with pytest.raises(StudyError) as error:
        parse_conditions(text)
    line = str(error.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("accuracy >= 0.98", "accuracy >= 0.98"),
        ("accuracy>=98%", "accuracy >= 0.98"),
        ("accuracy ≥ 98.28 %", "accuracy >= 0.9828"),
        ("accuracy > .5", "accuracy > 0.5"),
        ("accuracy <= 1", "accuracy <= 1"),
        ("latency<5e1", "latency_us < 50"),
        ("latency_us ≤ 62.9", "latency_us <= 62.9"),
        ("energy <= 12.", "energy_uj <= 12"),
        ("  size_bytes < 20000  ", "size_bytes < 20000"),
        ("length = 41", "input_length == 41"),
        ("input_length==41", "input_length == 41"),
        ("size <= -0", "size_bytes <= 0"),
    ],
)
def test_a_condition_is_read(text: str, read: str) -> None:
    """Names in full or short, signs of ASCII or not, accuracy as a share or in percent."""
    assert [str(one) for one in parse_conditions(text)] == [read]


def test_conditions_are_joined_by_and() -> None:
    """Several conditions in one text come out in their order."""
    assert parse_conditions("accuracy >= 98% and size < 50000\nand length == 41") == (
        Condition(Quantity.ACCURACY, Comparison.AT_LEAST, 0.98),
        Condition(Quantity.SIZE_BYTES, Comparison.BELOW, 50000.0),
        Condition(Quantity.INPUT_LENGTH, Comparison.EQUAL, 41.0),
    )


@given(st.integers(0, 10_000))
def test_a_percentage_is_the_same_number_as_its_share(hundredths: int) -> None:
    """98.28% and 0.9828 are one float, so that `==` and `>=` do not depend on the writing."""
    percent = f"{hundredths // 100}.{hundredths % 100:02}"
    share = f"{hundredths // 10_000}.{hundredths % 10_000:04}"
    assert parse_conditions(f"accuracy >= {percent}%") == parse_conditions(f"accuracy >= {share}")


conditions = st.one_of(
    st.builds(Condition, st.just(Quantity.ACCURACY), st.sampled_from(Comparison), st.floats(0, 1)),
    st.builds(
        Condition,
        st.sampled_from(Quantity).filter(lambda one: one is not Quantity.ACCURACY),
        st.sampled_from(Comparison),
        st.floats(0, allow_infinity=False),
    ),
)


@given(st.lists(conditions, min_size=1, max_size=4))
def test_what_is_written_is_read_back(written: list[Condition]) -> None:
    """A condition's text gives the same condition again."""
    assert parse_conditions(" and ".join(map(str, written))) == tuple(written)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "condition '': a condition is missing; write a name, a comparison and a number"),
        ("accuracy >= 0.9 and", "condition 'accuracy >= 0.9 and': a condition is missing"),
        (">= 0.9", "'>= 0.9' is no condition; write a name"),
        ("0.98 <= accuracy", "the name comes first, then the number"),
        ("0.9 <= accuracy <= 0.98", "the name comes first, then the number"),
        ("acuracy >= 0.9", "no quantity is called 'acuracy'; there are accuracy, latency_us,"),
        ("acuracy >= 0.9", "; did you mean accuracy?"),
        ("Accuracy >= 0.9", "; did you mean accuracy?"),
        ("bits == 8-8-2-4", "no quantity is called 'bits'"),
        ("__import__('os') >= 1", "no quantity is called"),
        ("accuracy 0.9", "no comparison follows accuracy; there are >=, >, <=, < and =="),
        ("accuracy => 0.9", "=> is no comparison; there are"),
        ("accuracy => 0.9", "; did you mean >=?"),
        ("accuracy != 0.9", "!= is no comparison; there are"),
        ("accuracy >= ", "'' is no number; accuracy is written like 0.98 or 98%"),
        (
            "accuracy >= 0.9 or latency < 5",
            "no number; accuracy is written like 0.98 or 98%; 'and'",
        ),
        ("accuracy >= 0.9 >= 0.8", "'0.9 >= 0.8' is no number"),
        ("accuracy >= nan", "'nan' is no number"),
        ("accuracy >= 9e1%", "'9e1%' is no number"),
        ("accuracy >= \u0661", "'\u0661' is no number"),
        ("latency <= inf", "'inf' is no number"),
        ("latency <= 1e999", "a number must be finite and 0 or more but is 1e999"),
        ("energy >= -1", "a number must be finite and 0 or more but is -1"),
        ("latency <= 50us", "latency_us is written like 50.5, in microseconds, without unit"),
        ("latency <= 50%", "only accuracy is written in %; latency_us is written like"),
        ("size <= 50_000", "'50_000' is no number; size_bytes is written like 20000, in bytes,"),
        ("size <= 50,000", "without unit, comma or underscore"),
        ("accuracy >= 98", "accuracy is a share of 1; write 0.98 or 98%"),
        ("accuracy >= 98.5", "accuracy is a share of 1; write 0.985 or 98.5%"),
        ("accuracy >= 101%", "accuracy must be in 0..1 or 0%..100% but is 101%"),
        ("accuracy >= 980", "accuracy must be in 0..1 or 0%..100% but is 980"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, said: str) -> None:
    """One line says what was written, what is allowed and, where near, what was meant."""
    assert said in refused(text)


@pytest.mark.parametrize("name", ["test_accuracy", "test", "Test_Accuracy"])
def test_nothing_is_chosen_on_test_accuracy(name: str) -> None:
    """Test accuracy is refused, with the reason."""
    assert refused(f"{name} >= 0.98") == (
        f"condition '{name} >= 0.98': test accuracy is only reported, never chosen on; write"
        " accuracy, which is measured on validation data"
    )


@pytest.mark.parametrize("part", ["size <= 50,000", "test >= 0.9"])
def test_one_bad_part_refuses_the_whole(part: str) -> None:
    """The line names the part that is wrong, also beside a good one."""
    assert refused(f"accuracy >= 0.9 and {part}").startswith(f"condition {part!r}: ")


@given(st.text(alphabet="accuracy latency_us and0198.%<>=≥≤!,\n", max_size=40))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    """No text gives anything but finite conditions or one line."""
    try:
        read = parse_conditions(text)
    except StudyError:
        assert refused(text)
    else:
        assert read
        assert all(math.isfinite(one.bound) for one in read)


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("latency <= 62.94", [MIDDLE, SMALL]),
        ("latency < 62.94", [SMALL]),
        ("latency == 62.94", [MIDDLE]),
        ("latency >= 62.94", [LARGE, MIDDLE]),
        ("latency > 62.94", [LARGE]),
        ("energy > 11.7", FRONT),
        ("length == 41", [MIDDLE]),
        ("accuracy >= 0.9 and size < 46454", [MIDDLE]),
    ],
)
def test_members_that_meet_all_stay_in_order(text: str, met: list[TrialRecord]) -> None:
    """Each comparison holds on its side of the bound, and all conditions must hold."""
    assert meeting(FRONT, parse_conditions(text)) == met


def test_no_condition_keeps_all() -> None:
    """Without conditions the front stays as it is."""
    assert meeting(FRONT, ()) == FRONT


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "accuracy >= 0.99",
            "no member of the front, 3 in all, meets accuracy >= 0.99; trial 91 (91 4-8-2-2) comes"
            " nearest, with accuracy 98.92 %; accuracy goes from 68.21 % to 98.92 % on this front",
        ),
        (
            "accuracy >= 0.98 and latency <= 100",
            "no member of the front, 3 in all, meets accuracy >= 0.98 and latency_us <= 100; each"
            " is met by some, all by none; trial 41 (41 4-8-2-2) comes nearest, with accuracy"
            " 97.58 %; accuracy goes from 68.21 % to 97.58 % where latency_us <= 100",
        ),
        (
            "accuracy >= 0.9 and size < 3000",
            "no member of the front, 3 in all, meets accuracy >= 0.9 and size_bytes < 3000;"
            " size_bytes < 3000 fails for all; trial 41 (41 4-8-2-2) comes nearest, with size_bytes"
            " 21254 B; size_bytes goes from 3254 B to 46454 B on this front",
        ),
        (
            "length == 40",
            "no member of the front, 3 in all, meets input_length == 40; trial 41 (41 4-8-2-2)"
            " comes nearest, with input_length 41; input_length is one of 5, 41, 91 on this front",
        ),
        (
            "energy < 10",
            "no member of the front, 3 in all, meets energy_uj < 10; trial 91 (91 4-8-2-2) comes"
            " nearest, with energy_uj 11.71 uJ; energy_uj is 11.71 uJ on this front",
        ),
    ],
)
def test_nothing_left_says_what_can_be_had(text: str, said: str) -> None:
    """The line gives the condition that fails for all, the nearest member and the range."""
    with pytest.raises(StudyError) as error:
        meeting(FRONT, parse_conditions(text))
    assert str(error.value) == said


def test_rounding_hides_no_failure() -> None:
    """A figure copied from the table, rounded up there, is answered with more decimals."""
    with pytest.raises(StudyError, match=r"with accuracy 98\.916 %; accuracy is 98\.916 % on"):
        meeting([record(0.98916)], parse_conditions("accuracy >= 98.92%"))


def test_an_empty_front_says_what_to_do() -> None:
    """A study without trained candidates has nothing to choose from."""
    with pytest.raises(StudyError, match=r"nothing to choose from.* mpqsearch run"):
        meeting([], ())


@given(
    st.lists(st.builds(record, st.floats(0, 1), st.floats(1, 200)), min_size=1, max_size=8),
    st.lists(conditions, max_size=3),
)
def test_what_is_left_meets_all_conditions(
    front: list[TrialRecord], wanted: list[Condition]
) -> None:
    """Members left meet every condition, members left out fail one, and none left is one line."""
    passing = [member for member in front if all(one.holds(member) for one in wanted)]
    if passing:
        assert meeting(front, wanted) == passing
    else:
        with pytest.raises(StudyError) as error:
            meeting(front, wanted)
        assert "\n" not in str(error.value)
        assert "inf" not in str(error.value)
