# SPDX-License-Identifier: Apache-2.0
"""Stopped trainings and several seeds in a search: what is told, kept, counted and resumed."""

import dataclasses
import json
from pathlib import Path

import pytest
from optuna.trial import TrialState

from mpqsearch.errors import RunFailed
from mpqsearch.front import front_of
from mpqsearch.storage import about_of, records_of
from mpqsearch.terminal import front_json
from mpqsearch.trials import FIT_CONSTRAINT, Outcome, TrialRecord
from tests.commands import Command, contents, said_by
from tests.mpqsearch.searches import edited, make_search

STOPPED = ["8-4", "4-8", "2-8"]
"""Bits, each of them at two input lengths."""


def stopped_search(
    study_file: Path, runs: Path, trials: int
) -> tuple[list[TrialRecord], list[str]]:
    """Runs a search that stops six candidates of the space: its records, and what was trained."""
    search, objective = make_search(study_file, runs, trials=trials)
    objective.stopping = STOPPED
    search.run()
    assert search.done == search.total == trials
    return list(search.records), objective.asked


def test_a_stopped_training_is_told_as_pruned_with_all_that_is_known(
    tiny_study: Path, tmp_path: Path
) -> None:
    """Optuna gets no values; costs, rungs and times stand in the trial's attributes."""
    search, objective = make_search(tiny_study, tmp_path, trials=18)
    objective.stopping = STOPPED
    search.run()
    pruned = [record for record in search.records if record.outcome is Outcome.PRUNED]
    assert len(pruned) == 6
    for record in pruned:
        trial = search.study.trials[record.number or 0]
        assert trial.state is TrialState.PRUNED
        assert trial.values is None
        assert trial.constraints[FIT_CONSTRAINT] == 0
        assert trial.user_attrs["outcome"] == "pruned"
        details = trial.user_attrs["details"]
        assert details["rungs"] == [[0.0, 0.2], [0.5, 0.3]]
        assert details["values"] == [0.3, *record.costs]
        assert (details["train_seconds"], details["saved_seconds"]) == (0.5, 1.5)
        assert record.costs[0] > 0
        assert record.message == "stopped early, at 30.00% after 50% of the QAT steps"
        assert record.seed_accuracies == ()


def test_stopped_candidates_fill_the_budget(tiny_study: Path, tmp_path: Path) -> None:
    """A training that was stopped was looked at: the whole space is covered by 18 of them."""
    records, asked = stopped_search(tiny_study, tmp_path, 18)
    assert len(asked) == len(set(asked)) == len(records) == 18


def test_a_stopped_candidate_is_not_tried_again(tiny_study: Path, tmp_path: Path) -> None:
    """Neither in its run nor in the next one, which reads the same records."""
    before, first = stopped_search(tiny_study, tmp_path, 12)
    after, second = stopped_search(tiny_study, tmp_path, 18)
    assert not set(first) & set(second)
    assert len(first) + len(second) == 18
    assert [one for one in before if one.outcome is Outcome.PRUNED] == [
        one for one in after[: len(before)] if one.outcome is Outcome.PRUNED
    ]


def test_a_stopped_candidate_has_no_network_and_no_place_on_the_front(
    tiny_study: Path, tmp_path: Path
) -> None:
    """However cheap it is and whatever it had reached."""
    search, objective = make_search(tiny_study, tmp_path, trials=18)
    objective.stopping = STOPPED
    search.run()
    pruned = {str(one.number) for one in search.records if one.outcome is Outcome.PRUNED}
    kept = {file.stem for file in search.folder.checkpoints.glob("*.npz")}
    assert pruned
    assert not kept & pruned
    assert not {str(one.number) for one in front_of(search.records)} & pruned
    assert {one.number for one in search.study.best_trials}.isdisjoint(map(int, pruned))


def test_stopped_candidates_are_counted_for_programs(tiny_study: Path, tmp_path: Path) -> None:
    """`front --json` gives their number beside the others'."""
    search, objective = make_search(tiny_study, tmp_path, trials=18)
    objective.stopping = STOPPED
    search.run()
    said = front_json(about_of(search.study), records_of(search.study))
    assert said["counts"] == {"scored": 12, "pruned": 6, "infeasible": 0, "failed": 0}
    json.dumps(said)


def test_a_trial_killed_before_it_was_told_as_pruned_is_tried_again(
    tiny_study: Path, tmp_path: Path
) -> None:
    """Its attributes say `pruned`, but Optuna knows of no end: it is queued and counts once."""
    records, _ = stopped_search(tiny_study, tmp_path, 18)
    search, _ = make_search(tiny_study, tmp_path, trials=18)
    told = search.study.trials[
        next(one.number or 0 for one in records if one.outcome is Outcome.PRUNED)
    ]
    lost = search.study.ask(search.spec.space.distributions())
    for name, value in told.user_attrs.items():
        lost.set_user_attr(name, value)
    again, objective = make_search(tiny_study, tmp_path, trials=18)
    again.run()
    assert again.study.trials[lost.number].state is TrialState.FAIL
    assert objective.asked == []
    assert len(again.records) == 18


def test_failures_with_a_stopped_training_between_are_not_in_a_row(
    tiny_study: Path, tmp_path: Path
) -> None:
    """A training that was stopped shows that trainings work, so the run is no failure."""
    edited(tiny_study, "bits: [8, 4, 2]", "bits: [8]")
    search, objective = make_search(tiny_study, tmp_path, failing=["4-4", "8-8"])
    objective.stopping = ["2-2"]
    search.run()
    assert objective.asked == ["8 4-4", "8 2-2", "8 8-8", "6 8-8"]


def test_the_value_is_the_mean_over_the_seeds(tiny_study: Path, tmp_path: Path) -> None:
    """Each seed is trained once, its accuracy kept, and times are summed."""
    edited(tiny_study, "seed: 1\n", "seed: 1\nseeds: 3\n")
    search, objective = make_search(tiny_study, tmp_path, trials=5)
    search.run()
    assert sorted(objective.asked) == sorted(3 * sorted(set(objective.asked)))
    assert len(set(objective.asked)) == 5
    for record in search.records:
        first = record.seed_accuracies[0]
        assert record.seed_accuracies == pytest.approx((first, first + 0.02, first + 0.04))
        assert record.accuracy == pytest.approx(first + 0.02)
        assert record.train_seconds == pytest.approx(0.3)
        told = search.study.trials[record.number or 0]
        assert told.values[0] == record.accuracy


def test_a_failure_at_a_later_seed_is_one_failure(tiny_study: Path, tmp_path: Path) -> None:
    """Nothing of its first seed is told or kept; the next run tries the candidate again."""
    edited(tiny_study, "seed: 1\n", "seed: 1\nseeds: 2\n")
    search, objective = make_search(tiny_study, tmp_path, failing=["4-2"], trials=18)
    objective.failing_from = 2
    search.run()
    assert search.done == 18
    failed = [record for record in search.records if record.outcome is Outcome.FAILED]
    assert {str(one.candidate) for one in failed} == {"8 4-2", "6 4-2"}
    assert {one.message for one in failed} == {"RuntimeError: told to (seed 2)"}
    assert {one.seed_accuracies for one in failed} == {()}
    again, healed = make_search(tiny_study, tmp_path, trials=18)
    again.run()
    assert sorted(healed.asked) == ["6 4-2", "6 4-2", "8 4-2", "8 4-2"]
    assert {record.outcome for record in again.records} == {Outcome.SCORED}
    assert len(again.records) == 18


def test_a_later_seed_without_results_counts_as_failed(tiny_study: Path, tmp_path: Path) -> None:
    """A candidate that has a first seed and hears nothing of its second is not left open."""
    edited(tiny_study, "seed: 1\n", "seed: 1\nseeds: 2\n")
    search, objective = make_search(tiny_study, tmp_path, trials=3)
    evaluate = objective.evaluate

    def first_only(*arguments: object, seed: int, stops: object) -> object:
        objective.forgetful = seed == 2
        return evaluate(*arguments, seed=seed, stops=stops)  # type: ignore[arg-type]

    objective.evaluate = first_only  # type: ignore[method-assign, assignment]
    with pytest.raises(RunFailed, match=r"3 candidates in a row failed.*gave no result"):
        search.run()
    assert {record.outcome for record in search.records} == {Outcome.FAILED}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ("seeds: 2", "another seeds (seeds: 1 there, 2 now)"),
        (
            "fidelity: {epochs: 3}",
            "another fidelity (fidelity: {'epochs': None, 'train_share': 1.0}",
        ),
        ("fidelity: {train_share: 0.5}", "another fidelity, data (fidelity: {'epochs': None,"),
    ],
)
def test_another_fidelity_or_number_of_seeds_is_another_study(
    changed: str, said: str, mpqsearch: Command, tiny_study: Path, tmp_path: Path
) -> None:
    """Their scores do not compare: refused in one line, and nothing is written."""
    runs = tmp_path / "runs"
    command = ("run", "--study", tiny_study, "--runs", runs, "--trials")
    assert mpqsearch(*command, 3).code == 0
    before = contents(runs)
    edited(tiny_study, "seed: 1\n", f"seed: 1\n{changed}\n")
    assert said in said_by(mpqsearch(*command, 4))
    assert contents(runs) == before


@pytest.mark.parametrize(
    "changed", ["pruning: {rule: none}", "pruning: {rule: ranking, rungs: [0.3]}", "racing: true"]
)
def test_who_is_stopped_or_races_may_change(
    changed: str, mpqsearch: Command, tiny_study: Path, tmp_path: Path
) -> None:
    """Complete trainings stay what they are, so a study goes on under another rule."""
    command = ("run", "--study", tiny_study, "--runs", tmp_path / "runs", "--trials")
    assert mpqsearch(*command, 3).code == 0
    edited(tiny_study, "seed: 1\n", f"seed: 1\n{changed}\n")
    answer = mpqsearch(*command, 4)
    assert answer.code == 0, answer.err
    assert answer.err.count("/4  ") == 1


def test_a_run_says_what_it_stopped(mpqsearch: Command, tiny_study: Path, tmp_path: Path) -> None:
    """One seed's real trainings by rank: few go on, and every line says where and why."""
    edited(tiny_study, "seed: 1\n", "seed: 1\npruning: {rule: ranking, keep: 0.1}\n")
    answer = mpqsearch("run", "--study", tiny_study, "--runs", tmp_path, "--trials", 18)
    assert answer.code == 0, answer.err
    stopped = [line for line in answer.err.splitlines() if "stopped early, at" in line]
    assert stopped
    trained = 18 - len(stopped)
    assert f"{trained} candidates trained, {len(stopped)} stopped early, 0 do not" in answer.out
    line = next(line for line in answer.out.splitlines() if line.startswith("stopped: "))
    assert "% of the QAT steps" in line
    assert "; their rest would have taken " in line
    again = mpqsearch("front", "--study", "tiny", "--runs", tmp_path)
    assert line in again.out


def test_the_front_says_of_how_many_seeds_it_is(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path
) -> None:
    """A column where there are several; one seed needs none."""
    command = ("run", "--study", tiny_study, "--trials", 3, "--runs")
    one = mpqsearch(*command, tmp_path / "one").out
    assert "seeds" not in one
    assert "val: validation accuracy, which chooses; test: reported only." in one
    edited(tiny_study, "seed: 1\n", "seed: 1\nseeds: 2\n")
    two = mpqsearch(*command, tmp_path / "two").out
    assert "val %  seeds  test %" in two
    row = next(line for line in two.splitlines() if "uniform 8" in line)
    assert row.split()[4] == "2"
    assert "val: validation accuracy, a mean of 2 seeds, which chooses; test: of the first" in two


def test_a_front_of_stopped_trainings_says_so(
    tiny_study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no training came to its end: the best of them, and what lets more go on."""
    from mpqsearch.terminal import print_front

    records, _ = stopped_search(tiny_study, tmp_path, 18)
    pruned = [one for one in records if one.outcome is Outcome.PRUNED]
    best = dataclasses.replace(pruned[2], accuracy=0.4, message="stopped early, at 40.00%")
    search, _ = make_search(tiny_study, tmp_path, trials=18)
    print_front(about_of(search.study), [*pruned[:2], best, *pruned[3:]])
    said = capsys.readouterr().out
    assert f"No training has come to its end; the most accurate, {best.candidate}: stopped" in said
    assert "a lower pruning.floor or pruning.rule none" in said
    assert "6 after 50% of the QAT steps" in said
