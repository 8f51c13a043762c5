# SPDX-License-Identifier: Apache-2.0
"""Which members of a front are taken: by a rule, by trial number or by candidate."""

import enum
from collections.abc import Callable, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from hardware.candidate import Candidate
from hardware.nearest import nearest_of
from mpqsearch.conditions import Condition, described, meeting
from mpqsearch.errors import StudyError
from mpqsearch.scalar_rules import RuleSettings, ace, forgiving, lexicographic
from mpqsearch.trials import Outcome, TrialRecord

Errors = Callable[[TrialRecord], NDArray[np.bool_]]
"""Gives, for a record, where its network is wrong on the validation split: (samples,)."""

CHANCE = 0.05
"""Probability from which on a difference counts as chance; the usual level of a test."""

ERROR_FLOOR = 0.001
"""Share of errors below which the knee tells no difference: a logarithm needs more than 0, and
validation splits of thousands of samples do not show less."""


class Pick(enum.Enum):
    """A rule that takes members of a front; the value is its name on the command line."""

    KNEE = "knee"
    BEST = "best"
    SMALLEST = "smallest"
    FASTEST = "fastest"
    TIED = "tied"
    ACE = "ace"
    FORGIVING = "forgiving"
    LEXICOGRAPHIC = "lexicographic"
    ALL = "all"

    @property
    def meaning(self) -> str:
        """What the rule takes, in one sentence."""
        return _MEANINGS[self]

    @classmethod
    def parse(cls, name: str) -> Self:
        """The rule of that name.

        Raises:
            StudyError: where there is none.
        """
        names = [pick.value for pick in cls]
        if name not in names:
            raise StudyError(
                f"pick must be one of {', '.join(names)} but is {name!r}{nearest_of(name, names)}"
            )
        return cls(name)


_MEANINGS = {
    Pick.KNEE: "The compromise: nearest to the lowest error and the lowest costs at once, on"
    " logarithmic scales over the front, the three costs together weighing as much as the error.",
    Pick.BEST: "The highest validation accuracy; among equals the cheapest.",
    Pick.SMALLEST: "The fewest bytes of weights and biases; among equals the most accurate.",
    Pick.FASTEST: "The lowest latency; among equals the most accurate.",
    Pick.TIED: "The best, and all whose validation errors differ from the best's by no more than"
    " chance.",
    Pick.ACE: "Accuracy-constrained efficiency: the highest 1 - size / size_ref where the accuracy"
    " reaches the target, accuracy / target - 1 elsewhere; so the smallest that meets it.",
    Pick.FORGIVING: "The forgiving factor of AutoQKeras: the highest accuracy * (1 + 0.08 *"
    " log2(size_ref / size)), so that halving the size makes up for 8 % of the accuracy.",
    Pick.LEXICOGRAPHIC: "One objective after the other, in the order given: each keeps those that"
    " are no worse than the best of those left by more than its tolerance.",
    Pick.ALL: "Every member of the front.",
}


def choose(
    front: Sequence[TrialRecord],
    pick: Pick,
    conditions: Sequence[Condition] = (),
    errors: Errors | None = None,
    settings: RuleSettings | None = None,
) -> list[TrialRecord]:
    """The members of a front that meet all conditions, and among those the rule's.

    Args:
        front: What `front_of` gives.
        pick: The rule. Of members that are equal to it, the first of the front is taken.
        conditions: Must all hold; the rule sees only members that meet them.
        errors: For `Pick.TIED` only; called once a member.
        settings: For the rules that must be told something.

    Raises:
        StudyError: where the front is empty, no member meets the conditions, or the rule was not
            told what it needs.
    """
    members = meeting(front, conditions)
    if pick is Pick.ALL:
        return members
    if pick is Pick.TIED:
        if errors is None:
            raise ValueError("the tied members need errors, to compare networks sample by sample")
        return tied(members, errors)
    if pick is Pick.KNEE:
        return [knee(members)]
    if pick in _TOLD:
        return [_TOLD[pick](members, settings or RuleSettings())]
    return [min(members, key=_ORDERS[pick])]


def _best_first(record: TrialRecord) -> tuple[float, ...]:
    return -record.accuracy, *record.values[1:]


def _smallest_first(record: TrialRecord) -> tuple[float, ...]:
    return record.size_bytes, *_best_first(record)


def _fastest_first(record: TrialRecord) -> tuple[float, ...]:
    return record.latency_us, *_best_first(record)


_ORDERS = {
    Pick.BEST: _best_first,
    Pick.SMALLEST: _smallest_first,
    Pick.FASTEST: _fastest_first,
}
_TOLD = {
    Pick.ACE: ace,
    Pick.FORGIVING: forgiving,
    Pick.LEXICOGRAPHIC: lexicographic,
}
"""Rules that need settings."""


def knee(members: Sequence[TrialRecord]) -> TrialRecord:
    """The member nearest to the ideal corner, the best of each objective put together.

    With losses f = (log error, log latency, log energy, log size), where error = 1 - accuracy,
    each scaled over the members,

        s_k = (f_k - min f_k) / (max f_k - min f_k),  0 where all are equal,

    the knee has the least sqrt(s_1^2 + (s_2^2 + s_3^2 + s_4^2) / 3). All four span an order of
    magnitude on a front; in logarithms a halving counts the same everywhere, and one far-off member
    does not press the others together. The three costs rise and fall together, so they count as one
    objective: with equal weights, of two members that trade, the cheaper would win, however bad.
    Of members equally near, the most accurate is taken, then the cheapest.

    Not counted: what the task needs. The scale is that of the members, so the knee moves when
    conditions leave out the ends of the front.

    Args:
        members: At least one, scored, with costs above 0.

    **Source:** compromise programming, nearest to the ideal (utopia) point in scaled, weighted
    objectives: P. L. Yu, "A class of solutions for group decision problems", Management Science
    19(8), 1973; M. Zeleny, "Compromise programming", 1973. Other knees do not suit a dozen members
    with four objectives: I. Das, Structural Optimization 18, 1999, measures from the plane through
    the best of each objective, but one member is often the smallest and the fastest; J. Branke et
    al., "Finding knees in multi-objective optimization", PPSN VIII, 2004, compare neighbours.
    """
    ordered = sorted(members, key=_best_first)
    values = np.array([record.values for record in ordered])
    errors = np.maximum(1.0 - values[:, 0], ERROR_FLOOR)
    losses = np.log(np.column_stack([errors, values[:, 1:]]))  # (members, 4)
    lowest = losses.min(axis=0)
    widths = losses.max(axis=0) - lowest
    scaled = (losses - lowest) / np.where(widths > 0, widths, 1.0)
    distances = scaled[:, 0] ** 2 + np.mean(scaled[:, 1:] ** 2, axis=1)
    # Rounding must not decide between members that are equally near.
    return ordered[int(np.round(distances, 12).argmin())]


def tied(members: Sequence[TrialRecord], errors: Errors) -> list[TrialRecord]:
    """The best member, and those whose errors do not differ from the best's beyond chance.

    The exact McNemar test, two-sided, on the samples that one network gets right and the other
    wrong: if both were equally good, each such sample would fall to either with probability 1/2. A
    member is tied where the probability of a split as uneven as seen, or more, is above 0.05.

    Not covered: what another seed of the training would give; the test holds for these trained
    networks only, and seeds often move accuracy more than this. Samples count as independent, which
    recordings of one place are not. Each pair is tested alone, without a correction for their
    number, and the best was chosen by the same samples. Tied does not mean equal: few validation
    samples tie much.

    **Source:** Q. McNemar, "Note on the sampling error of the difference between correlated
    proportions or percentages", Psychometrika 12, 1947; its exact form is the sign test.
    """
    from scipy.stats import binomtest

    best = min(members, key=_best_first)
    best_wrong = errors(best)
    kept = []
    for member in members:
        if member is not best:
            wrong = errors(member)
            if wrong.shape != best_wrong.shape:
                raise ValueError(
                    f"errors must be of the same samples but are {wrong.shape} for"
                    f" {described(member)} and {best_wrong.shape} for {described(best)}"
                )
            only_best = int(np.sum(best_wrong & ~wrong))
            only_member = int(np.sum(wrong & ~best_wrong))
            differing = only_best + only_member
            if differing and binomtest(only_member, differing, 0.5).pvalue <= CHANCE:
                continue
        kept.append(member)
    return kept


def find_trial(
    number: int, records: Sequence[TrialRecord], trials: Sequence[FrozenTrial]
) -> TrialRecord:
    """The scored record of a trial, on the front or not.

    Args:
        number: Optuna's trial number.
        records: What `records_of` gives.
        trials: The study's trials, all of them, as `study.get_trials()` gives them.

    Raises:
        StudyError: where there is no such trial, or it has no network: the reason, and what to
            take instead.
    """
    record = next((one for one in records if one.number == number), None)
    if record is not None:
        return _with_network(record)
    trial = next((one for one in trials if one.number == number), None)
    if trial is None:
        numbers = [one.number for one in trials]
        there = (
            f"trials go from {min(numbers)} to {max(numbers)}" if numbers else "it has no trials"
        )
        raise StudyError(f"no trial {number} in this study; {there}")
    raise StudyError(f"trial {number} {_why_unscored(trial, records)}")


def find_candidate(candidate: Candidate, records: Sequence[TrialRecord]) -> TrialRecord | None:
    """The scored record of a candidate, a reference's included; None where it must be trained.

    That is one never tried, one whose training was stopped early, or one whose training failed,
    since another run may succeed.

    Raises:
        StudyError: where it does not fit the chip.
    """
    record = next((one for one in records if one.candidate == candidate), None)
    if record is None or record.outcome in (Outcome.FAILED, Outcome.PRUNED):
        return None
    return _with_network(record)


def _with_network(record: TrialRecord) -> TrialRecord:
    if record.outcome is not Outcome.SCORED:
        raise StudyError(f"{described(record)} {_why_no_network(record)}")
    return record


def _why_no_network(record: TrialRecord) -> str:
    """Why a candidate that failed, was stopped or does not fit has no network, and what to do."""
    again = _by_candidate(str(record.candidate))
    if record.outcome is Outcome.FAILED:
        return f"failed: {record.message}; {again} trains it again"
    if record.outcome is Outcome.PRUNED:
        return f"has no network: {record.message}; {again} trains it to the end"
    return (
        f"does not fit the chip and was not trained: {record.message}; mpqsearch front --study"
        " shows what fits"
    )


def _why_unscored(trial: FrozenTrial, records: Sequence[TrialRecord]) -> str:
    """Why a trial that is none of the records has no network, and what to do."""
    if trial.state in (TrialState.RUNNING, TrialState.WAITING):
        return (
            "is still running, or its run was interrupted; wait for it, or start mpqsearch run"
            " --study again, which goes on"
        )
    repeated = trial.user_attrs.get("repeats")
    candidate = repeated or trial.user_attrs.get("candidate")
    if candidate is None:
        return (
            "was interrupted, and its candidate queued again under another number; mpqsearch front"
            " --study shows the numbers to take"
        )
    said = "proposed a known candidate and trained nothing" if repeated else "gave no network"
    record = next((one for one in records if str(one.candidate) == candidate), None)
    if record is None:
        return f"{said}; {_by_candidate(candidate)} takes its candidate"
    if record.outcome is not Outcome.SCORED:
        return f"{said}; {described(record)} {_why_no_network(record)}"
    if record.number is None:
        return f"{said}; {_by_candidate(candidate)} takes its candidate"
    return f"{said}; take --trial {record.number}, the same candidate ({candidate})"


def _by_candidate(candidate: str) -> str:
    length, _, bits = candidate.partition(" ")
    return f"--length {length} --bits {bits}"
