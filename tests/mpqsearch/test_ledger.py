# SPDX-License-Identifier: Apache-2.0
"""One owner for each candidate, whoever asks and in whatever order."""

import random
import threading
from pathlib import Path

import optuna
import pytest
from optuna.study import Study
from optuna.trial import TrialState

from hardware.candidate import Candidate
from mpqsearch.claims import claim_of, finish_trial, make_trial, take_trial
from mpqsearch.database import StudyDatabase
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
    assert found.known() == {FIRST}
    assert (found.decided, found.claimed, len(found.waiting)) == (0, 1, 0)


def test_a_queued_candidate_has_an_owner() -> None:
    """What waits in the queue is not free for others."""
    study = new_study()
    study.enqueue_trial(SPACE.parameters(FIRST))
    found = read(study)
    assert found.has(FIRST)
    assert not found.has(OTHER)
    assert [one.number for one in found.waiting] == [0]


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
    assert found.decided == found.claimed == decided


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


def test_a_repeat_of_what_is_decided_counts_once() -> None:
    """Beside its decided owner, a claim that is still open adds nothing."""
    study = new_study()
    first = ask(study, FIRST)
    first.set_user_attr("outcome", "scored")
    study.tell(first, 0.5)
    repeat = ask(study, FIRST)
    found = read(study)
    assert (found.decided, found.claimed) == (1, 1)
    assert not found.owns(repeat.number, FIRST)


def test_trials_that_finish_out_of_order_are_all_read() -> None:
    """A low number that ends last is among the news then, and no other is told again."""
    study = new_study()
    trials = [ask(study, one) for one in (FIRST, OTHER, Candidate(6, (2, 2)))]
    found = read(study)
    for trial in reversed(trials):
        study.tell(trial, state=TrialState.FAIL)
        assert [one.number for one in found.refresh()] == [trial.number]
    assert found.refresh() == []


def test_a_finished_trial_is_not_failed_again() -> None:
    """Who comes second is told so."""
    study = new_study()
    trial = ask(study, FIRST)
    assert fail(study, trial.number)
    assert not fail(study, trial.number)


def test_workers_that_race_never_share_a_candidate(tmp_path: Path) -> None:
    """Six threads, two by two in one order, share 18 candidates: each has one owner."""
    storage = StudyDatabase(f"sqlite:///{tmp_path / 'study.db'}", {"connect_args": {"timeout": 60}})
    made = optuna.create_study(storage=storage, study_name="race")
    for candidate in (FIRST, OTHER):
        made.enqueue_trial(SPACE.parameters(candidate))
    owned: list[Candidate] = []
    taken: list[int] = []
    broken: list[BaseException] = []

    def work(number: int) -> None:
        study = optuna.load_study(study_name="race", storage=storage)
        order = random.Random(number // 2).sample(list(SPACE), SPACE.size)
        found = Ledger(study, SPACE)
        try:
            found.refresh()
            while found.decided < SPACE.size:
                free = [one for one in order if not found.has(one)]
                if not free and not found.waiting:
                    found.refresh()  # others have the rest
                    continue
                candidate = free[0] if free else FIRST
                for waiting in found.waiting:
                    candidate = SPACE.candidate(waiting.system_attrs["fixed_params"])
                    if take_trial(study, waiting, claim_of(SPACE, candidate, overflow=0)):
                        taken.append(waiting.number)
                        trial_id = waiting._trial_id
                        break
                else:
                    trial_id = make_trial(study, claim_of(SPACE, candidate, overflow=0))
                found.refresh()
                (trial,) = (one for one in found.trials if one._trial_id == trial_id)
                if found.owns(trial.number, candidate):
                    owned.append(candidate)
                    told = {"outcome": "scored"}
                    finish_trial(study, trial, TrialState.COMPLETE, [0.5], told)
                else:
                    finish_trial(study, trial, TrialState.PRUNED)
                found.refresh()
        except BaseException as error:
            broken.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert broken == []
    assert len(owned) == len(set(owned)) == SPACE.size
    assert sorted(taken) == [0, 1]
    numbers = [trial.number for trial in made.trials]
    assert numbers == list(range(len(numbers)))
