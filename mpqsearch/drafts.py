# SPDX-License-Identifier: Apache-2.0
"""What a sampler proposes before a trial of it is written: a trial that only this process knows."""

import copy
from collections.abc import Container, Sequence
from datetime import datetime
from typing import Any

from optuna.storages import BaseStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hardware.candidate import Candidate
from mpqsearch.samplers.proposal import proposed_parameters
from mpqsearch.space import Space

DRAFT = -1
"""Number of a trial that is not written; no other has it."""


class Draft:
    """A trial for a sampler to fill.

    Optuna's `ask` writes a trial first, then each parameter, and only then is there anything to
    look at: whoever finds the candidate known, or of no use, has written all for nothing. Here the
    sampler sees a study as it is, with one running trial more, and what it keeps of that trial is
    written together with the parameters.

    Attributes:
        system_attrs: What the sampler keeps of the trial.
    """

    def __init__(self, study: Study, space: Space, trials: Sequence[FrozenTrial]) -> None:
        """Begins a trial.

        Args:
            study: The study, with its sampler.
            space: What may be proposed.
            trials: The study's trials, by number, as they were read last: it is not read again.
        """
        self.system_attrs: dict[str, Any] = {}
        self._space = space
        self._trial = FrozenTrial(
            number=DRAFT,
            trial_id=DRAFT,
            state=TrialState.RUNNING,
            value=None,
            datetime_start=datetime.now(),
            datetime_complete=None,
            params={},
            distributions={},
            user_attrs={},
            system_attrs=self.system_attrs,
            intermediate_values={},
        )
        self._study = copy.copy(study)
        self._study._storage = _WithDraft(study._storage, self._trial, trials)  # type: ignore[assignment]
        study.sampler.before_trial(self._study, self._trial)

    def propose(self) -> Candidate:
        """What the sampler proposes; asked again, it may propose something else."""
        distributions = self._space.distributions()
        sampler = self._study.sampler
        return self._space.candidate(
            proposed_parameters(sampler, self._study, self._trial, distributions)
        )


class _WithDraft:
    """A storage as it was read last, and a trial that is not in it."""

    def __init__(
        self, storage: BaseStorage, draft: FrozenTrial, trials: Sequence[FrozenTrial]
    ) -> None:
        self._storage = storage
        self._draft = draft
        self._trials = trials

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """The trials as they were read."""
        del study_id
        found = [one for one in self._trials if states is None or one.state in states]
        return copy.deepcopy(found) if deepcopy else found

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """One of them, or the draft."""
        return self._draft if trial_id == DRAFT else self._storage.get_trial(trial_id)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Keeps what a sampler says of the draft."""
        if trial_id == DRAFT:
            self._draft.system_attrs[key] = value
        else:
            self._storage.set_trial_system_attr(trial_id, key, value)

    def get_trial_system_attrs(self, trial_id: int) -> dict[str, Any]:
        """What was said of it."""
        return self.get_trial(trial_id).system_attrs
