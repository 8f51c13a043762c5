# SPDX-License-Identifier: Apache-2.0
"""What `mpqsearch front` answers: the front, how sure it is, a target, and what a rule takes."""

from dataclasses import dataclass
from typing import Any

from hardware.candidate import Candidate
from hardware.integer import IntegerNetwork
from mpqsearch.certainty import SURE, Certainty
from mpqsearch.certainty_table import (
    certainty_json,
    print_certainty,
    print_target,
    target_json,
)
from mpqsearch.conditions import described
from mpqsearch.errors import StudyError
from mpqsearch.export.selection import Selection, choose_candidates
from mpqsearch.front_plot import PlotCost
from mpqsearch.nothing_fits import nothing_fits
from mpqsearch.opened_study import OpenedStudy
from mpqsearch.target import TargetAnswer, answer_to, parse_target
from mpqsearch.terminal import front_json, out, print_about, print_front
from mpqsearch.trials import Outcome, TrialRecord


@dataclass(frozen=True)
class Question:
    """What is asked of a study's front.

    Attributes:
        target: Conditions to meet, as written; empty: none.
        selection: A rule and what it is told; None: none.
        certainty: Whether it is asked how sure the front is.
        plot: What runs across the front's plot.
        sure: Probability that counts as sure; None for the usual one.

    Raises:
        StudyError: for a target or a probability that is none.
    """

    target: tuple[str, ...] = ()
    selection: Selection | None = None
    certainty: bool = False
    plot: PlotCost = PlotCost.SIZE
    sure: float | None = None

    def __post_init__(self) -> None:
        parse_target(self.target)
        if self.sure is not None and not 0.5 < self.sure < 1:
            raise StudyError(f"--sure must be above 0.5 and below 1 but is {self.sure:g}")


@dataclass(frozen=True)
class Answers:
    """What was answered; None where it was not asked, or nothing is scored."""

    opened: OpenedStudy
    question: Question
    certainty: Certainty | None
    target: TargetAnswer | None
    picked: list[TrialRecord] | None

    @property
    def met(self) -> bool:
        """Whether a target that was asked for is met by some candidate, by its mean."""
        if not self.question.target:
            return True
        return self.target is not None and self.target.by_mean is not None


def answers(opened: OpenedStudy, question: Question) -> Answers:
    """Answers a question.

    Raises:
        StudyError: where a rule cannot be followed.
    """
    picked = None if question.selection is None else _picked(opened, question.selection)
    certainty = None
    if question.target or question.certainty:
        certainty = _certainty(opened, question.sure)
    target = None
    if question.target and certainty is not None:
        target = answer_to(parse_target(question.target), certainty)
    return Answers(opened, question, certainty, target, picked)


def _certainty(opened: OpenedStudy, sure: float | None) -> Certainty | None:
    if not any(one.outcome is Outcome.SCORED for one in opened.records):
        return None
    certain = SURE if sure is None else sure
    return Certainty(opened.records, lambda: validation_samples(opened), sure=certain)


def validation_samples(opened: OpenedStudy) -> int:
    """Samples of the validation split, which tell the noise where seeds do not.

    Raises:
        StudyError: where the study has no data of its own, or they cannot be loaded any more.
    """
    if opened.about.imported:
        raise StudyError(
            f"study {opened.name} was imported with hardly two seeds of any candidate, so its"
            " accuracies say nothing of their noise; import a table with several seeds"
        )
    return len(opened.data.validation.labels)


def _picked(opened: OpenedStudy, selection: Selection) -> list[TrialRecord]:
    def refuse(candidate: Candidate) -> IntegerNetwork:
        raise StudyError(
            f"the rule {selection.rule.value} compares networks, and that of {candidate} is not at"
            " hand; mpqsearch export trains it again"
        )

    chosen = choose_candidates(opened, selection, refuse)
    return [one.record for one in chosen if one.record is not None]


def print_answers(found: Answers) -> None:
    """Prints the front where nothing else, or its certainty, was asked for; then the answers."""
    opened, question = found.opened, found.question
    scored = any(one.outcome is Outcome.SCORED for one in opened.records)
    other = question.target or found.picked is not None
    if scored and other and not question.certainty:
        print_about(opened.about)
    else:
        print_front(opened.about, opened.records, question.plot)
    if not scored:
        out.print(nothing_fits(opened.spec, opened.records), markup=False, soft_wrap=True)
    if question.certainty and found.certainty is not None:
        print_certainty(found.certainty)
    if found.target is not None and found.certainty is not None:
        print_target(found.target, found.certainty)
    if question.selection is not None and found.picked is not None:
        out.print(f"\n{question.selection.meaning}", markup=False, soft_wrap=True)
        for record in found.picked:
            out.print(f"  {_shown(record)}", markup=False, soft_wrap=True)


def _shown(record: TrialRecord) -> str:
    return (
        f"{described(record)}: {record.accuracy:.2%}, {record.latency_us:.1f} us,"
        f" {record.energy_uj:.2f} uJ, {record.size_bytes:,} B"
    )


def answers_json(found: Answers) -> dict[str, Any]:
    """The front and the answers, for programs; null where nothing is scored."""
    question, known = found.question, found.certainty
    plain = front_json(found.opened.about, found.opened.records)
    if question.certainty:
        plain["certainty"] = None if known is None else certainty_json(known)
    if question.target:
        plain["target"] = None
        if found.target is not None and known is not None:
            plain["target"] = target_json(found.target, known)
    if not plain["front"]:
        plain["nothing_fits"] = nothing_fits(found.opened.spec, found.opened.records)
    if question.selection is not None:
        plain["pick"] = {
            "rule": question.selection.rule.value,
            "meaning": question.selection.meaning,
            "members": [record.to_json() for record in found.picked or []],
        }
    return plain
