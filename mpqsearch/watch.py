# SPDX-License-Identifier: Apache-2.0
"""Runs on one study watch each other: what one that is gone left behind is taken back."""

import functools
import logging
import threading
import time
from types import TracebackType

from optuna.study import Study
from optuna.trial import FrozenTrial

from mpqsearch.queue import give_back, take_back
from mpqsearch.storage import running_trials
from mpqsearch.study_file import StudySpec
from mpqsearch.trials import WORKER, run_of

logger = logging.getLogger(__name__)

BEAT_SECONDS = 10.0
GONE_SECONDS = 90.0
"""After so long without a beat a run counts as gone."""
UNMARKED_SECONDS = 120.0
"""After so long without the name of its worker a trial counts as left."""
LEAVING_SECONDS = 10.0
"""How long a run that ends waits for its watch, which a storage that is away may hold up."""

_BEAT = "mpqsearch:beat:"


class Watch:
    """A thread that says that this run lives, and looks after the others.

    When the run is broken off, by Ctrl-C or an error, it gives back what was in training.

    Each run counts up a number in the study; who sees one stand still for `GONE_SECONDS` by its own
    monotonic clock takes back the trials of that run. So clocks need not agree, and may jump. Kept
    where people do not look, in the study's system attributes: Optuna's own heartbeats exist for
    databases only, not for its gRPC proxy.
    """

    def __init__(self, spec: StudySpec, study: Study, run: str) -> None:
        """Prepares the watch.

        Args:
            spec: The study.
            study: Its storage, which other runs share.
            run: Name of this run, with which the names of its workers begin.
        """
        self._spec = spec
        self._study = study
        self._run = run
        self._beats = 0
        self._seen: dict[str, tuple[int, float]] = {}
        self._unmarked: dict[int, float] = {}
        self._end = threading.Event()
        self._broken_off = False
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Watch":
        self.beat()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._broken_off = kind is not None
        self._end.set()
        self._thread.join(LEAVING_SECONDS)

    def beat(self) -> None:
        """Says that this run lives."""
        self._beats += 1
        storage, number = self._study._storage, self._study._study_id
        storage.set_study_system_attr(number, _BEAT + self._run, self._beats)

    def look(self) -> None:
        """Takes back the trials of runs that are gone, and those that were never begun."""
        now = time.monotonic()
        beats = self._study._storage.get_study_system_attrs(self._study._study_id)
        running = running_trials(self._study)
        runs = {run_of(trial) for trial in running} - {self._run, ""}
        for run in runs:
            count = int(beats.get(_BEAT + run, 0))
            if self._seen.get(run, (-1, now))[0] != count:
                self._seen[run] = (count, now)
            elif now - self._seen[run][1] > GONE_SECONDS:
                logger.warning("run %s is gone", run)
                take_back(
                    self._spec,
                    self._study,
                    functools.partial(_is_of, run),
                    "the loss of its run or machine",
                )
        unmarked = [trial.number for trial in running if WORKER not in trial.user_attrs]
        self._unmarked = {number: self._unmarked.get(number, now) for number in unmarked}
        late = {n for n, since in self._unmarked.items() if now - since > UNMARKED_SECONDS}
        if late:
            take_back(
                self._spec,
                self._study,
                lambda trial: trial.number in late,
                "a stop before it began",
            )

    def _watch(self) -> None:
        try:
            while not self._end.wait(BEAT_SECONDS):
                self.beat()
                self.look()
            if self._broken_off:
                give_back(self._spec, self._study, functools.partial(_is_of, self._run))
        except Exception:
            # the storage is gone for good: the search itself meets that, and tells
            logger.warning("the watch over other runs failed", exc_info=True)


def _is_of(run: str, trial: FrozenTrial) -> bool:
    return run_of(trial) == run
