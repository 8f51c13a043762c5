# SPDX-License-Identifier: Apache-2.0
"""The first candidates of a search: how many, how they are spread, and who proposed them."""

import logging
from pathlib import Path

import numpy as np
import optuna
import pytest
import torch
from optuna.study import Study
from optuna.trial import TrialState

from hardware.candidate import Candidate
from hardware.cost.model import CostModel
from mpqsearch.baselines._base import Baseline
from mpqsearch.baselines.warm_start import proposals, queue_warm_starts, warm_starts
from mpqsearch.queue import prepare_queue
from mpqsearch.space import Space
from mpqsearch.study_file import StudySpec, find_study_file, read_study
from mpqsearch.trials import DIRECTIONS, PROPOSED_BY, candidate_of
from objectives.accuracy import AccuracyObjective
from objectives.float_phase import TrainingError

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
    return read_study(path, warm_start=names, trials=trials)


def objective_of(spec: StudySpec) -> AccuracyObjective:
    return AccuracyObjective(spec.task, spec.task.load(), spec.recipe, device=torch.device("cpu"))


def warm(spec: StudySpec, most: int) -> dict[Candidate, str]:
    return warm_starts(spec, objective_of(spec), spec.search.warm_start, frozenset(), most)


def study_of(spec: StudySpec) -> Study:
    study = optuna.create_study(directions=DIRECTIONS)
    prepare_queue(spec, study)
    return study


def queued(study: Study) -> list[str]:
    """Who proposed each trial of a study that is not decided; references by nobody."""
    waiting = study.get_trials(states=(TrialState.WAITING,))
    return [one.user_attrs.get(PROPOSED_BY, "") for one in waiting]


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


@pytest.mark.parametrize(
    ("trials", "count"), [(12, 4), (9, 3), (5, 1), (4, 1), (3, 0), (1, 0), (1000, 6)]
)
def test_a_third_of_the_budget_is_queued_at_most(tiny_study: Path, trials: int, count: int) -> None:
    """One at least, where the three references leave room; of 18 candidates at most six."""
    spec = spec_of(tiny_study, ["memory-driven"], trials)
    study = study_of(spec)
    queue_warm_starts(spec, study, objective_of(spec))
    assert queued(study) == [""] * 3 + ["memory-driven"] * count


def test_nothing_is_queued_again(tiny_study: Path) -> None:
    """By the same run started again; a baseline named later fills what is left of the third."""
    spec = spec_of(tiny_study, ["uniform"], 15)
    study = study_of(spec)
    for _ in range(2):
        queue_warm_starts(spec, study, objective_of(spec))
        assert queued(study) == [""] * 3 + ["uniform"] * 3  # all there are besides references
    more = spec_of(tiny_study, ["hawq", "uniform"], 15)
    for _ in range(2):
        queue_warm_starts(more, study, objective_of(more))
        assert queued(study) == [""] * 3 + ["uniform"] * 3 + ["hawq"] * 2
    candidates = [candidate_of(one, spec.space) for one in study.get_trials()]
    assert len(set(candidates)) == len(candidates)


def test_a_full_study_gets_no_warm_start_until_it_has_room(tiny_study: Path) -> None:
    """Its budget is a total; a baseline that found no room is asked again when there is."""
    for trials, count in ((3, 0), (6, 2)):
        spec = spec_of(tiny_study, ["forgiving"], trials)
        if not count:
            study = study_of(spec)
        queue_warm_starts(spec, study, objective_of(spec))
        assert queued(study) == [""] * 3 + ["forgiving"] * count


def test_an_interrupted_trial_keeps_who_proposed_it(tiny_study: Path) -> None:
    """When it is queued again; and it counts once in the third."""
    spec = spec_of(tiny_study, ["memory-driven"], 12)
    study = study_of(spec)
    queue_warm_starts(spec, study, objective_of(spec))
    for _ in range(4):
        study.ask(spec.space.distributions())
    prepare_queue(spec, study)
    assert queued(study) == ["memory-driven"] * 3 + [""] * 3 + ["memory-driven"]
    more = spec_of(tiny_study, ["memory-driven", "hawq"], 12)
    queue_warm_starts(more, study, objective_of(more))
    assert queued(study).count("hawq") == 0


def test_baselines_take_turns_and_share_no_candidate(tiny_study: Path) -> None:
    """Those that have nothing left leave their turns to the others; references are no one's."""
    spec = spec_of(tiny_study, ["uniform", "hawq", "forgiving"], 18)
    found = warm(spec, 8)
    assert list(found.values())[:6] == ["uniform", "hawq", "forgiving"] * 2
    assert len(found) == 8
    assert not found.keys() & {candidate for _, candidate in spec.space.references}
    assert all(candidate in spec.space for candidate in found)
    assert warm(spec, 8) == found
    known = frozenset(list(found)[:4])
    other = warm_starts(spec, objective_of(spec), ["hawq"], known, 18)
    assert not other.keys() & known


def test_what_does_not_fit_the_chip_is_not_proposed(tiny_study: Path) -> None:
    """768 features at 8 bits are too many for a MAX78000; narrower ones fit."""
    text = tiny_study.read_text().replace("chip: MAX78002", "chip: MAX78000")
    tiny_study.write_text(text + "data:\n  features: 768\n")
    spec = spec_of(tiny_study, ["memory-driven"], 18)
    found = warm(spec, 6)
    assert len(found) >= 3
    costs = CostModel(spec.chip)
    every = [costs.cost(spec.task.checked_network(8), one.bits).fits for one in spec.space]
    assert not all(every)
    for candidate in found:
        assert costs.cost(spec.task.checked_network(candidate.input_length), candidate.bits).fits


def test_twenty_of_the_indoor_study_cover_its_lengths() -> None:
    """From uniform and memory-driven, in turns, over all eleven, and without any data."""
    spec = read_study(find_study_file("indoor"))

    class Nothing:
        task = spec.task

        def float_prefix(self, *_: object, **__: object) -> None:
            raise AssertionError

    names = ["uniform", "memory-driven"]
    found = warm_starts(spec, Nothing(), names, frozenset(), 20)  # type: ignore[arg-type]
    assert list(found.values()) == names * 10
    assert {candidate.input_length for candidate in found} == set(spec.space.input_lengths)
