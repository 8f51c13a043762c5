# SPDX-License-Identifier: Apache-2.0
"""Picks: which members each rule takes, and trials that cannot be taken."""

import dataclasses
from collections.abc import Callable

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState, create_trial

from hardware.candidate import Candidate
from mpqsearch.conditions import Condition, parse_conditions
from mpqsearch.errors import StudyError
from mpqsearch.front import front_of
from mpqsearch.picks import Pick, choose, find_candidate, find_trial, tied
from mpqsearch.trials import Outcome, TrialRecord


def record(
    accuracy: float,
    latency_us: float = 10.0,
    energy_uj: float = 5.0,
    size_bytes: int = 100,
    *,
    number: int | None = 0,
    candidate: str = "5 8",
    outcome: Outcome = Outcome.SCORED,
    message: str = "",
) -> TrialRecord:
    length, bits = candidate.split()
    return TrialRecord(
        number,
        Candidate.parse(int(length), bits),
        outcome,
        accuracy,
        latency_us,
        energy_uj,
        size_bytes,
        "analytic",
        message=message,
        reference="uniform 8" if number is None else "",
    )


INDOOR = [
    record(*values, number=number, candidate=candidate)
    for number, (candidate, *values) in enumerate(
        [
            ("91 4-8-2-4", 0.9892, 128.3, 25.40, 46454),
            ("91 4-8-2-2", 0.9881, 128.3, 25.40, 46254),
            ("81 4-4-4-8", 0.9828, 115.3, 23.49, 82204),
            ("81 8-8-4-2", 0.9822, 115.3, 23.89, 81784),
            ("41 4-8-4-4", 0.9774, 62.9, 12.29, 41954),
            ("41 4-8-2-2", 0.9758, 62.9, 11.71, 21254),
            ("31 4-8-2-4", 0.9634, 49.7, 8.95, 16454),
            ("21 8-8-2-8", 0.9327, 36.7, 6.26, 11884),
            ("21 4-8-2-4", 0.9300, 36.7, 6.23, 11454),
            ("11 8-4-4-4", 0.8082, 23.5, 3.58, 11834),
            ("21 2-2-2-4", 0.8006, 36.7, 6.09, 11214),
            ("5 4-8-2-2", 0.6821, 15.8, 1.84, 3254),
        ]
    )
]
"""A front of the indoor study, synthetic data, as found by a search."""


def taken(pick: Pick, conditions: str = "") -> list[str]:
    """Candidates that a rule takes of the indoor front."""
    wanted = parse_conditions(conditions) if conditions else ()
    return [str(one.candidate) for one in choose(INDOOR, pick, wanted)]


def test_the_indoor_study_is_a_front() -> None:
    """None of its members beats another."""
    assert front_of(INDOOR) == INDOOR


@pytest.mark.parametrize(
    ("pick", "conditions", "candidate"),
    [
        (Pick.BEST, "", "91 4-8-2-4"),
        (Pick.SMALLEST, "", "5 4-8-2-2"),
        (Pick.FASTEST, "", "5 4-8-2-2"),
        (Pick.KNEE, "", "31 4-8-2-4"),
        (Pick.BEST, "latency <= 50", "31 4-8-2-4"),
        (Pick.SMALLEST, "accuracy >= 97%", "41 4-8-2-2"),
        (Pick.FASTEST, "accuracy >= 97%", "41 4-8-4-4"),
        (Pick.KNEE, "accuracy >= 90%", "41 4-8-2-2"),
        (Pick.KNEE, "accuracy >= 98%", "91 4-8-2-4"),
    ],
)
def test_each_rule_on_the_indoor_front(pick: Pick, conditions: str, candidate: str) -> None:
    """Conditions come first; the knee goes up the front as cheap, inaccurate members go."""
    assert taken(pick, conditions) == [candidate]


def test_all_takes_every_member_in_order() -> None:
    """`all` is the whole front, or all of it that meets the conditions."""
    assert choose(INDOOR, Pick.ALL) == INDOOR
    assert taken(Pick.ALL, "length == 21") == ["21 8-8-2-8", "21 4-8-2-4", "21 2-2-2-4"]


@pytest.mark.parametrize(
    ("pick", "winner", "loser"),
    [
        (Pick.BEST, record(0.9, 9.0, 6.0), record(0.9, 10.0, 5.0)),
        (Pick.BEST, record(0.9, 9.0, 4.0, 110), record(0.9, 9.0, 5.0, 90)),
        (Pick.SMALLEST, record(0.9, 11.0), record(0.8, 10.0)),
        (Pick.FASTEST, record(0.9, size_bytes=200), record(0.8, size_bytes=100)),
    ],
)
def test_ties_are_broken(pick: Pick, winner: TrialRecord, loser: TrialRecord) -> None:
    """Equally accurate: faster, then less energy. Equally small or fast: more accurate."""
    assert choose([winner, loser], pick) == [winner]
    assert choose([loser, winner], pick) == [winner]


def test_the_knee_of_a_bend_is_its_corner() -> None:
    """The member that gives nearly everything for nearly nothing is the knee."""
    corner = record(0.97, 10.0, 2.0, 1000)
    front = [record(0.98, 100.0, 20.0, 10000), corner, record(0.5, 9.0, 1.8, 900)]
    assert choose(front, Pick.KNEE) == [corner]


def test_the_knee_of_few_or_equal_members() -> None:
    """One member is its own knee; of two that trade everything, the more accurate is taken."""
    one, cheap = record(0.9), record(0.6, 5.0, 2.0, 50)
    assert choose([one], Pick.KNEE) == [one]
    assert choose([cheap, one], Pick.KNEE) == [one]
    twin = dataclasses.replace(one, number=7)
    assert choose([one, twin], Pick.KNEE) == [one]


def test_the_knee_of_networks_without_errors() -> None:
    """Accuracies of 100 % and nearly so count as equal, and the cheaper network is the knee."""
    perfect, nearly = record(1.0, 20.0, 9.0, 400), record(0.9995, 5.0, 2.0, 50)
    assert choose([perfect, nearly], Pick.KNEE) == [nearly]
    assert choose([perfect], Pick.KNEE) == [perfect]


@given(st.floats(0.01, 100.0), st.sampled_from(["latency_us", "energy_uj", "size_bytes"]))
def test_the_knee_does_not_depend_on_units(factor: float, cost: str) -> None:
    """Counting a cost in another unit leaves the knee where it is."""
    other = [
        dataclasses.replace(one, **{cost: getattr(one, cost) * factor})  # type: ignore[arg-type]
        for one in INDOOR
    ]
    assert choose(other, Pick.KNEE)[0].number == choose(INDOOR, Pick.KNEE)[0].number


records = st.lists(
    st.builds(
        record,
        st.sampled_from([0.25, 0.5, 0.75, 1.0]),
        st.sampled_from([1.0, 2.0, 30.0]),
        st.sampled_from([1.0, 2.0]),
        st.sampled_from([10, 20, 500]),
        number=st.integers(0, 99),
    ),
    min_size=1,
    max_size=12,
)
single_picks = st.sampled_from([Pick.KNEE, Pick.BEST, Pick.SMALLEST, Pick.FASTEST])
some_conditions = st.sampled_from(
    ["accuracy >= 0.5", "latency < 30", "size <= 20 and accuracy > 25%", "energy == 1"]
).map(parse_conditions)


@given(records, single_picks, some_conditions)
def test_one_member_is_taken_and_meets_all(
    tried: list[TrialRecord], pick: Pick, wanted: tuple[Condition, ...]
) -> None:
    """Knee, best, smallest and fastest are one member of the front that meets every condition."""
    front = front_of(tried)
    if not any(all(one.holds(member) for one in wanted) for member in front):
        with pytest.raises(StudyError, match="no member of the front"):
            choose(front, pick, wanted)
        return
    (member,) = choose(front, pick, wanted)
    assert member in front
    assert all(one.holds(member) for one in wanted)


@given(records, st.data(), single_picks)
def test_a_dominated_candidate_changes_no_pick(
    tried: list[TrialRecord], data: st.DataObject, pick: Pick
) -> None:
    """Trying one more candidate that another one beats leaves every pick as it was."""
    better = data.draw(st.sampled_from(tried))
    worse = dataclasses.replace(
        better, number=100, accuracy=better.accuracy - 0.1, latency_us=better.latency_us + 1
    )
    place = data.draw(st.integers(0, len(tried)))
    more = [*tried[:place], worse, *tried[place:]]
    assert choose(front_of(more), pick) == choose(front_of(tried), pick)


@given(records)
def test_no_member_beats_a_pick_where_the_rule_looks(tried: list[TrialRecord]) -> None:
    """Best, smallest and fastest hold the extremes of the front."""
    front = front_of(tried)
    assert choose(front, Pick.BEST)[0].accuracy == max(one.accuracy for one in tried)
    assert choose(front, Pick.SMALLEST)[0].size_bytes == min(one.size_bytes for one in tried)
    assert choose(front, Pick.FASTEST)[0].latency_us == min(one.latency_us for one in tried)


SAMPLES = 100


def wrong_at(*places: int) -> NDArray[np.bool_]:
    wrong = np.zeros(SAMPLES, dtype=np.bool_)
    wrong[list(places)] = True
    return wrong


def errors_of(*per_member: NDArray[np.bool_]) -> Callable[[TrialRecord], NDArray[np.bool_]]:
    """Errors by the members' numbers; each may be asked for once."""
    left = dict(enumerate(per_member))
    return lambda member: left.pop(member.number if member.number is not None else -1)


@pytest.mark.parametrize(
    ("only_best", "only_other", "stays"),
    [
        pytest.param(0, 0, True, id="same errors, p = 1"),
        pytest.param(0, 5, True, id="0 to 5, p = 0.0625"),
        pytest.param(0, 6, False, id="0 to 6, p = 0.03125"),
        pytest.param(1, 7, True, id="1 to 7, p = 0.0703"),
        pytest.param(1, 8, False, id="1 to 8, p = 0.0391"),
        pytest.param(10, 20, True, id="10 to 20, p = 0.0987"),
        pytest.param(9, 21, False, id="9 to 21, p = 0.0428"),
    ],
)
def test_tied_follows_the_exact_mcnemar_test(only_best: int, only_other: int, stays: bool) -> None:
    """Samples that only one of the two gets wrong decide; tables of the sign test say how."""
    shared = range(90, 100)
    best, other = record(0.9, number=0), record(0.8, 5.0, number=1)
    errors = errors_of(
        wrong_at(*range(only_best), *shared),
        wrong_at(*range(only_best, only_best + only_other), *shared),
    )
    assert choose([best, other], Pick.TIED, (), errors) == ([best, other] if stays else [best])


def test_tied_keeps_the_order_and_asks_only_what_meets_the_conditions() -> None:
    """Networks that the conditions leave out are not evaluated; the best is of the rest."""
    front = INDOOR[:7]
    asked = []

    def errors(member: TrialRecord) -> NDArray[np.bool_]:
        asked.append(member.number)
        return wrong_at(*range(10 if member.number == 6 else 1))

    found = choose(front, Pick.TIED, parse_conditions("latency < 100"), errors)
    assert [one.number for one in found] == [4, 5]
    assert sorted(asked) == [4, 5, 6]


def test_tied_needs_errors_of_the_same_samples() -> None:
    """Without errors, or with errors of other samples, the comparison would mean nothing."""
    with pytest.raises(ValueError, match="need errors"):
        choose(INDOOR, Pick.TIED)
    with pytest.raises(ValueError, match=r"same samples but are \(4,\) for trial 1"):
        tied(INDOOR[:2], errors_of(wrong_at(), np.zeros(4, dtype=np.bool_)))


@given(records, st.integers(0, 2**32 - 1))
def test_the_best_is_always_tied_with_itself(tried: list[TrialRecord], seed: int) -> None:
    """Tied members are members of the front, the best among them."""
    random = np.random.default_rng(seed)
    front = front_of(tried)
    found = choose(front, Pick.TIED, (), lambda _: random.random(SAMPLES) < 0.2)
    assert choose(front, Pick.BEST)[0] in found
    assert all(one in front for one in found)


def test_each_rule_says_what_it_takes_in_one_sentence() -> None:
    """Every rule has its own meaning, a sentence on one line."""
    meanings = [pick.meaning for pick in Pick]
    assert len(set(meanings)) == len(Pick)
    assert all(text.endswith(".") and ". " not in text for text in meanings)


def test_a_rule_is_named() -> None:
    """A rule is found by its name; a typo gives the names and the nearest."""
    assert Pick.parse("knee") is Pick.KNEE
    with pytest.raises(StudyError) as error:
        Pick.parse("fatest")
    assert str(error.value) == (
        "pick must be one of knee, best, smallest, fastest, tied, ace, forgiving, lexicographic,"
        " all but is 'fatest';"
        " did you mean fastest?"
    )


def test_nothing_scored_leaves_nothing_to_pick() -> None:
    """An empty front is refused with the next step."""
    with pytest.raises(StudyError, match="no candidate of the study was trained"):
        choose([], Pick.BEST)


SCORED = record(0.9, number=2, candidate="41 4-8-2-2")
FAILED = record(
    0.0, number=3, candidate="31 8-8-8-8", outcome=Outcome.FAILED, message="loss is not finite"
)
TOO_LARGE = record(
    0.0,
    number=4,
    candidate="91 8-8-8-8",
    outcome=Outcome.INFEASIBLE,
    message="weights exceed 2 MiB",
)
OUTSIDE = record(0.95, number=None, candidate="101 8-8-8-8")
STOPPED = record(0.5, number=12, candidate="51 2-2-8-2", outcome=Outcome.PRUNED, message="at 9%")
TRIED = [SCORED, FAILED, TOO_LARGE, OUTSIDE, STOPPED]


def trial(state: TrialState, **attributes: str) -> FrozenTrial:
    values = [0.9, 1.0, 1.0, 1.0] if state is TrialState.COMPLETE else None
    return create_trial(state=state, values=values, user_attrs=attributes)


@pytest.fixture(scope="module")
def trials() -> list[FrozenTrial]:
    """A study's trials, one of each fate."""
    study = optuna.create_study(directions=["maximize", "minimize", "minimize", "minimize"])
    study.add_trials(
        [
            trial(TrialState.FAIL, candidate="41 4-8-2-2"),
            trial(TrialState.FAIL),
            trial(TrialState.COMPLETE, candidate="41 4-8-2-2"),
            trial(TrialState.FAIL, candidate="31 8-8-8-8"),
            trial(TrialState.COMPLETE, candidate="91 8-8-8-8"),
            trial(TrialState.PRUNED, repeats="41 4-8-2-2"),
            trial(TrialState.PRUNED, repeats="91 8-8-8-8"),
            trial(TrialState.PRUNED, repeats="21 2-2-2-2"),
            trial(TrialState.RUNNING),
            trial(TrialState.WAITING),
            trial(TrialState.PRUNED, repeats="101 8-8-8-8"),
        ]
    )
    return study.get_trials()


def test_a_scored_trial_is_found(trials: list[FrozenTrial]) -> None:
    """A trial's number gives its record, whether it is on the front or not."""
    assert find_trial(2, TRIED, trials) is SCORED


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "trial 0 gave no network; take --trial 2, the same candidate (41 4-8-2-2)"),
        (1, "trial 1 was interrupted, and its candidate queued again under another number;"),
        (3, "trial 3 (31 8-8-8-8) failed: loss is not finite; --length 31 --bits 8-8-8-8 trains"),
        (4, "trial 4 (91 8-8-8-8) does not fit the chip and was not trained: weights exceed 2 MiB"),
        (5, "trial 5 proposed a known candidate and trained nothing; take --trial 2, the same"),
        (6, "trained nothing; trial 4 (91 8-8-8-8) does not fit the chip"),
        (7, "trained nothing; --length 21 --bits 2-2-2-2 takes its candidate"),
        (8, "trial 8 is still running, or its run was interrupted; wait for it, or start"),
        (9, "trial 9 is still running"),
        (10, "trained nothing; --length 101 --bits 8-8-8-8 takes its candidate"),
        (11, "no trial 11 in this study; trials go from 0 to 10"),
        (12, "has no network: at 9%; --length 51 --bits 2-2-8-2 trains it to the end"),
        (-1, "no trial -1 in this study; trials go from 0 to 10"),
    ],
)
def test_a_trial_without_network_is_refused(
    number: int, said: str, trials: list[FrozenTrial]
) -> None:
    """The line says what became of the trial and what to take instead."""
    with pytest.raises(StudyError) as error:
        find_trial(number, TRIED, trials)
    assert said in str(error.value)


def test_a_study_without_trials_says_so() -> None:
    """There is no range of numbers where there are no trials."""
    with pytest.raises(StudyError, match="no trial 0 in this study; it has no trials"):
        find_trial(0, [], [])


def test_a_candidate_is_found_or_left_to_be_trained() -> None:
    """References are found too; what was never tried, stopped or failed is to be trained."""
    assert find_candidate(Candidate.parse(41, "4-8-2-2"), TRIED) is SCORED
    assert find_candidate(Candidate.parse(101, "8-8-8-8"), TRIED) is OUTSIDE
    assert find_candidate(Candidate.parse(41, "4-8-2-4"), TRIED) is None
    assert find_candidate(Candidate.parse(31, "8-8-8-8"), TRIED) is None
    assert find_candidate(Candidate.parse(51, "2-2-8-2"), TRIED) is None


def test_a_candidate_that_does_not_fit_is_refused() -> None:
    """Training it would be in vain."""
    with pytest.raises(StudyError, match=r"does not fit the chip.*weights exceed 2 MiB"):
        find_candidate(Candidate.parse(91, "8-8-8-8"), TRIED)
