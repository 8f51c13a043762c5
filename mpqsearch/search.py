# SPDX-License-Identifier: Apache-2.0
"""The search: ask for candidates, price them, train what fits, tell, and keep everything."""

import logging
import random
from collections.abc import Sequence
from typing import Protocol

from optuna.study import Study
from optuna.trial import Trial, TrialState

from hardware.candidate import Candidate
from hardware.cost import Cost, CostModel
from mpqsearch.errors import RunFailed
from mpqsearch.front import front_of
from mpqsearch.run_folder import RunFolder
from mpqsearch.storage import (
    keep_reference,
    keep_test_accuracy,
    known_candidates,
    name_of,
    records_of,
    running_trials,
)
from mpqsearch.study_file import StudySpec
from mpqsearch.trials import FIT_CONSTRAINT, Outcome, TrialRecord
from objectives.accuracy import AccuracyObjective, Failure, Score

logger = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 3
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
        self.costs = CostModel(spec.chip)
        self.records = records_of(study)
        self._references = {candidate: name for name, candidate in spec.space.references}
        self._failures = 0
        self._failed: set[Candidate] = set()
        # A resumed sampler must not draw the first run's numbers again.
        self._random = random.Random(f"{spec.seed} {len(study.get_trials(deepcopy=False))}")

    @property
    def done(self) -> int:
        """Candidates of the space that are decided: scored, found not to fit, or failed now."""
        space = self.spec.space
        decided = {record.candidate for record in known_candidates(self.records).values()}
        return sum(candidate in space for candidate in decided | self._failed)

    def _known(self) -> set[str]:
        """Candidates that this run need not try any more; those failed earlier it tries again."""
        return {*known_candidates(self.records), *map(str, self._failed)}

    @property
    def total(self) -> int:
        """Candidates to decide in all."""
        return min(self.spec.search.trials, self.spec.space.size)

    def run(self) -> None:
        """Evaluates the references, then what the sampler proposes, until the budget is filled.

        Raises:
            RunFailed: after three failures in a row.
        """
        self._take_back_interrupted()
        self._evaluate_outside_references()
        self._enqueue_references()
        while self.done < self.total:
            batch = self._ask(min(self.spec.search.batch, self.total - self.done))
            self._evaluate(batch)
            self._drop_checkpoints()
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
        known = known_candidates(self.records)
        for candidate in self._references:
            if candidate in self.spec.space and str(candidate) not in known:
                self._enqueue(candidate)

    def _enqueue(self, candidate: Candidate) -> None:
        """Queues a candidate to be proposed next, unless it is queued already."""
        parameters = self.spec.space.parameters(candidate)
        waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        if all(trial.system_attrs.get("fixed_params") != parameters for trial in waiting):
            self.study.enqueue_trial(parameters)

    def _evaluate_outside_references(self) -> None:
        """Evaluates the uniform references that the space does not hold."""
        known = known_candidates(self.records)
        missing = [
            candidate
            for candidate in self._references
            if candidate not in self.spec.space and str(candidate) not in known
        ]
        fitting = []
        for candidate in missing:
            cost = self.cost_of(candidate)
            if cost.fits:
                fitting.append(candidate)
                continue
            record = self._record(
                None, candidate, Outcome.INFEASIBLE, message=str(cost.worst_demand)
            )
            self._keep_outside(record)
        for result in self.objective.evaluate(fitting):
            if isinstance(result, Failure):
                logger.warning("reference %s failed: %s", result.candidate, result.reason)
                continue
            record = self._scored(None, result)
            self.folder.save_checkpoint(name_of(record), result.integers)
            self._keep_outside(record)

    def _keep_outside(self, record: TrialRecord) -> None:
        keep_reference(self.study, record)
        self.records.append(record)

    def _ask(self, count: int) -> dict[Candidate, Trial]:
        """Asks for candidates that are not known; what does not fit is told at once."""
        known = self._known()
        batch: dict[Candidate, Trial] = {}
        repeats = 0
        while len(batch) < count:
            trial = self.study.ask(self.spec.space.distributions())
            candidate = self.spec.space.candidate(trial.params)
            if str(candidate) in known or candidate in batch:
                self._tell_repeat(trial, candidate)
                repeats += 1
                if repeats < REPEATS_IN_A_ROW:
                    continue
                if not self._enqueue_untried({*known, *map(str, batch)}):
                    break
                continue
            repeats = 0
            cost = self.cost_of(candidate)
            trial.set_constraint(FIT_CONSTRAINT, max(cost.overflow, 0.0))
            if cost.fits:
                batch[candidate] = trial
                continue
            record = self._record(
                trial.number, candidate, Outcome.INFEASIBLE, message=str(cost.worst_demand)
            )
            self._tell(trial, record)
            known.add(str(candidate))
            count -= 1
        return batch

    def _tell_repeat(self, trial: Trial, candidate: Candidate) -> None:
        """Ends a trial whose candidate is known: it costs no training and counts for nothing."""
        trial.set_user_attr("repeats", str(candidate))
        self.study.tell(trial, state=TrialState.PRUNED)

    def _enqueue_untried(self, known: set[str]) -> bool:
        """Queues a random candidate that is not known; False where there is none."""
        untried = self.spec.space.draw_untried(known, self._random)
        if untried is None:
            return False
        self._enqueue(untried)
        return True

    def _evaluate(self, batch: dict[Candidate, Trial]) -> None:
        for result in self.objective.evaluate(list(batch)):
            trial = batch[result.candidate]
            if isinstance(result, Failure):
                self._tell_failure(trial, result)
                continue
            self._failures = 0
            record = self._scored(trial.number, result)
            self.folder.save_checkpoint(name_of(record), result.integers)
            self._tell(trial, record)

    def _tell(self, trial: Trial, record: TrialRecord) -> None:
        for name, value in record.attributes().items():
            trial.set_user_attr(name, value)
        self.study.tell(trial, record.values)
        self.records.append(record)
        logger.info("trial %d: %s %s", trial.number, record.candidate, record.values)
        self.progress.advance(record, self.done, self.total)

    def _tell_failure(self, trial: Trial, failure: Failure) -> None:
        record = self._record(
            trial.number, failure.candidate, Outcome.FAILED, message=failure.reason
        )
        for name, value in record.attributes().items():
            trial.set_user_attr(name, value)
        self.study.tell(trial, state=TrialState.FAIL)
        self.records.append(record)
        self._failures += 1
        self._failed.add(failure.candidate)
        logger.warning("trial %d (%s) failed: %s", trial.number, failure.candidate, failure.reason)
        if self._failures >= FAILURES_IN_A_ROW:
            raise RunFailed(
                f"{FAILURES_IN_A_ROW} candidates in a row failed, the last ({failure.candidate})"
                f" with: {failure.reason}; everything finished is kept, {self.folder.log_path} says"
                " more"
            )

    def _record(
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

    def _scored(self, number: int | None, score: Score) -> TrialRecord:
        return TrialRecord.priced(
            number,
            score.candidate,
            self.cost_of(score.candidate),
            outcome=Outcome.SCORED,
            accuracy=score.validation_accuracy,
            rung_accuracies=score.rung_accuracies,
            train_seconds=score.train_seconds,
            reference=self._references.get(score.candidate, ""),
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
