# SPDX-License-Identifier: Apache-2.0
"""The trainings of a batch on scripted scores: who is trained at which seed, and who is stopped."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from hardware.candidate import Candidate
from hardware.cost.model import Cost, CostModel
from mpqsearch.study_data import load_data
from mpqsearch.study_file import StudySpec, read_study
from mpqsearch.study_sections import PruningSection
from mpqsearch.trainings import Result, Trainings
from mpqsearch.trials import Outcome, TrialRecord
from objectives.accuracy import Failure, Score, Stopped

RUNG = 0.5
NOBODY = PruningSection(rule="none")
BY_FORECAST = PruningSection(floor=0.0)


class Script:
    """An objective that trains nothing: one stack a candidate, in the order asked, one rung.

    Attributes:
        accuracies: By bits: what they score at every seed, and 0.1 less at the rung; else 0.9.
        failing: Bits and seeds whose training fails.
        asked: Every training, as (candidate, seed).
        judged: Seeds at which somebody may be stopped.
    """

    def __init__(self, spec: StudySpec) -> None:
        self.data = load_data(spec)
        self.accuracies: dict[str, float] = {}
        self.failing: list[tuple[str, int]] = []
        self.asked: list[tuple[str, int]] = []
        self.judged: set[int] = set()

    def evaluate(
        self,
        candidates: Sequence[Candidate],
        *,
        seed: int,
        stops: Callable[..., Sequence[bool]] | None,
    ) -> Iterator[Score | Stopped | Failure]:
        if stops is not None:
            self.judged.add(seed)
        for candidate in candidates:
            self.asked.append((str(candidate), seed))
            if (candidate.bits_text, seed) in self.failing:
                yield Failure(candidate, "RuntimeError: told to")
                continue
            accuracy = self.accuracies.get(candidate.bits_text, 0.9)
            rungs = ((RUNG, accuracy - 0.1),)
            if stops is not None and stops(RUNG, [candidate], [accuracy - 0.1])[0]:
                yield Stopped(candidate, rungs, 0.5, 0.5)
                continue
            network: Any = None  # nobody here looks at it
            yield Score(candidate, network, (*rungs, (1.0, accuracy)), accuracy, 1.0)


class Bench:
    """Trainings of the tiny study, with what they were asked."""

    def __init__(self, study_file: Path, **changes: Any) -> None:
        self.spec = dataclasses.replace(read_study(study_file), **changes)
        self.costs = CostModel(self.spec.chip)
        self.script = Script(self.spec)
        self.trainings = self.again([])

    def again(self, records: Sequence[TrialRecord]) -> Trainings:
        """Trainings of another run, which finds these records."""
        self.trainings = Trainings(self.spec, self.script, self.cost_of, records)  # type: ignore[arg-type]
        return self.trainings

    def cost_of(self, candidate: Candidate) -> Cost:
        network = self.spec.task.checked_network(candidate.input_length)
        return self.costs.cost(network, candidate.bits)

    def train(self, *candidates: str) -> list[Result]:
        return list(self.trainings.results(several(*candidates)))

    def record(self, candidate: str, *accuracies: float) -> TrialRecord:
        """What a candidate came to: scored at these seeds, or without any stopped at 0.85."""
        (one,) = several(candidate)
        outcome = Outcome.SCORED if accuracies else Outcome.PRUNED
        reached = accuracies[0] if accuracies else 0.95
        return TrialRecord.priced(
            0,
            one,
            self.cost_of(one),
            outcome=outcome,
            accuracy=reached,
            rungs=((RUNG, reached - 0.1),),
            seed_accuracies=accuracies,
        )


def several(*candidates: str) -> list[Candidate]:
    parts = [text.split() for text in candidates]
    return [Candidate.parse(int(length), bits) for length, bits in parts]


def seeds_of(results: Sequence[Result]) -> dict[str, int]:
    """Scores of each candidate that has any."""
    return {str(one[0].candidate): len(one) for one in results if isinstance(one, tuple)}


# cheap in everything but 2-2, and never stopped on their own account
EIGHT = [f"6 {bits}" for bits in ("2-2", "2-4", "4-2", "2-8", "8-2", "4-4", "4-8", "8-4")]


def test_seeds_are_a_block(tiny_study: Path) -> None:
    """Everybody gets the study's seed, then everybody the next one: the same for all."""
    bench = Bench(tiny_study, seeds=3, pruning=NOBODY)
    results = bench.train("8 8-8", "6 4-2")
    assert bench.script.asked == [(one, seed) for seed in (1, 2, 3) for one in ("8 8-8", "6 4-2")]
    assert seeds_of(results) == {"8 8-8": 3, "6 4-2": 3}


def test_seeds_begin_anew_after_the_largest(tiny_study: Path) -> None:
    """A study with the largest seed there is goes on with 0."""
    bench = Bench(tiny_study, seed=(1 << 32) - 1, seeds=2, pruning=NOBODY)
    bench.train("6 4-2")
    assert bench.script.asked == [("6 4-2", (1 << 32) - 1), ("6 4-2", 0)]


def test_no_candidates_are_no_trainings(tiny_study: Path) -> None:
    """An empty batch gives nothing."""
    assert Bench(tiny_study, seeds=2).train() == []


def test_rule_none_asks_nobody_at_rungs(tiny_study: Path) -> None:
    """No training can be stopped where the study says so, however useless."""
    bench = Bench(tiny_study, pruning=NOBODY)
    bench.script.accuracies["4-2"] = 0.1
    assert seeds_of(bench.train("6 4-2")) == {"6 4-2": 1}
    assert bench.script.judged == set()


def test_what_is_stopped_gets_no_further_seed(tiny_study: Path) -> None:
    """Two classes put the floor at 55 %; trainings are stopped at the first seed or never."""
    bench = Bench(tiny_study, seeds=3)
    bench.script.accuracies["4-2"] = 0.6
    stopped, *scored = bench.train("6 4-2", "6 8-2")
    assert isinstance(stopped, Stopped)
    assert stopped.rungs == ((RUNG, 0.5),)
    assert seeds_of(scored) == {"6 8-2": 3}
    assert [seed for one, seed in bench.script.asked if one == "6 4-2"] == [1]
    assert bench.script.judged == {1}


def test_references_are_never_stopped(tiny_study: Path) -> None:
    """Uniform bits at the longest input are there to compare with, in every study."""
    bench = Bench(tiny_study, pruning=PruningSection(floor=1.0))
    results = bench.train("8 8-8", "8 4-4", "8 2-2", "8 4-2", "6 4-4")
    assert list(seeds_of(results)) == ["8 8-8", "8 4-4", "8 2-2"]
    assert len(results) == 5


def test_racing_gives_seeds_to_those_that_may_be_on_the_front(tiny_study: Path) -> None:
    """Beaten beyond doubt: one seed. Beaten by chance, cheaper, or a reference: all."""
    bench = Bench(tiny_study, seeds=3, racing=True, pruning=NOBODY)
    bench.script.accuracies = {"4-2": 0.95, "8-8": 0.6, "8-2": 0.94, "2-2": 0.6}
    results = bench.train("8 8-8", "6 8-8", "6 4-2", "6 8-2", "6 2-2")
    assert seeds_of(results) == {"8 8-8": 3, "6 8-8": 1, "6 4-2": 3, "6 8-2": 3, "6 2-2": 3}
    assert len(results) == 5


def test_without_racing_everybody_gets_all_seeds(tiny_study: Path) -> None:
    """Also one that is beaten beyond doubt."""
    bench = Bench(tiny_study, seeds=2, pruning=NOBODY)
    bench.script.accuracies = {"4-2": 0.95, "8-8": 0.6}
    assert seeds_of(bench.train("6 8-8", "6 4-2")) == {"6 8-8": 2, "6 4-2": 2}


def test_candidates_race_against_those_of_earlier_runs(tiny_study: Path) -> None:
    """What is known from the storage, or was decided a batch ago, takes part."""
    bench = Bench(tiny_study, seeds=2, racing=True, pruning=NOBODY)
    bench.script.accuracies["8-8"] = 0.6
    assert seeds_of(bench.train("6 8-8")) == {"6 8-8": 2}
    bench.again([bench.record("6 4-2", 0.95, 0.95)])
    assert seeds_of(bench.train("6 8-8")) == {"6 8-8": 1}
    bench.again([]).remember(bench.record("6 4-2", 0.95))
    assert seeds_of(bench.train("6 8-8")) == {"6 8-8": 1}


def test_a_failure_at_any_seed_is_the_candidates(tiny_study: Path) -> None:
    """It fails once, with reason and seed, gets no third seed, and the others go on."""
    bench = Bench(tiny_study, seeds=3, pruning=NOBODY)
    bench.script.failing = [("4-2", 2)]
    failed, *scored = bench.train("6 4-2", "6 8-2")
    assert failed == Failure(*several("6 4-2"), "RuntimeError: told to (seed 2)")
    assert seeds_of(scored) == {"6 8-2": 3}
    assert ("6 4-2", 3) not in bench.script.asked


def test_the_only_seed_is_not_named_in_a_failure(tiny_study: Path) -> None:
    """A study of one seed says nothing of seeds."""
    bench = Bench(tiny_study)
    bench.script.failing = [("4-2", 1)]
    assert bench.train("6 4-2") == [Failure(*several("6 4-2"), "RuntimeError: told to")]


@pytest.mark.parametrize(("known", "stopped"), [(7, False), (8, True)])
def test_earlier_runs_have_shown_where_a_rung_leads(
    known: int, stopped: bool, tiny_study: Path
) -> None:
    """Eight trainings finished in earlier runs are enough to stop one that falls behind."""
    bench = Bench(tiny_study, pruning=BY_FORECAST)
    bench.again([bench.record(one, 0.9 - 0.02 * (one == "6 2-2")) for one in EIGHT[:known]])
    bench.script.accuracies["8-8"] = 0.6
    (result,) = bench.train("6 8-8")
    assert isinstance(result, Stopped) is stopped


def test_a_training_stopped_in_an_earlier_run_stops_others(tiny_study: Path) -> None:
    """It reached 85 % at the rung, the finished ones, which cost more, 45 %."""
    bench = Bench(tiny_study, pruning=BY_FORECAST)
    finished = [
        bench.record(one.replace("6 ", "8 "), 0.55 - 0.02 * (one == "6 2-2")) for one in EIGHT
    ]
    bench.script.accuracies["4-8"] = 0.6
    bench.again(finished)
    assert seeds_of(bench.train("6 4-8")) == {"6 4-8": 1}
    bench.again([*finished, bench.record("6 4-4")])
    (result,) = bench.train("6 4-8")
    assert isinstance(result, Stopped)


def test_failed_and_unfit_candidates_teach_nothing(tiny_study: Path) -> None:
    """Their records hold no rungs and no accuracy to race against."""
    bench = Bench(tiny_study, seeds=2, racing=True, pruning=BY_FORECAST)
    known = [bench.record(one, 0.9) for one in EIGHT]
    useless = [dataclasses.replace(one, outcome=Outcome.FAILED) for one in known[:4]]
    useless += [dataclasses.replace(one, outcome=Outcome.INFEASIBLE) for one in known[4:]]
    bench.again(useless)
    bench.script.accuracies["8-8"] = 0.3
    assert seeds_of(bench.train("6 8-8")) == {"6 8-8": 2}


def test_a_first_seed_counts_before_the_others_are_trained(tiny_study: Path) -> None:
    """The ninth of a batch is held to the first eight, though none of them has its second seed."""
    bench = Bench(tiny_study, seeds=2, pruning=BY_FORECAST)
    bench.script.accuracies |= {"8-8": 0.6, "2-2": 0.88}
    results = bench.train(*EIGHT, "6 8-8")
    assert isinstance(results[0], Stopped)
    assert len(seeds_of(results)) == 8


def test_no_training_counts_twice(tiny_study: Path) -> None:
    """Seven that were seen in training and told as records afterwards are still seven."""
    bench = Bench(tiny_study, seeds=2, pruning=BY_FORECAST)
    for result in bench.train(*EIGHT[:7]):
        assert isinstance(result, tuple)
        bench.trainings.remember(bench.record(str(result[0].candidate), 0.9, 0.9))
    bench.script.accuracies["8-8"] = 0.6
    assert seeds_of(bench.train("6 8-8")) == {"6 8-8": 2}
