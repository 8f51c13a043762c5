# SPDX-License-Identifier: Apache-2.0
"""The smallest that meets a target, and how sure that is."""

import pytest
from scipy.stats import ttest_1samp

from mpqsearch.certainty import Certainty
from mpqsearch.errors import StudyError
from mpqsearch.target import TargetAnswer, answer_to, parse_target
from tests.mpqsearch.test_certainty import scored, unasked

SURE = scored(0, 400, 0.958, 0.957, 0.959, 0.956, 0.958)
LIKELY = scored(1, 300, 0.951, 0.949, 0.953, 0.950, 0.952)
SLOW = scored(2, 200, 0.955, 0.953, 0.954, 0.952, 0.956, latency_us=90.0)
UNLIKELY = scored(3, 100, 0.950, 0.948, 0.951, 0.949, 0.950)
BAD = scored(4, 50, 0.70, 0.71, 0.72, 0.70, 0.71)
ALL = [SURE, LIKELY, SLOW, UNLIKELY, BAD]


def answer(text: str, sure: float = 0.95) -> TargetAnswer:
    return answer_to(parse_target([text]), Certainty(ALL, unasked, sure=sure))


def test_the_smallest_by_mean_and_for_sure() -> None:
    """They differ where the one by mean meets it by less than the noise."""
    found = answer("accuracy >= 0.95 and latency < 50")
    assert found.by_mean is not None
    assert found.sure is not None
    assert (found.by_mean.record, found.sure.record) == (LIKELY, SURE)
    wanted = ttest_1samp(LIKELY.seed_accuracies, 0.95, alternative="greater").pvalue
    assert found.by_mean.meets == pytest.approx(1 - wanted)
    assert found.sure.more_seeds == 0
    assert [one.record for one in found.open] == [UNLIKELY, LIKELY]
    assert found.more_seeds is not None
    assert found.more_seeds > 0


def test_probabilities_of_being_the_smallest_add_up() -> None:
    """Of all that may be it, and of none."""
    found = answer("accuracy >= 0.95")
    assert [one.record for one in found.named] == [UNLIKELY, SLOW]
    total = sum(one.is_smallest for one in found.named) + found.none_meets
    assert total == pytest.approx(1, abs=0.01)
    assert found.by_mean is not None
    assert found.by_mean.record is SLOW


def test_several_targets_hold_together() -> None:
    """The higher floor counts."""
    target = parse_target(["accuracy >= 0.9", "accuracy > 0.95 and size <= 400"])
    assert (target.floor, len(target.limits)) == (0.95, 1)


def test_without_an_accuracy_all_is_certain() -> None:
    """Costs are exact."""
    found = answer("latency < 50")
    assert found.by_mean is not None
    assert found.by_mean == found.sure
    assert (found.by_mean.record, found.by_mean.meets, found.open) == (BAD, 1.0, ())


def test_nothing_meets_it() -> None:
    """Then the answer says what comes nearest, and nobody is called likely."""
    found = answer("accuracy >= 0.99")
    assert (found.by_mean, found.sure, found.likeliest, found.open) == (None, None, None, ())
    assert "trial 0 (1 8-8) comes nearest, with accuracy 95.76 %" in found.missing
    assert found.none_meets == 1


def test_no_candidate_is_within_the_limits() -> None:
    """A limit that all exceed leaves nobody to name."""
    found = answer("accuracy >= 0.9 and latency < 1")
    assert (found.by_mean, found.named, found.likeliest) == (None, (), None)
    assert "latency_us < 1 fails for all" in found.missing


def test_how_sure_is_sure_can_be_said() -> None:
    """With less wanted, a smaller one is sure."""
    found = answer("accuracy >= 0.95 and latency < 50", sure=0.8)
    assert found.sure is not None
    assert found.sure.record is LIKELY


@pytest.mark.parametrize("text", ["accuracy <= 0.9", "accuracy < 0.9", "accuracy == 0.9"])
def test_an_accuracy_is_asked_for_from_below(text: str) -> None:
    """Who wants it from above has mistyped."""
    with pytest.raises(StudyError, match="asked for with >="):
        parse_target([text])
