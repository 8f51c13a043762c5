# SPDX-License-Identifier: Apache-2.0
"""The first candidates of a search: how many, how they are spread, and who proposed them."""

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from hardware.candidate import Candidate
from hardware.cost.model import Cost, CostModel
from mpqsearch.baselines._base import Baseline
from mpqsearch.baselines.warm_start import proposals, spread, warm_starts
from mpqsearch.space import Space
from mpqsearch.study_file import StudySpec, find_study_file, read_study
from objectives.accuracy import AccuracyObjective
from objectives.float_phase import TrainingError
from objectives.task import TaskData

LENGTHS = (101, 91, 81, 71, 61, 51, 41, 31, 21, 11, 5)
WIDTHS = (8, 4, 2, 1)


class Line(Baseline):
    """A front of 64 candidates at each length, which may fail at some."""

    name = "hawq"

    def __init__(self, failing: tuple[int, ...] = ()) -> None:
        super().__init__(Space(LENGTHS, ("a", "b", "c"), (WIDTHS,) * 3))
        self.failing = failing
        self.asked: list[int] = []

    def ranked(self, input_length: int) -> list[Candidate]:
        self.asked.append(input_length)
        if input_length in self.failing:
            raise TrainingError("the loss is nan")
        return [one for one in self.space if one.input_length == input_length]


class Best(Line):
    """The same, as a list that begins with the best."""

    best_first = True


def spec_of(path: Path, names: list[str], trials: int) -> StudySpec:
    spec = read_study(path)
    search = spec.search.model_copy(update={"warm_start": names, "trials": trials})
    return dataclasses.replace(spec, search=search)


def warm(spec: StudySpec) -> list[tuple[Candidate, str]]:
    data: TaskData = spec.task.load()
    objective = AccuracyObjective(spec.task, data, spec.recipe, device=torch.device("cpu"))
    costs = CostModel(spec.chip)

    def cost_of(candidate: Candidate) -> Cost:
        return costs.cost(spec.task.checked_network(candidate.input_length), candidate.bits)

    return warm_starts(spec, objective, cost_of)


def test_lengths_come_in_an_order_that_is_far_apart() -> None:
    """The longest, the shortest, the middle, then what lies between."""
    order = spread(LENGTHS)
    assert order[:3] == [101, 5, 51]
    assert sorted(order) == sorted(LENGTHS)
    assert spread((7,)) == [7]


@pytest.mark.parametrize("count", [5, 11, 20, 40])
def test_the_first_few_are_spread_over_lengths_and_front(count: int) -> None:
    """However many: every length about as often, every part of the front about as often."""
    stream = proposals(Line(), LENGTHS)
    found = [next(stream) for _ in range(count)]
    visits = [sum(one.input_length == length for one in found) for length in LENGTHS]
    assert max(visits) - min(visits) <= 1
    at = np.array(
        [sum(WIDTHS.index(w) * 4 ** (2 - i) for i, w in enumerate(one.bits)) for one in found]
    )
    shares = np.histogram(at, bins=4, range=(0, 64))[0] / count
    assert shares.min() > 0.1
    assert shares.max() < 0.45


def test_every_candidate_is_proposed_once() -> None:
    """And then no more."""
    for baseline in (Line(), Best()):
        found = list(proposals(baseline, LENGTHS))
        assert len(found) == len(set(found)) == 64 * len(LENGTHS)


def test_the_best_of_each_length_comes_first() -> None:
    """Where the list begins with the best."""
    stream = proposals(Best(), LENGTHS)
    found = [next(stream) for _ in range(22)]
    assert [one.bits for one in found] == [(8, 8, 8)] * 11 + [(8, 8, 4)] * 11


def test_lengths_are_asked_for_when_their_turn_comes() -> None:
    """Each costs a float phase."""
    baseline = Line()
    stream = proposals(baseline, LENGTHS)
    for _ in range(3):
        next(stream)
    assert baseline.asked == [101, 5, 51]


def test_a_length_that_fails_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """With a line that says why; where all fail, nothing is proposed."""
    with caplog.at_level(logging.WARNING):
        found = list(proposals(Line(failing=(5,)), LENGTHS))
    assert {one.input_length for one in found} == set(LENGTHS) - {5}
    assert caplog.messages == ["hawq proposes nothing at input length 5: the loss is nan"]
    assert list(proposals(Line(failing=LENGTHS), LENGTHS)) == []


@pytest.mark.parametrize(("trials", "count"), [(12, 4), (9, 3), (1, 1), (4, 1), (1000, 6)])
def test_a_third_of_the_budget_is_proposed_at_most(
    tiny_study: Path, trials: int, count: int
) -> None:
    """One at least; of a budget larger than the space, a third of the space of 18."""
    found = warm(spec_of(tiny_study, ["memory-driven"], trials))
    assert len(found) == count
    assert len({candidate for candidate, _ in found}) == count


def test_baselines_take_turns_and_share_no_candidate(tiny_study: Path) -> None:
    """Those that have nothing left leave their turns to the others; references are no one's."""
    spec = spec_of(tiny_study, ["uniform", "hawq", "forgiving"], 18)
    found = warm(spec)
    assert [who for _, who in found] == ["uniform", "hawq", "forgiving"] * 2
    candidates = [candidate for candidate, _ in found]
    assert len(set(candidates)) == 6
    assert not set(candidates) & {candidate for _, candidate in spec.space.references}
    assert all(candidate in spec.space for candidate in candidates)
    assert warm(spec) == found


def test_what_does_not_fit_the_chip_is_not_proposed(tiny_study: Path) -> None:
    """768 features at 8 bits are too many for a MAX78000; narrower ones fit."""
    text = tiny_study.read_text().replace("chip: MAX78002", "chip: MAX78000")
    tiny_study.write_text(text + "data:\n  features: 768\n")
    spec = spec_of(tiny_study, ["memory-driven"], 18)
    found = warm(spec)
    assert len(found) >= 3
    assert all(candidate.bits[0] < 8 for candidate, _ in found)


def test_the_indoor_study_gets_twenty() -> None:
    """From uniform and memory-driven, in turns, over all eleven lengths, and without any data."""
    spec = read_study(find_study_file("indoor"))
    search = spec.search.model_copy(update={"warm_start": ["uniform", "memory-driven"]})
    spec = dataclasses.replace(spec, search=search)
    costs = CostModel(spec.chip)

    class Nothing:
        task = spec.task

        def float_prefix(self, *_: object, **__: object) -> None:
            raise AssertionError

    found = warm_starts(
        spec,
        Nothing(),  # type: ignore[arg-type]
        lambda one: costs.cost(spec.task.checked_network(one.input_length), one.bits),
    )
    assert [who for _, who in found] == ["uniform", "memory-driven"] * 10
    assert {candidate.input_length for candidate, _ in found} == set(spec.space.input_lengths)
