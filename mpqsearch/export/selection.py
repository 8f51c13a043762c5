# SPDX-License-Identifier: Apache-2.0
"""Which candidates are exported, and the trained network of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware.candidate import Candidate
from hardware.integer import IntegerNetwork
from mpqsearch.conditions import Condition, parse_conditions
from mpqsearch.errors import RunFailed, StudyError
from mpqsearch.front import front_of
from mpqsearch.opened_study import OpenedStudy
from mpqsearch.picks import Pick, choose, find_candidate, find_trial
from mpqsearch.scalar_rules import (
    REFERENCE,
    RuleSettings,
    parse_order,
    size_reference,
)
from mpqsearch.target import parse_target
from mpqsearch.trials import TrialRecord


@dataclass(frozen=True)
class Selection:
    """What to export, as the command line says it.

    Attributes:
        pick: A rule over the front; None for the knee, or for all where conditions are given.
        where: Conditions that members of the front must meet, as written.
        trial: One trial, on the front or not.
        length: One candidate's input length,
        bits: and its bits.
        target: Conditions for the rule ace, as written.
        size_ref: Bytes that the rules ace and forgiving compare with; None for the study's uniform
            8 bit network.
        order: Objectives for the rule lexicographic, as written.

    Raises:
        StudyError: where it says two things, or half of one.
    """

    pick: str | None = None
    where: tuple[str, ...] = ()
    trial: int | None = None
    length: int | None = None
    bits: str | None = None
    target: tuple[str, ...] = ()
    size_ref: int | None = None
    order: str | None = None

    def __post_init__(self) -> None:
        ways = {
            "--pick or --where": self.pick is not None or bool(self.where),
            "--trial": self.trial is not None,
            "--length and --bits": self.length is not None or self.bits is not None,
        }
        given = [name for name, was in ways.items() if was]
        if len(given) > 1:
            raise StudyError(
                f"{given[0]}, and {given[1]}, both say what to export; give one of them"
            )
        if (self.length is None) != (self.bits is None):
            missing = "--bits" if self.bits is None else "--length"
            raise StudyError(f"a candidate is named by --length and --bits; {missing} is missing")
        self._check_options()
        _ = self.conditions, self.settings(())  # refused before anything is opened

    def _check_options(self) -> None:
        """Refuses what the rule has no use for."""
        rule = self.rule
        for option, was_given, rules in (
            ("--target", bool(self.target), (Pick.ACE,)),
            ("--size-ref", self.size_ref is not None, (Pick.ACE, Pick.FORGIVING)),
            ("--order", self.order is not None, (Pick.LEXICOGRAPHIC,)),
        ):
            if was_given and rule not in rules:
                names = " or ".join(f"--pick {one.value}" for one in rules)
                raise StudyError(f"{option} is for {names}; give that, or leave {option} out")

    @property
    def rule(self) -> Pick:
        """The rule over the front."""
        if self.pick is not None:
            return Pick.parse(self.pick)
        return Pick.ALL if self.where else Pick.KNEE

    @property
    def meaning(self) -> str:
        """What is taken, for people; empty where a trial or a candidate is named."""
        if self.trial is not None or self.length is not None:
            return ""
        within = " and ".join(map(str, self.conditions))
        if self.rule is Pick.ALL:
            return f"all members of the front with {within}" if within else self.rule.meaning
        among = f", of the members of the front with {within}" if within else ""
        return f"{self.rule.value}{among}: {self.rule.meaning}{self._told}"

    @property
    def _told(self) -> str:
        """What the rule was told, for people."""
        told = []
        if self.target:
            told.append(f"target {parse_target(self.target)}")
        if self.rule in (Pick.ACE, Pick.FORGIVING):
            size = f"the study's {REFERENCE} network" if self.size_ref is None else self.size_ref
            told.append(f"size_ref {size}{'' if self.size_ref is None else ' B'}")
        if self.order is not None:
            told.append(f"order {', '.join(map(str, parse_order(self.order)))}")
        return f" ({'; '.join(told)})" if told else ""

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions, read; those of a target on costs among them."""
        written = tuple(one for text in self.where for one in parse_conditions(text))
        return (*written, *(parse_target(self.target).limits if self.target else ()))

    def settings(self, records: Sequence[TrialRecord]) -> RuleSettings:
        """What the rule is told, read.

        Args:
            records: All candidates of the study, of which one may be the reference.
        """
        floor = parse_target(self.target).floor if self.target else None
        size_ref = size_reference(records) if self.size_ref is None else self.size_ref
        order = () if self.order is None else parse_order(self.order)
        return RuleSettings(floor, size_ref, order)


@dataclass(frozen=True)
class Chosen:
    """A candidate to export; the record is None where the search never scored it."""

    candidate: Candidate
    record: TrialRecord | None


@dataclass(frozen=True)
class Scored:
    """A chosen candidate with its network and what that gives on the validation split.

    Attributes:
        chosen: The candidate.
        integers: Its network, as trained.
        predictions: The class it gives each sample of the validation split, (samples,).
        validation_accuracy: Share of them that are right.
        trained_again: Whether it was trained for this export.
    """

    chosen: Chosen
    integers: IntegerNetwork
    predictions: NDArray[np.int64]
    validation_accuracy: float
    trained_again: bool


def choose_candidates(
    opened: OpenedStudy, selection: Selection, train: Callable[[Candidate], IntegerNetwork]
) -> list[Chosen]:
    """The candidates a selection means.

    Raises:
        StudyError: where it means none; the message says what there is.
    """
    if selection.trial is not None:
        record = find_trial(selection.trial, opened.records, opened.trials)
        return [Chosen(record.candidate, record)]
    if selection.length is not None and selection.bits is not None:
        candidate = Candidate.parse(selection.length, selection.bits)
        opened.network(candidate.input_length).check_bits(candidate.bits)
        return [Chosen(candidate, find_candidate(candidate, opened.records))]
    front = front_of(opened.records)
    if not front:
        raise StudyError(
            f"study {opened.name} has no finished candidate yet; wait for one, or name one with"
            " --length and --bits"
        )

    def errors(record: TrialRecord) -> NDArray[np.bool_]:
        scored = score(opened, Chosen(record.candidate, record), train)
        labels = opened.validation(record.candidate.input_length).labels
        return np.asarray(scored.predictions != labels)

    settings = selection.settings(opened.records)
    picked = choose(front, selection.rule, selection.conditions, errors, settings)
    return [Chosen(record.candidate, record) for record in picked]


def score(
    opened: OpenedStudy, chosen: Chosen, train: Callable[[Candidate], IntegerNetwork]
) -> Scored:
    """Finds a candidate's network, or trains it again, and computes what it scores.

    Raises:
        RunFailed: where a kept network does not give the accuracy the study recorded.
    """
    integers = None if chosen.record is None else opened.kept_network(chosen.record)
    again = integers is None
    if integers is None:
        integers = train(chosen.candidate)
    split = opened.validation(chosen.candidate.input_length)
    predictions = integers.logits(split.inputs).argmax(axis=1)
    accuracy = float(np.mean(predictions == split.labels))
    if not again and chosen.record is not None and accuracy != chosen.record.seed_accuracies[0]:
        raise RunFailed(
            f"the kept network of {chosen.candidate} gives {accuracy:.2%} on the validation split"
            f" but the study recorded {chosen.record.seed_accuracies[0]:.2%}; its checkpoint is not"
            " the one that was scored: delete it and export again, which trains it again"
        )
    return Scored(chosen, integers, predictions, accuracy, again)


def first_right(predictions: Sequence[int], labels: Sequence[int]) -> int:
    """The first sample that is classified rightly; the first of all where none is."""
    right = np.flatnonzero(np.asarray(predictions) == np.asarray(labels))
    return int(right[0]) if right.size else 0
