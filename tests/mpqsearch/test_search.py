# SPDX-License-Identifier: Apache-2.0
"""The search on a scripted objective: what is asked, told, kept and counted."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy.exc
from optuna.trial import FrozenTrial, TrialState

from hardware.candidate import Candidate
from mpqsearch.claims import make_trial
from mpqsearch.errors import RunFailed
from mpqsearch.front import front_of
from mpqsearch.run import report_on_test_split
from mpqsearch.sampler import make_sampler
from mpqsearch.search import Search
from mpqsearch.storage import records_of
from mpqsearch.study_file import read_study
from mpqsearch.trials import FIT_CONSTRAINT, Outcome
from tests.mpqsearch.searches import ScriptedObjective, edited, make_search


def test_references_come_first_and_are_always_there(tiny_study: Path, tmp_path: Path) -> None:
    """Uniform 8, 4 and 2 bits at the longest input are the first rows of every study."""
    search, objective = make_search(tiny_study, tmp_path)
    search.run()
    assert objective.asked[:3] == ["8 8-8", "8 4-4", "8 2-2"]
    names = [record.reference for record in search.records if record.reference]
    assert names == ["uniform 8", "uniform 4", "uniform 2"]


def test_the_smallest_budget_holds_the_references(tiny_study: Path, tmp_path: Path) -> None:
    """A total of one candidate still evaluates uniform 8, 4 and 2 bits."""
    search, objective = make_search(tiny_study, tmp_path, trials=1)
    search.run()
    assert objective.asked == ["8 8-8", "8 4-4", "8 2-2"]


def test_references_outside_the_space_are_evaluated_beside_it(
    tiny_study: Path, tmp_path: Path
) -> None:
    """A space of 8 and 4 bits has its uniform 2-bit row too, which counts for no budget."""
    study_file = edited(tiny_study, "bits: [8, 4, 2]", "bits: [8, 4]")
    search, objective = make_search(study_file, tmp_path)
    search.run()
    assert "8 2-2" in objective.asked
    report_on_test_split(search.spec, search.study, objective, search.folder)  # type: ignore[arg-type]
    outside = [record for record in records_of(search.study) if record.number is None]
    assert [record.reference for record in outside] == ["uniform 2"]
    assert outside[0].test_accuracy == 0.9
    assert search.done == search.total == 8
    again, silent = make_search(study_file, tmp_path)
    again.run()
    assert silent.asked == []


def test_no_candidate_is_trained_twice(tiny_study: Path, tmp_path: Path) -> None:
    """A whole space of 18 is covered by 18 trainings, whatever NSGA-II proposes."""
    search, objective = make_search(tiny_study, tmp_path, trials=100)
    search.run()
    assert len(objective.asked) == len(set(objective.asked)) == 18
    assert search.done == search.total == 18
    complete = search.study.get_trials(states=(TrialState.COMPLETE,))
    assert len(complete) == 18


def test_budget_is_a_total(tiny_study: Path, tmp_path: Path) -> None:
    """A second run of the same study adds only what is missing to the total."""
    first, one = make_search(tiny_study, tmp_path, trials=7)
    first.run()
    second, other = make_search(tiny_study, tmp_path, trials=10)
    second.run()
    assert (len(one.asked), len(other.asked)) == (7, 3)
    assert not set(one.asked) & set(other.asked)


def test_an_interrupted_trial_is_taken_back_and_queued(tiny_study: Path, tmp_path: Path) -> None:
    """What was running when a process died is marked failed and proposed again first."""
    first, _ = make_search(tiny_study, tmp_path, trials=5)
    first.run()
    lost = first.study.ask(first.spec.space.distributions())
    candidate = str(first.spec.space.candidate(lost.params))
    second, objective = make_search(tiny_study, tmp_path, trials=18)
    second.run()
    assert second.study.trials[lost.number].state is TrialState.FAIL
    known_before = {str(record.candidate) for record in first.records}
    assert candidate in known_before or objective.asked[0] == candidate
    assert len(set(objective.asked)) == 13


def test_what_does_not_fit_is_told_and_never_trained(tiny_study: Path, tmp_path: Path) -> None:
    """Candidates over a limit carry a constraint above 0 and a reason, and no training."""
    study_file = edited(tiny_study, "chip: MAX78002", "chip: MAX78000\ndata:\n  features: 768")
    search, objective = make_search(study_file, tmp_path, trials=18)
    search.run()
    misfits = [record for record in search.records if record.outcome is Outcome.INFEASIBLE]
    assert misfits
    assert not {str(record.candidate) for record in misfits} & set(objective.asked)
    for record in misfits:
        assert "kernel words" in record.message
        trial = search.study.trials[record.number or 0]
        assert trial.constraints[FIT_CONSTRAINT] > 0
    assert not set(front_of(search.records)) & set(misfits)
    assert {trial.number for trial in search.study.best_trials}.isdisjoint(
        {record.number for record in misfits}
    )


def test_our_front_is_optunas(tiny_study: Path, tmp_path: Path) -> None:
    """The front of the table holds the trials that Optuna itself calls best."""
    search, _ = make_search(tiny_study, tmp_path, trials=18)
    search.run()
    ours = {record.number for record in front_of(search.records)}
    assert ours == {trial.number for trial in search.study.best_trials}


def test_a_failing_candidate_is_recorded_and_the_study_goes_on(
    tiny_study: Path, tmp_path: Path
) -> None:
    """One failure costs one candidate; the next run tries it again."""
    search, objective = make_search(tiny_study, tmp_path, failing=["4-2"], trials=18)
    search.run()
    failed = [record for record in search.records if record.outcome is Outcome.FAILED]
    assert {record.message for record in failed} == {"RuntimeError: told to"}
    assert len(set(objective.asked)) == 18
    again, healed = make_search(tiny_study, tmp_path, trials=18)
    again.run()
    assert sorted(healed.asked) == ["6 4-2", "8 4-2"]
    assert len(again.records) == len({record.candidate for record in again.records}) == 18
    assert {record.outcome for record in again.records} == {Outcome.SCORED}


def test_three_failures_in_a_row_stop_the_run(tiny_study: Path, tmp_path: Path) -> None:
    """A broken set-up is not tried a thousand times."""
    search, objective = make_search(tiny_study, tmp_path, failing=["8-8", "4-4", "2-2"])
    with pytest.raises(RunFailed, match=r"3 candidates in a row failed.*everything finished"):
        search.run()
    assert len(objective.asked) == 3


ALL_FAIL = ["8-8", "8-4", "8-2", "4-8", "4-4", "4-2", "2-8", "2-4", "2-2"]


@pytest.mark.parametrize(
    ("lengths", "bits", "asked"),
    [
        pytest.param("[8, 6]", "[8, 4, 2]", 3, id="18 candidates"),
        pytest.param("[8]", "[8]", 3, id="1 candidate, 2 references beside it"),
        pytest.param("[8]", "[1]", 3, id="no reference inside"),
    ],
)
def test_where_everything_fails_the_run_fails(
    lengths: str, bits: str, asked: int, tiny_study: Path, tmp_path: Path
) -> None:
    """Spaces of any size end with the last failure's message, not with an empty front."""
    edited(tiny_study, "input_length: [8, 6]", f"input_length: {lengths}")
    edited(tiny_study, "bits: [8, 4, 2]", f"bits: {bits}")
    search, objective = make_search(tiny_study, tmp_path, failing=[*ALL_FAIL, "1-1"])
    with pytest.raises(RunFailed, match=r"failed, the last \(.*\) with: RuntimeError: told to"):
        search.run()
    assert len(objective.asked) == asked


def test_failures_of_a_space_too_small_for_three_in_a_row_are_told(
    tiny_study: Path, tmp_path: Path
) -> None:
    """One candidate that fails, its references known to not fit or failed before: no success."""
    edited(tiny_study, "input_length: [8, 6]", "input_length: [8]")
    edited(tiny_study, "bits: [8, 4, 2]", "bits: [8]")
    search, objective = make_search(tiny_study, tmp_path, failing=ALL_FAIL)
    search._references = {}
    every = r"every candidate that was trained failed, the last \(8 8-8"
    with pytest.raises(RunFailed, match=every):
        search.run()
    assert objective.asked == ["8 8-8"]


def test_a_training_without_results_does_not_go_on_for_ever(
    tiny_study: Path, tmp_path: Path
) -> None:
    """Candidates that an evaluation says nothing about count as failed."""
    search, objective = make_search(tiny_study, tmp_path)
    objective.forgetful = True
    with pytest.raises(RunFailed, match=r"3 candidates in a row failed.*gave no result"):
        search.run()
    assert not search.study.get_trials(states=(TrialState.COMPLETE,))


@pytest.mark.parametrize("trials", [1, 2, 1000])
def test_a_space_of_one_candidate_is_searched_once(
    trials: int, tiny_study: Path, tmp_path: Path
) -> None:
    """A budget and batch beyond the space end with the space."""
    edited(tiny_study, "input_length: [8, 6]", "input_length: [6]")
    edited(tiny_study, "bits: [8, 4, 2]", "bits: [4]")
    search, objective = make_search(tiny_study, tmp_path, trials=trials)
    search.run()
    assert sorted(objective.asked) == ["6 2-2", "6 4-4", "6 8-8"]
    assert search.done == search.total == 1


def test_a_space_that_does_not_fit_is_priced_and_left(tiny_study: Path, tmp_path: Path) -> None:
    """Where no candidate of the space fits, the search ends without training one of them."""
    edited(tiny_study, "chip: MAX78002", "chip: MAX78000\ndata:\n  features: 768")
    edited(tiny_study, "bits: [8, 4, 2]", "bits: [8]")
    search, objective = make_search(tiny_study, tmp_path, trials=50)
    search.run()
    assert sorted(objective.asked) == ["8 2-2", "8 4-4"]
    inside = [record for record in search.records if record.number is not None]
    assert [record.outcome for record in inside] == [Outcome.INFEASIBLE] * 2
    assert search.done == search.total == 2


def test_a_trial_killed_before_its_values_were_written_is_tried_again(
    tiny_study: Path, tmp_path: Path
) -> None:
    """Its attributes say `scored`, but without values it is no result, least of all the best."""
    first, _ = make_search(tiny_study, tmp_path, trials=4)
    first.run()
    told = first.study.get_trials(states=(TrialState.COMPLETE,))[0]
    untried = Candidate(6, (2, 4))
    assert untried not in {record.candidate for record in first.records}
    first.study.enqueue_trial(first.spec.space.parameters(untried))
    lost = first.study.ask(first.spec.space.distributions())
    for name, value in {**told.user_attrs, "candidate": str(untried)}.items():
        lost.set_user_attr(name, value)
    for _ in range(2):  # the second time the trial is marked failed already
        second, objective = make_search(tiny_study, tmp_path, trials=4)
        second.run()
        assert (objective.asked, len(second.records)) == ([], 4)
    third, objective = make_search(tiny_study, tmp_path, trials=5)
    third.run()
    assert objective.asked == [str(untried)]
    assert third.study.trials[lost.number].state is TrialState.FAIL
    assert min(record.latency_us for record in third.records) > 0


def test_only_shown_networks_are_kept(tiny_study: Path, tmp_path: Path) -> None:
    """Checkpoints of front and references stay; those of dominated candidates go."""
    edited(tiny_study, "batch: 4", "batch: 1")
    search, _ = make_search(tiny_study, tmp_path, trials=18)
    search.run()
    kept = {file.stem for file in search.folder.checkpoints.glob("*.npz")}
    shown = {str(record.number) for record in front_of(search.records)}
    references = {str(record.number) for record in search.records if record.reference}
    assert kept == shown | references
    assert search._shown.keys() == kept


def test_progress_counts_to_the_total(tiny_study: Path, tmp_path: Path) -> None:
    """Every decided candidate is announced once, in order, up to the budget."""
    search, _ = make_search(tiny_study, tmp_path, trials=9)
    search.run()
    assert search.progress.seen == [(number, 9) for number in range(1, 10)]  # type: ignore[attr-defined]


def test_records_survive_the_storage(tiny_study: Path, tmp_path: Path) -> None:
    """What is read back equals what was told, field by field."""
    search, _ = make_search(tiny_study, tmp_path, trials=6)
    search.run()
    told = {str(record.candidate): record for record in search.records}
    assert {str(record.candidate): record for record in records_of(search.study)} == told
    assert len(told) == 6


def test_resumed_sampler_does_not_repeat_the_first_runs_draws(tiny_study: Path) -> None:
    """Another number of told trials gives another seed, so other proposals."""
    spec = read_study(tiny_study)

    def draws(told: int) -> list[dict[str, int]]:
        sampler = make_sampler(spec, told)
        study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
        return [study.ask(spec.space.distributions()).params for _ in range(8)]

    assert draws(0) == draws(0)
    assert draws(0) != draws(5)


def test_a_batch_of_misfits_is_no_reason_to_wait(
    tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker waits where others have the rest, and there are no others here."""
    study_file = edited(tiny_study, "chip: MAX78002", "chip: MAX78000\ndata:\n  features: 768")
    edited(study_file, "batch: 4", "batch: 1")
    monkeypatch.setattr("mpqsearch.search.time.sleep", lambda _: pytest.fail("it waited"))
    search, _ = make_search(study_file, tmp_path, trials=18)
    search.run()
    assert search.done == 18


def batch_sizes(
    search: Search, objective: ScriptedObjective, monkeypatch: pytest.MonkeyPatch
) -> list[int]:
    """Runs a search; how many candidates it trained at a time."""
    sizes = []
    evaluate = objective.evaluate

    def counted(candidates: Sequence[Candidate], **settings: Any) -> Iterator[Any]:
        if candidates:  # references outside the space, of which there are none
            sizes.append(len(candidates))
        return evaluate(candidates, **settings)

    monkeypatch.setattr(objective, "evaluate", counted)
    search.run()
    return sizes


def test_near_the_end_workers_share_what_is_left(
    tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 18 in batches of 8, three workers take no more than a third of what is left each time."""
    edited(tiny_study, "batch: 4", "batch: 8")
    study_file = edited(tiny_study, "search:", "pruning: {rule: none}\nsearch:")
    search, objective = make_search(study_file, tmp_path, trials=18)
    search.workers = 3
    assert batch_sizes(search, objective, monkeypatch) == [6, 4, 3, 3, 2]
    assert search.done == 18


def test_until_something_can_be_forecast_workers_share_a_batch(
    tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they begin with is trained to its end: 8 in all, half of them each."""
    study_file = edited(tiny_study, "batch: 4", "batch: 8")
    search, objective = make_search(study_file, tmp_path, trials=18)
    search.workers = 2
    assert batch_sizes(search, objective, monkeypatch) == [4, 4, 5, 3, 2]
    assert search.done == 18


@pytest.mark.parametrize("away", [False, True])
def test_who_trains_sees_what_others_decide(
    away: bool, tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every rung, where that can be read; where it cannot, the training goes on."""
    search, objective = make_search(tiny_study, tmp_path, trials=18)
    other, _ = make_search(tiny_study, tmp_path, trials=18)
    evaluate, get_trials = objective.evaluate, search.study.get_trials
    seen = []

    def gone(**_: Any) -> list[FrozenTrial]:
        raise sqlalchemy.exc.OperationalError("", None, Exception("gone away"))

    def meanwhile(
        candidates: Sequence[Candidate], *, seed: int, stops: Callable[..., list[bool]]
    ) -> Iterator[Any]:
        batch, _ = other._ask()
        other._train(list(batch), batch)
        monkeypatch.setattr(search.study, "get_trials", gone if away else get_trials)
        if batch:
            claimed = search.ledger.claimed
            assert stops(0.5, candidates, [0.9] * len(candidates)) == [False] * len(candidates)
            seen.append(batch.keys() <= {record.candidate for record in search.records})
            assert not away or search.ledger.claimed == claimed
        monkeypatch.setattr(search.study, "get_trials", get_trials)
        return evaluate(candidates, seed=seed, stops=stops)

    monkeypatch.setattr(objective, "evaluate", meanwhile)
    search.run()
    assert len(seen) >= 2
    assert all(one is not away for one in seen)
    assert search.done == 18


def test_a_trial_whose_making_was_not_answered_leaves_no_hole(
    tiny_study: Path, tmp_path: Path
) -> None:
    """The server made it and went away: its worker does not know of it, and gives it back."""
    search, _ = make_search(tiny_study, tmp_path, trials=18)
    search.worker = "here:1:2"
    lost = search._claim(Candidate(8, (4, 2)))
    make_trial(search.study, lost)
    search.run()
    assert search.done == 18
