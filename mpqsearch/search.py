# SPDX-License-Identifier: Apache-2.0
"""The search: ask for candidates, price them, train what fits, tell, and keep everything."""

import logging
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from optuna.study import Study
from optuna.trial import Trial, TrialState

from hardware.candidate import Candidate
from hardware.cost.model import Cost, CostModel
from mpqsearch.errors import RunFailed
from mpqsearch.front import front_of
from mpqsearch.run_folder import RunFolder
from mpqsearch.storage import (
    keep_reference,
    keep_test_accuracy,
    name_of,
    records_of,
    running_trials,
)
from mpqsearch.study_file import StudySpec
from mpqsearch.trainings import Result, Trainings
from mpqsearch.trials import FIT_CONSTRAINT, STATES, Outcome, TrialRecord
from objectives.accuracy import AccuracyObjective, Failure, Score, Stopped

logger = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 3
TRAINED = (Outcome.SCORED, Outcome.PRUNED)
"""Outcomes that show that trainings work."""
REPEATS_IN_A_ROW = 5
"""Known candidates NSGA-II may propose before an untried one is drawn for it."""


class Progress(Protocol):
    """Who is told how a search goes on."""

    def advance(self, record: TrialRecord, done: int, total: int) -> None:
        """A candidate was decided; `done` of `total` now are."""


class Search:
    """Fills a study up to its budget of candidates, a total over all its runs.

    Attributes:
        records: Every candidate known, from earlier runs and this one.
    """

    def __init__(
        self,
        spec: StudySpec,
        study: Study,
        objective: AccuracyObjective,
        folder: RunFolder,
        progress: Progress,
    ) -> None:
        self.spec = spec
        self.study = study
        self.objective = objective
        self.folder = folder
        self.progress = progress
        self.costs = CostModel(spec.chip, spec.calibration)
        self.records = records_of(study)
        self._trainings = Trainings(spec, objective, self.cost_of, self.records)
        self._references = {candidate: name for name, candidate in spec.space.references}
        self._failures = 0
        # Decided, in or outside the space; what failed in an earlier run is tried again.
        self._known = {
            record.candidate for record in self.records if record.outcome is not Outcome.FAILED
        }
        self._done = sum(candidate in spec.space for candidate in self._known)
        # A resumed sampler must not draw the first run's numbers again.
        self._random = random.Random(f"{spec.seed} {len(study.get_trials(deepcopy=False))}")

    @property
    def done(self) -> int:
        """Candidates of the space that are decided: scored, found not to fit, or failed now."""
        return self._done

    @property
    def total(self) -> int:
        """Candidates to decide in all; the references in the space always."""
        space = self.spec.space
        references = sum(candidate in space for candidate in self._references)
        return min(max(self.spec.search.trials, references), space.size)

    def run(self) -> None:
        """Evaluates the references, then what the sampler proposes, until the budget is filled.

        Raises:
            RunFailed: after three failures in a row, or where nothing but failures came out.
        """
        self._take_back_interrupted()
        self._evaluate_outside_references()
        self._enqueue_references()
        while self.done < self.total:
            batch = self._ask(min(self.spec.search.batch, self.total - self.done))
            self._train(list(batch), batch)
            self._drop_checkpoints()
        if self._failures and not any(one.outcome in TRAINED for one in self.records):
            raise self._failure("every candidate that was trained failed")
        self._report_on_test_split()

    def cost_of(self, candidate: Candidate) -> Cost:
        """Prices a candidate."""
        network = self.spec.task.checked_network(candidate.input_length)
        return self.costs.cost(network, candidate.bits)

    def _take_back_interrupted(self) -> None:
        """Marks what an earlier run left unfinished as failed, and queues it again."""
        for trial in running_trials(self.study):
            logger.info("trial %d was interrupted; it is queued again", trial.number)
            self.study.tell(trial.number, state=TrialState.FAIL)
            if set(trial.params) == set(self.spec.space.distributions()):
                self._enqueue(self.spec.space.candidate(trial.params))

    def _enqueue_references(self) -> None:
        for candidate in self._references:
            if candidate in self.spec.space and candidate not in self._known:
                self._enqueue(candidate)

    def _enqueue(self, candidate: Candidate) -> None:
        """Queues a candidate to be proposed next, unless it is queued already."""
        parameters = self.spec.space.parameters(candidate)
        waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        if all(trial.system_attrs.get("fixed_params") != parameters for trial in waiting):
            self.study.enqueue_trial(parameters)

    def _evaluate_outside_references(self) -> None:
        """Evaluates the uniform references that the space does not hold."""
        missing = [
            candidate
            for candidate in self._references
            if candidate not in self.spec.space and candidate not in self._known
        ]
        fitting = []
        for candidate in missing:
            cost = self.cost_of(candidate)
            if cost.fits:
                fitting.append(candidate)
            else:
                self._decide(self._misfit(None, candidate, cost))
        self._train(fitting, {})

    def _ask(self, count: int) -> dict[Candidate, Trial]:
        """Asks for candidates that are not known; what does not fit is told at once."""
        batch: dict[Candidate, Trial] = {}
        repeats = 0
        while len(batch) < count:
            trial = self.study.ask(self.spec.space.distributions())
            candidate = self.spec.space.candidate(trial.params)
            if candidate in self._known or candidate in batch:
                self._tell_repeat(trial, candidate)
                repeats += 1
                if repeats >= REPEATS_IN_A_ROW and not self._enqueue_untried(batch):
                    break
                continue
            repeats = 0
            cost = self.cost_of(candidate)
            trial.set_constraint(FIT_CONSTRAINT, max(cost.overflow, 0.0))
            if cost.fits:
                batch[candidate] = trial
            else:
                self._decide(self._misfit(trial.number, candidate, cost), trial)
                count -= 1
        return batch

    def _tell_repeat(self, trial: Trial, candidate: Candidate) -> None:
        """Ends a trial whose candidate is known: it costs no training and counts for nothing."""
        trial.set_user_attr("repeats", str(candidate))
        self.study.tell(trial, state=TrialState.PRUNED)

    def _enqueue_untried(self, batch: Iterable[Candidate]) -> bool:
        """Queues a random candidate, neither known nor in the batch; False where there is none."""
        untried = self.spec.space.draw_untried(self._known.union(batch), self._random)
        if untried is None:
            return False
        self._enqueue(untried)
        return True

    def _train(self, candidates: Sequence[Candidate], trials: Mapping[Candidate, Trial]) -> None:
        """Scores candidates and keeps each result as soon as it is there.

        Args:
            candidates: What to train.
            trials: Their trials; a reference outside the space has none.
        """
        waiting = dict.fromkeys(candidates)
        for result in self._trainings.results(candidates):
            candidate = (result[0] if isinstance(result, tuple) else result).candidate
            del waiting[candidate]
            self._take(result, trials.get(candidate))
        for candidate in waiting:  # else the search would propose it for ever
            self._take(Failure(candidate, "the training gave no result"), trials.get(candidate))

    def _take(self, result: Result, trial: Trial | None) -> None:
        number = None if trial is None else trial.number
        if isinstance(result, Failure):
            self._decide(self._failed(number, result), trial)
        elif isinstance(result, Stopped):
            self._decide(self._pruned(number, result), trial)
        else:
            record = self._scored(number, result)
            self.folder.save_checkpoint(name_of(record), result[0].integers)
            self._decide(record, trial)

    def _decide(self, record: TrialRecord, trial: Trial | None = None) -> None:
        """Keeps what a candidate came to, in its trial or, outside the space, in the study.

        Raises:
            RunFailed: where it is the third failure in a row.
        """
        failed = record.outcome is Outcome.FAILED
        if trial is None:
            keep_reference(self.study, record)
        else:
            for name, value in record.attributes().items():
                trial.set_user_attr(name, value)
            state = STATES[record.outcome]
            self.study.tell(
                trial, record.values if state is TrialState.COMPLETE else None, state=state
            )
            self._done += 1
        self.records.append(record)
        self._trainings.remember(record)
        self._known.add(record.candidate)
        said = record.message or record.values
        logger.info("%s: %s %s", name_of(record), record.candidate, said)
        if trial is not None:
            self.progress.advance(record, self.done, self.total)
        if failed:
            self._failures += 1
            if self._failures >= FAILURES_IN_A_ROW:
                raise self._failure(f"{FAILURES_IN_A_ROW} candidates in a row failed")
        elif record.outcome in TRAINED:
            self._failures = 0

    def _failure(self, what: str) -> RunFailed:
        last = [record for record in self.records if record.outcome is Outcome.FAILED][-1]
        return RunFailed(
            f"{what}, the last ({last.candidate}) with: {last.message}; everything finished is"
            f" kept, {self.folder.log_path} says more"
        )

    def _misfit(self, number: int | None, candidate: Candidate, cost: Cost) -> TrialRecord:
        return self._unscored(number, candidate, Outcome.INFEASIBLE, str(cost.worst_demand))

    def _failed(self, number: int | None, failure: Failure) -> TrialRecord:
        return self._unscored(number, failure.candidate, Outcome.FAILED, failure.reason)

    def _unscored(
        self, number: int | None, candidate: Candidate, outcome: Outcome, message: str
    ) -> TrialRecord:
        return TrialRecord.priced(
            number,
            candidate,
            self.cost_of(candidate),
            outcome=outcome,
            accuracy=0.0,
            reference=self._references.get(candidate, ""),
            message=message,
        )

    def _scored(self, number: int | None, scores: Sequence[Score]) -> TrialRecord:
        first = scores[0]
        accuracies = tuple(score.validation_accuracy for score in scores)
        return TrialRecord.priced(
            number,
            first.candidate,
            self.cost_of(first.candidate),
            outcome=Outcome.SCORED,
            accuracy=sum(accuracies) / len(accuracies),
            rungs=first.rungs,
            seed_accuracies=accuracies,
            train_seconds=sum(score.train_seconds for score in scores),
            reference=self._references.get(first.candidate, ""),
        )

    def _pruned(self, number: int | None, stopped: Stopped) -> TrialRecord:
        share, accuracy = stopped.rungs[-1]
        return TrialRecord.priced(
            number,
            stopped.candidate,
            self.cost_of(stopped.candidate),
            outcome=Outcome.PRUNED,
            accuracy=accuracy,
            rungs=stopped.rungs,
            train_seconds=stopped.train_seconds,
            saved_seconds=stopped.saved_seconds,
            message=f"stopped early, at {accuracy:.2%} after {share:.0%} of the QAT steps",
        )

    def _shown(self) -> Sequence[TrialRecord]:
        """The front and the references: what tables show, and whose networks are kept."""
        references = [record for record in self.records if record.reference]
        scored = [record for record in references if record.outcome is Outcome.SCORED]
        return [*front_of(self.records), *scored]

    def _drop_checkpoints(self) -> None:
        """Deletes the networks of dominated candidates; once dominated, always dominated."""
        self.folder.keep_checkpoints({name_of(record) for record in self._shown()})

    def _report_on_test_split(self) -> None:
        """Computes the test accuracy of the front and the references, after all choices."""
        for record in self._shown():
            if record.test_accuracy is not None:
                continue
            network = self.spec.task.checked_network(record.candidate.input_length)
            try:
                integers = self.folder.load_checkpoint(name_of(record), network)
            except (OSError, ValueError) as error:
                logger.warning("no test accuracy for %s: %s", record.candidate, error)
                continue
            keep_test_accuracy(self.study, record, self.objective.test_accuracy(integers))
        self.records = records_of(self.study)
