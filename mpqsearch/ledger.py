# SPDX-License-Identifier: Apache-2.0
"""Who has which candidate: one owner each, and all workers of a study agree on it."""

from collections.abc import Sequence, Set

from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hardware.candidate import Candidate
from mpqsearch.space import Space
from mpqsearch.trials import Outcome, candidate_of


class Ledger:
    """The candidates of a study's trials, each with the trial that owns it.

    A trial claims its candidate from when it is there until it is given up; the lowest number
    among the claims owns. Trials are made whole, one after another, so that whoever sees a number
    sees the claims of all lower ones: of two workers with one candidate, both see who has the
    lower.

    **Source:** L. Lamport, "A new solution of Dijkstra's concurrent programming problem",
    Communications of the ACM 17(8), 1974, with trial numbers as the tickets; what the storage
    does at once, taking a number with the claim, spares the waiting for those who choose.

    Attributes:
        trials: The study's trials by number, as they were read last.
    """

    def __init__(self, study: Study, space: Space, *, retried: Set[int] = frozenset()) -> None:
        """Opens the ledger; `refresh` reads it.

        Args:
            study: The study.
            space: What may be proposed.
            retried: Numbers of failed trials that have given their candidate up: those of earlier
                runs, what `failed_trials` gives when a run begins.
        """
        self.trials: Sequence[FrozenTrial] = ()
        self._study = study
        self._space = space
        self._retried = retried
        self._read: set[int] = set()
        self._settled = 0  # so many of the first trials are read for good
        self._decided: dict[Candidate, int] = {}
        self._open: dict[Candidate, int] = {}
        self._waiting: list[FrozenTrial] = []

    @property
    def decided(self) -> int:
        """Candidates that are decided: scored, stopped, found not to fit, or failed in this run."""
        return len(self._decided)

    @property
    def claimed(self) -> int:
        """Candidates that have an owner: decided, in training, or queued."""
        return len(self._decided) + sum(one not in self._decided for one in self._open)

    @property
    def waiting(self) -> Sequence[FrozenTrial]:
        """Trials in the queue, by number."""
        return self._waiting

    def has(self, candidate: Candidate) -> bool:
        """Whether a candidate has an owner."""
        return candidate in self._decided or candidate in self._open

    def known(self) -> Set[Candidate]:
        """All candidates that have an owner."""
        return self._decided.keys() | self._open.keys()

    def refresh(self) -> list[FrozenTrial]:
        """Reads the study again.

        Returns:
            The trials that have finished since the last time.
        """
        news = []
        self.trials = self._study.get_trials(deepcopy=False)
        self._open, self._waiting = {}, []  # only now: a storage that fails changes nothing
        for trial in self.trials[self._settled :]:
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
                if trial.state is TrialState.WAITING:
                    self._waiting.append(trial)
        while self._settled < len(self.trials) and self.trials[self._settled].number in self._read:
            self._settled += 1
        return news

    def decide(self, number: int, candidate: Candidate) -> None:
        """Notes what this worker has just told, without reading the study."""
        self._read.add(number)
        self._decided.setdefault(candidate, number)
        self._open.pop(candidate, None)

    def owns(self, number: int, candidate: Candidate) -> bool:
        """Whether a trial, which was read already, owns its candidate."""
        return self.has(candidate) and self._owner(candidate) == number

    def rank(self, number: int) -> int:
        """How many candidates are owned by trials with a lower number."""
        return sum(self._owner(candidate) < number for candidate in self.known())

    def _owner(self, candidate: Candidate) -> int:
        tables = (self._decided, self._open)
        return min(owners[candidate] for owners in tables if candidate in owners)

    def _stands(self, trial: FrozenTrial) -> bool:
        """Whether a finished trial keeps its candidate."""
        if trial.state is TrialState.FAIL:
            failed = trial.user_attrs.get("outcome") == Outcome.FAILED.value
            return failed and trial.number not in self._retried
        # one whose candidate was another's is told as pruned, without an outcome
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
