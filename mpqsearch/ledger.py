# SPDX-License-Identifier: Apache-2.0
"""Who has which candidate: one owner each, and all workers of a study agree on it."""

import logging
import time
from collections.abc import Set

from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hardware.candidate import Candidate
from mpqsearch.space import Space
from mpqsearch.trials import Outcome, candidate_of

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.02


class Ledger:
    """The candidates of a study's trials, each with the trial that owns it.

    A trial claims its candidate from when it is queued, or has its parameters, until it is given
    up; the lowest number among the claims owns. A worker decides about its own trial after the
    claim is written and every trial with a lower number has chosen: of two workers with one
    candidate, both see the same lower number.

    **Source:** L. Lamport, "A new solution of Dijkstra's concurrent programming problem",
    Communications of the ACM 17(8), 1974, with trial numbers as the tickets.
    """

    def __init__(self, study: Study, space: Space, *, retried: Set[int] = frozenset()) -> None:
        """Opens the ledger; `refresh` reads it.

        Args:
            study: The study.
            space: What may be proposed.
            retried: Numbers of failed trials that have given their candidate up: those of earlier
                runs, what `failed_trials` gives when a run begins.
        """
        self._study = study
        self._space = space
        self._retried = retried
        self._read: set[int] = set()
        self._decided: dict[Candidate, int] = {}
        self._open: dict[Candidate, int] = {}
        self._choosing: list[FrozenTrial] = []
        self._waiting = 0

    @property
    def decided(self) -> int:
        """Candidates that are decided: scored, stopped, found not to fit, or failed in this run."""
        return len(self._decided)

    @property
    def claimed(self) -> Set[Candidate]:
        """Candidates that have an owner: decided, in training, or queued."""
        return self._decided.keys() | self._open.keys()

    @property
    def waiting(self) -> int:
        """Candidates in the queue."""
        return self._waiting

    def refresh(self) -> list[FrozenTrial]:
        """Reads the study again.

        Returns:
            The trials that have finished since the last time.
        """
        news = []
        self._open, self._choosing, self._waiting = {}, [], 0
        for trial in self._study.get_trials(deepcopy=False):
            if trial.number in self._read:
                continue
            candidate = candidate_of(trial, self._space)
            if trial.state.is_finished():
                self._read.add(trial.number)
                news.append(trial)
                if candidate is not None and self._stands(trial):
                    owner = self._decided.get(candidate, trial.number)
                    self._decided[candidate] = min(owner, trial.number)
            elif candidate is not None:
                self._open.setdefault(candidate, trial.number)  # numbers ascend
                self._waiting += trial.state is TrialState.WAITING
            else:
                self._choosing.append(trial)
        return news

    def decide(self, number: int, candidate: Candidate) -> None:
        """Notes what this worker has just told, without reading the study."""
        self._read.add(number)
        self._decided.setdefault(candidate, number)
        self._open.pop(candidate, None)

    def owns(self, number: int, candidate: Candidate) -> bool:
        """Whether a trial owns its candidate, once all lower numbers have chosen."""
        return candidate in self.claimed and self._owner(candidate) == number

    def rank(self, number: int) -> int:
        """How many candidates are owned by trials with a lower number."""
        owners = (self._owner(candidate) for candidate in self.claimed)
        return sum(owner < number for owner in owners)

    def wait_for_choosers(self, number: int, seconds: float) -> list[FrozenTrial]:
        """Waits until every trial with a lower number has chosen, and reads the study.

        A trial that stays without parameters for longer is failed, so that its worker, should it
        live, cannot go on with it.

        Args:
            number: The trial that has just chosen.
            seconds: How long; 0 where nobody else can be choosing, and who is was killed.

        Returns:
            The trials that have finished since the last `refresh`.
        """
        news = self.refresh()
        until = time.monotonic() + seconds
        while late := [trial for trial in self._choosing if trial.number < number]:
            if time.monotonic() >= until:
                for trial in late:
                    logger.warning("trial %d never chose a candidate; it is failed", trial.number)
                    fail(self._study, trial.number)
            else:
                time.sleep(LOOK_SECONDS)
            news += self.refresh()
        return news

    def _owner(self, candidate: Candidate) -> int:
        tables = (self._decided, self._open)
        return min(owners[candidate] for owners in tables if candidate in owners)

    def _stands(self, trial: FrozenTrial) -> bool:
        """Whether a finished trial keeps its candidate."""
        if trial.state is TrialState.FAIL:
            failed = trial.user_attrs.get("outcome") == Outcome.FAILED.value
            return failed and trial.number not in self._retried
        # a proposal that was known is told as pruned, without an outcome
        return "outcome" in trial.user_attrs


def failed_trials(study: Study) -> frozenset[int]:
    """Numbers of the trials that have failed."""
    failed = study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
    return frozenset(trial.number for trial in failed)


def fail(study: Study, number: int) -> bool:
    """Marks a trial as failed; False where it has finished already."""
    try:
        study.tell(number, state=TrialState.FAIL)
    except (UpdateFinishedTrialError, ValueError):
        return False
    return True
