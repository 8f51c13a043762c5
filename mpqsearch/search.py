# SPDX-License-Identifier: Apache-2.0
"""The search: ask for candidates, price them, train what fits, tell, and keep everything."""

import logging
import math
import random
import time
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, Protocol

from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hardware.candidate import Candidate
from hardware.cost.model import Cost, CostModel
from mpqsearch.claims import claim_of, finish_trial, make_trial, take_trial
from mpqsearch.drafts import Draft
from mpqsearch.errors import RunFailed
from mpqsearch.front import shown_of
from mpqsearch.ledger import Ledger, failed_trials
from mpqsearch.queue import give_back
from mpqsearch.run_folder import RunFolder
from mpqsearch.storage import keep_reference, name_of, records_of, tell_record
from mpqsearch.study_file import StudySpec
from mpqsearch.trainings import Result, Trainings
from mpqsearch.trials import WORKER, Outcome, TrialRecord, candidate_of, record_of
from objectives.accuracy import AccuracyObjective, Failure, Score, Stopped

logger = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 3
TRAINED = (Outcome.SCORED, Outcome.PRUNED)
"""Outcomes that show that trainings work."""
REPEATS = 5
"""Known candidates a sampler may propose before an untried one is drawn for it."""
SMALL_BATCH = 3
"""Candidates that a worker takes at least, near the end too: fewer gain little from each other.

Source: `python -m benchmarks.qat_step`.
"""
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
        workers: int = 1,
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
            workers: How many of this run share what is left.
            retried: Failed trials whose candidates are tried again; by default all there are.
        """
        self.spec = spec
        self.study = study
        self.objective = objective
        self.folder = folder
        self.progress = progress
        self.worker = worker
        self.workers = workers
        self.costs = CostModel(spec.chip, spec.calibration)
        told = len(study.get_trials(deepcopy=False))
        again = failed_trials(study) if retried is None else retried
        self.ledger = Ledger(study, spec.space, retried=again)
        self.records = records_of(study)
        self._recorded = {record.number for record in self.records}
        self._shown: dict[str, TrialRecord] = {}  # by the names of their networks
        self._new = list(self.records)
        self._trainings = Trainings(spec, objective, self.cost_of, self.records, self._look)
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
            if self.worker:  # what is its own now was made when an answer was lost
                give_back(self.spec, self.study, self._is_mine)
            batch, misfits = self._ask()
            self._train(list(batch), batch)
            self._drop_checkpoints()
            if not batch and not misfits and self.done < self.total:  # others have the rest
                time.sleep(OTHERS_SECONDS)
        self.records = records_of(self.study)
        if self._failures and not any(one.outcome in TRAINED for one in self.records):
            raise self._failure("every candidate that was trained failed")

    def cost_of(self, candidate: Candidate) -> Cost:
        """Prices a candidate."""
        network = self.spec.task.checked_network(candidate.input_length)
        return self.costs.cost(network, candidate.bits)

    def _look(self) -> None:
        """Takes in what others decided while this worker trains, if that can be read now."""
        try:
            news = self.ledger.refresh()
        except Exception as error:  # the training goes on: to tell its result may succeed again
            logger.warning("what others decided could not be read (%s)", type(error).__name__)
        else:
            self._learn(news)

    def _learn(self, news: Iterable[FrozenTrial]) -> None:
        """Takes in what other workers decided."""
        for trial in news:
            record = None if trial.number in self._recorded else record_of(trial, None)
            if record is not None:
                self._remember(record)

    def _remember(self, record: TrialRecord) -> None:
        self.records.append(record)
        self._new.append(record)
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

    def _ask(self) -> tuple[dict[Candidate, FrozenTrial], int]:
        """Asks for candidates that nobody has; what does not fit is told at once.

        Returns:
            Those to train, and how many did not fit: a batch together; fewer, or none, where the
            budget is nearly filled or others have the rest.
        """
        batch: dict[Candidate, FrozenTrial] = {}
        misfits = 0
        self._learn(self.ledger.refresh())
        most = self._fair_batch()
        while len(batch) + misfits < most and self._may_ask():
            chosen = self._choose()
            if chosen is None:
                break
            candidate, trial_id = chosen
            trial = self._claimed(candidate, trial_id)
            if trial is None:
                continue  # a worker was faster
            cost = self.cost_of(candidate)
            if cost.fits:
                batch[candidate] = trial
            else:
                self._decide(self._misfit(trial.number, candidate, cost), trial)
                misfits += 1
        return batch, misfits

    def _is_mine(self, trial: FrozenTrial) -> bool:
        return trial.user_attrs.get(WORKER) == self.worker

    def _fair_batch(self) -> int:
        """Candidates to ask for: a worker's share of what is left, at the beginning of one batch.

        What is begun before anything can be forecast is trained to its end; so that is little.
        """
        batch = self.spec.search.batch
        free = self.total - self.ledger.claimed + len(self.ledger.waiting)
        among = free if self._trainings.knows_enough else min(free, batch)
        return min(batch, max(SMALL_BATCH, math.ceil(among / self.workers)))

    def _may_ask(self) -> bool:
        """Whether the budget has room, or the queue holds what has its place in it already.

        As of the last look: who has a trial looks again, and gives up what is too much.
        """
        return self.ledger.claimed < self.total or bool(self.ledger.waiting)

    def _choose(self) -> tuple[Candidate, int] | None:
        """Writes down a claim on a candidate that nobody had, as of the last look.

        Returns:
            The candidate, and its trial as the storage numbers it; None where all are known.
        """
        for waiting in self.ledger.waiting:
            queued = candidate_of(waiting, self.spec.space)
            assert queued is not None  # noqa: S101  (else it would not be in the ledger)
            if take_trial(self.study, waiting, self._claim(queued)):
                return queued, waiting._trial_id
        draft = Draft(self.study, self.spec.space, self.ledger.trials)
        candidate = self._untried(draft)
        if candidate is None:
            return None
        return candidate, make_trial(self.study, self._claim(candidate, draft.system_attrs))

    def _claim(
        self, candidate: Candidate, system_attrs: Mapping[str, Any] | None = None
    ) -> FrozenTrial:
        overflow = self.cost_of(candidate).overflow
        return claim_of(
            self.spec.space,
            candidate,
            overflow=overflow,
            worker=self.worker,
            system_attrs=system_attrs,
        )

    def _untried(self, draft: Draft) -> Candidate | None:
        """What the sampler proposes, or, where it keeps to what is known, one drawn for it."""
        for _ in range(REPEATS):
            candidate = draft.propose()
            if not self.ledger.has(candidate):
                return candidate
        return self.spec.space.draw_untried(self.ledger.known(), self._random)

    def _claimed(self, candidate: Candidate, trial_id: int) -> FrozenTrial | None:
        """The trial, where its claim holds; None where another worker was faster, and it is ended.

        It costs no training then, and counts for nothing.
        """
        self._learn(self.ledger.refresh())
        trial = next(one for one in reversed(self.ledger.trials) if one._trial_id == trial_id)
        owned = self.ledger.owns(trial.number, candidate)
        full = self.ledger.claimed > self.total
        if owned and not (full and self.ledger.rank(trial.number) >= self.total):
            return trial
        why = {"beyond_budget" if owned else "repeats": str(candidate)}
        try:
            finish_trial(self.study, trial, TrialState.PRUNED, user_attrs=why)
        except UpdateFinishedTrialError:
            logger.warning("trial %d was taken for left before it began", trial.number)
        return None

    def _train(
        self, candidates: Sequence[Candidate], trials: Mapping[Candidate, FrozenTrial]
    ) -> None:
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

    def _take(self, result: Result, trial: FrozenTrial | None) -> None:
        number = None if trial is None else trial.number
        if isinstance(result, Failure):
            self._decide(self._failed(number, result), trial)
        elif isinstance(result, Stopped):
            self._decide(self._pruned(number, result), trial)
        else:
            record = self._scored(number, result)
            self.folder.save_checkpoint(name_of(record), result[0].integers)
            self._decide(record, trial)

    def _decide(self, record: TrialRecord, trial: FrozenTrial | None = None) -> None:
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
        among = self._shown | {name_of(record): record for record in self._new}
        self._shown, self._new = {name_of(one): one for one in shown_of([*among.values()])}, []
        self.folder.drop_checkpoints(among.keys() - self._shown.keys())
