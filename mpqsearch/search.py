# SPDX-License-Identifier: Apache-2.0
"""The search: ask for candidates, price them, train what fits, tell, and keep everything."""

import logging
import random
import time
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Protocol

from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from hardware.candidate import Candidate
from hardware.cost.model import Cost, CostModel
from mpqsearch.errors import RunFailed
from mpqsearch.front import shown_of
from mpqsearch.ledger import Ledger, failed_trials
from mpqsearch.run_folder import RunFolder
from mpqsearch.storage import keep_reference, name_of, records_of, tell_record
from mpqsearch.study_file import StudySpec
from mpqsearch.trainings import Result, Trainings
from mpqsearch.trials import FIT_CONSTRAINT, WORKER, Outcome, TrialRecord, record_of
from objectives.accuracy import AccuracyObjective, Failure, Score, Stopped

logger = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 3
TRAINED = (Outcome.SCORED, Outcome.PRUNED)
"""Outcomes that show that trainings work."""
REPEATS_IN_A_ROW = 5
"""Known candidates NSGA-II may propose before an untried one is drawn for it."""
CHOOSING_SECONDS = 20.0
"""How long a worker of another machine may take to choose before it is taken for dead."""
OTHERS_SECONDS = 0.2
"""How often a worker looks whether others, who have the rest of the budget, are done."""


class Progress(Protocol):
    """Who is told how a search goes on."""

    def advance(self, record: TrialRecord, done: int, total: int) -> None:
        """A candidate was decided; `done` of `total` now are."""


class Search:
    """One worker of a study: proposes, trains and tells until the study's budget is filled.

    The budget is a total over all runs and all workers of the study; who trains a candidate is in
    the `Ledger`.

    Attributes:
        records: Every candidate known, from earlier runs, other workers and this one.
    """

    def __init__(
        self,
        spec: StudySpec,
        study: Study,
        objective: AccuracyObjective,
        folder: RunFolder,
        progress: Progress | None = None,
        *,
        worker: str = "",
        retried: Set[int] | None = None,
    ) -> None:
        """Reads the study.

        Args:
            spec: What is searched.
            study: Optuna's study, with its sampler.
            objective: What trains.
            folder: Where networks are kept.
            progress: Told about every candidate this worker decides; None: nobody.
            worker: Name that marks the trials of this worker; empty where it is the only one.
            retried: Failed trials whose candidates are tried again; by default all there are.
        """
        self.spec = spec
        self.study = study
        self.objective = objective
        self.folder = folder
        self.progress = progress
        self.worker = worker
        self.costs = CostModel(spec.chip, spec.calibration)
        told = len(study.get_trials(deepcopy=False))
        again = failed_trials(study) if retried is None else retried
        self.ledger = Ledger(study, spec.space, retried=again)
        self.records = records_of(study)
        self._recorded = {record.number for record in self.records}
        self._trainings = Trainings(spec, objective, self.cost_of, self.records)
        self._references = {candidate: name for name, candidate in spec.space.references}
        self._failures = 0
        self.ledger.refresh()
        # A resumed sampler must not draw the first run's numbers again.
        self._random = random.Random(f"{spec.seed} {told} {worker}")

    @property
    def done(self) -> int:
        """Candidates of the space that are decided: scored, found not to fit, or failed now."""
        return self.ledger.decided

    @property
    def total(self) -> int:
        """Candidates to decide in all; the references in the space always."""
        return self.spec.budget

    def run(self, *, references: bool = True) -> None:
        """Trains what the sampler proposes until the budget is filled.

        Args:
            references: Whether the references outside the space are trained by this worker.

        Raises:
            RunFailed: after three failures in a row, or where nothing but failures came out.
        """
        if references:
            self._evaluate_outside_references()
        while self.done < self.total:
            batch = self._ask(self.spec.search.batch)
            self._train(list(batch), batch)
            self._drop_checkpoints()
            self._learn(self.ledger.refresh())
            if not batch and self.done < self.total:  # the rest is in other workers' hands
                time.sleep(OTHERS_SECONDS)
        self.records = records_of(self.study)
        if self._failures and not any(one.outcome in TRAINED for one in self.records):
            raise self._failure("every candidate that was trained failed")

    def cost_of(self, candidate: Candidate) -> Cost:
        """Prices a candidate."""
        network = self.spec.task.checked_network(candidate.input_length)
        return self.costs.cost(network, candidate.bits)

    def _learn(self, news: Iterable[FrozenTrial]) -> None:
        """Takes in what other workers decided."""
        for trial in news:
            record = None if trial.number in self._recorded else record_of(trial, None)
            if record is not None:
                self._remember(record)

    def _remember(self, record: TrialRecord) -> None:
        self.records.append(record)
        self._recorded.add(record.number)
        self._trainings.remember(record)

    def _evaluate_outside_references(self) -> None:
        """Evaluates the uniform references that the space does not hold."""
        known = {one.candidate for one in self.records if one.outcome is not Outcome.FAILED}
        missing = [
            candidate
            for candidate in self._references
            if candidate not in self.spec.space and candidate not in known
        ]
        fitting = []
        for candidate in missing:
            cost = self.cost_of(candidate)
            if cost.fits:
                fitting.append(candidate)
            else:
                self._decide(self._misfit(None, candidate, cost))
        self._train(fitting, {})

    def _ask(self, most: int) -> dict[Candidate, Trial]:
        """Asks for candidates that nobody has; what does not fit is told at once.

        Returns:
            At most `most`; fewer, or none, where the budget is filled or others have the rest.
        """
        batch: dict[Candidate, Trial] = {}
        repeats = 0
        decided = 0
        while len(batch) + decided < most and self._may_ask():
            trial = self._propose()
            if trial is None:
                repeats += 1
                if repeats >= REPEATS_IN_A_ROW and not self._enqueue_untried():
                    break
                continue
            repeats = 0
            candidate = self.spec.space.candidate(trial.params)
            cost = self.cost_of(candidate)
            trial.set_constraint(FIT_CONSTRAINT, max(cost.overflow, 0.0))
            if cost.fits:
                batch[candidate] = trial
            else:
                self._decide(self._misfit(trial.number, candidate, cost), trial)
                decided += 1
        return batch

    def _may_ask(self) -> bool:
        """Whether the budget has room, or the queue holds what has its place in it already.

        As of the last look: who asks looks again, and gives up what is too much.
        """
        return len(self.ledger.claimed) < self.total or self.ledger.waiting > 0

    def _propose(self) -> Trial | None:
        """Asks for a trial; None where its candidate is somebody else's, and it is ended."""
        with self.folder.asking:
            try:
                trial = self.study.ask(self.spec.space.distributions())
                if trial.user_attrs.get(WORKER) != self.worker and self.worker:
                    trial.set_user_attr(WORKER, self.worker)  # it was queued
                seconds = CHOOSING_SECONDS if self.folder.shared else 0.0
                self._learn(self.ledger.wait_for_choosers(trial.number, seconds))
                candidate = self.spec.space.candidate(trial.params)
                owned = self.ledger.owns(trial.number, candidate)
                full = len(self.ledger.claimed) > self.total
                if owned and not (full and self.ledger.rank(trial.number) >= self.total):
                    return trial
                # costs no training and counts for nothing
                trial.set_user_attr("beyond_budget" if owned else "repeats", str(candidate))
                self.study.tell(trial, state=TrialState.PRUNED)
            except UpdateFinishedTrialError:
                logger.warning("a trial was taken for left before it began")
        return None

    def _enqueue_untried(self) -> bool:
        """Queues a random candidate that nobody has; False where there is none."""
        untried = self.spec.space.draw_untried(self.ledger.claimed, self._random)
        if untried is None:
            return False
        self.study.enqueue_trial(self.spec.space.parameters(untried))
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
        elif not tell_record(self.study, trial, record):
            return
        self._remember(record)
        if trial is not None:
            self.ledger.decide(trial.number, record.candidate)
        said = record.message or record.values
        logger.info("%s: %s %s", name_of(record), record.candidate, said)
        if trial is not None and self.progress is not None:
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

    def _drop_checkpoints(self) -> None:
        """Deletes the networks of dominated candidates; once dominated, always dominated."""
        shown = {name_of(record) for record in shown_of(self.records)}
        self.folder.drop_checkpoints({name_of(record) for record in self.records} - shown)
