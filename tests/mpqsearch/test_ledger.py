# SPDX-License-Identifier: Apache-2.0
"""One owner for each candidate, whoever asks and in whatever order."""

import threading
from pathlib import Path

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.study import Study
from optuna.trial import TrialState

from hardware.candidate import Candidate
from mpqsearch import ledger
from mpqsearch.ledger import Ledger, fail, failed_trials
from mpqsearch.space import Space

SPACE = Space((8, 6), ("conv", "fc"), ((8, 4, 2), (8, 4, 2)))
FIRST = Candidate(8, (8, 8))
OTHER = Candidate(8, (8, 4))


def new_study() -> Study:
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))


def ask(study: Study, candidate: Candidate) -> optuna.Trial:
    """A trial that has chosen."""
    study.enqueue_trial(SPACE.parameters(candidate))
    return study.ask(SPACE.distributions())


def read(study: Study, **settings: frozenset[int]) -> Ledger:
    found = Ledger(study, SPACE, **settings)
    found.refresh()
    return found


def test_the_lower_number_owns() -> None:
    """Of two trials with one candidate the first has it, and it counts once."""
    study = new_study()
    first, second = ask(study, FIRST), ask(study, FIRST)
    found = read(study)
    assert found.owns(first.number, FIRST)
    assert not found.owns(second.number, FIRST)
    assert found.claimed == {FIRST}
    assert (found.decided, found.waiting) == (0, 0)


def test_a_queued_candidate_has_an_owner() -> None:
    """What waits in the queue is not free for others."""
    study = new_study()
    study.enqueue_trial(SPACE.parameters(FIRST))
    found = read(study)
    assert found.claimed == {FIRST}
    assert found.waiting == 1


@pytest.mark.parametrize(
    ("state", "outcome", "decided"),
    [
        (TrialState.COMPLETE, "scored", 1),
        (TrialState.PRUNED, "pruned", 1),
        (TrialState.PRUNED, None, 0),
        (TrialState.FAIL, "failed", 1),
        (TrialState.FAIL, None, 0),
        (TrialState.FAIL, "scored", 0),
    ],
)
def test_what_counts_as_decided(state: TrialState, outcome: str | None, decided: int) -> None:
    """Scored, stopped and failed candidates do; repeats and interrupted trials give theirs up."""
    study = new_study()
    trial = ask(study, FIRST)
    if outcome is not None:
        trial.set_user_attr("outcome", outcome)
    study.tell(trial, 0.5 if state is TrialState.COMPLETE else None, state=state)
    found = read(study)
    assert found.decided == len(found.claimed) == decided


def test_what_failed_in_an_earlier_run_is_free_again() -> None:
    """Failures of this run keep their candidate, those of earlier runs give it up."""
    study = new_study()
    trial = ask(study, FIRST)
    trial.set_user_attr("outcome", "failed")
    study.tell(trial, state=TrialState.FAIL)
    earlier = failed_trials(study)
    again = ask(study, FIRST)
    assert read(study, retried=earlier).owns(again.number, FIRST)
    assert not read(study).owns(again.number, FIRST)


def test_rank_counts_the_candidates_before() -> None:
    """The number of candidates owned by lower trials; repeats count once."""
    study = new_study()
    ask(study, FIRST), ask(study, FIRST)
    last = ask(study, OTHER)
    assert read(study).rank(last.number) == 1


def test_news_are_told_once() -> None:
    """A finished trial is among the news of one refresh only."""
    study = new_study()
    trial = ask(study, FIRST)
    found = Ledger(study, SPACE)
    assert found.refresh() == []
    study.tell(trial, state=TrialState.FAIL)
    assert [one.number for one in found.refresh()] == [trial.number]
    assert found.refresh() == []


def test_lower_numbers_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial that has not chosen is waited for until it has."""
    study = new_study()
    slow = study.ask()
    second = ask(study, FIRST)
    found = read(study)
    looks = []

    def choose(seconds: float) -> None:
        looks.append(seconds)
        for name, distribution in SPACE.distributions().items():
            slow._suggest(name, distribution)

    monkeypatch.setattr(ledger.time, "sleep", choose)
    found.wait_for_choosers(second.number, 60)
    assert len(looks) == 1
    assert SPACE.candidate(slow.params) in found.claimed


def test_who_never_chooses_is_failed() -> None:
    """After the time is up its trial has ended, so that it cannot go on with its candidate."""
    study = new_study()
    dead = study.ask()
    second = ask(study, FIRST)
    read(study).wait_for_choosers(second.number, 0.0)
    assert study.trials[dead.number].state is TrialState.FAIL
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        dead.set_user_attr("late", 1)


def test_a_finished_trial_is_not_failed_again() -> None:
    """Who comes second is told so."""
    study = new_study()
    trial = ask(study, FIRST)
    assert fail(study, trial.number)
    assert not fail(study, trial.number)


def test_workers_that_race_never_share_a_candidate(tmp_path: Path) -> None:
    """Six threads draw from 18 candidates until all are owned: each has exactly one owner."""
    engine = {"connect_args": {"timeout": 60}}
    storage = RDBStorage(f"sqlite:///{tmp_path / 'study.db'}", engine_kwargs=engine)
    optuna.create_study(storage=storage, study_name="race")
    owned: list[Candidate] = []
    broken: list[BaseException] = []

    def work(number: int) -> None:
        study = optuna.load_study(
            study_name="race", storage=storage, sampler=optuna.samplers.RandomSampler(seed=number)
        )
        found = Ledger(study, SPACE)
        try:
            while len(found.claimed) < SPACE.size:
                trial = study.ask(SPACE.distributions())
                candidate = SPACE.candidate(trial.params)
                found.wait_for_choosers(trial.number, 60)
                if found.owns(trial.number, candidate):
                    trial.set_user_attr("outcome", "scored")
                    owned.append(candidate)
                    study.tell(trial, 0.5)
                    continue
                study.tell(trial, state=TrialState.PRUNED)
        except BaseException as error:
            broken.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert broken == []
    assert len(owned) == len(set(owned)) == SPACE.size
