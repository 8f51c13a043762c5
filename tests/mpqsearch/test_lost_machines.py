# SPDX-License-Identifier: Apache-2.0
"""Machines that share a study and are gone, or whose server is: what they had comes back, once."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from benchmarks.cheap import prepared, write_study
from mpqsearch import watch
from mpqsearch.storage import records_of
from mpqsearch.storage_address import StorageAddress
from mpqsearch.trials import TAKEN_BACK, WORKER, Outcome
from mpqsearch.watch import Watch
from mpqsearch.workers import this_run
from tests.commands import Command
from tests.mpqsearch.searches import edited
from tests.mpqsearch.servers import Server, every_server
from tests.runs import SECONDS, in_state, slow, start_run, wait_until


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has a run of this process soon find that another is gone."""
    monkeypatch.setattr(watch, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(watch, "GONE_SECONDS", 0.5)


def in_training(url: str) -> Callable[[], bool]:
    """Whether two candidates are finished and another is in training."""
    return lambda: in_state(url, TrialState.COMPLETE) > 1 and in_state(url, TrialState.RUNNING) > 0


def every_candidate_once(url: str) -> list[optuna.trial.FrozenTrial]:
    study = optuna.load_study(study_name="tiny", storage=url)
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    candidates = [str(trial.user_attrs["candidate"]) for trial in done]
    assert len(candidates) == len(set(candidates)) == 18
    assert not study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING))
    return study.get_trials(deepcopy=False)


def go_on(mpqsearch: Command, study_file: Path, runs: Path, url: str) -> None:
    """Another machine does the rest."""
    where = ("--study", study_file, "--runs", runs, "--storage", url)
    answer = mpqsearch("run", *where, "--exhaustive", "--json")
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["counts"]["scored"] == 18


@pytest.fixture
def study_file(tiny_study: Path) -> Path:
    return edited(slow(tiny_study), "task:", "pruning: {rule: none}\ntask:")


@every_server
@pytest.mark.usefixtures("impatient")
def test_what_a_machine_had_is_trained_by_another(
    mpqsearch: Command, url: str, study_file: Path, tmp_path: Path
) -> None:
    """A run and its workers are killed at once, as by a power cut; the next finds their trials."""
    lost = start_run(study_file, tmp_path / "lost", "--storage", url)
    wait_until(in_training(url), lost)
    os.killpg(lost.pid, signal.SIGKILL)
    lost.communicate(timeout=SECONDS)
    left = in_state(url, TrialState.RUNNING)
    assert left > 0
    go_on(mpqsearch, study_file, tmp_path / "other", url)
    trials = every_candidate_once(url)
    again = [trial for trial in trials if trial.user_attrs.get(TAKEN_BACK)]
    assert 1 <= len(again) <= left
    assert "is gone" in (tmp_path / "other" / "tiny" / "log.txt").read_text()


@pytest.mark.postgresql
def test_workers_whose_run_is_killed_end_and_leave_no_hole(
    mpqsearch: Command,
    url: str,
    study_file: Path,
    tmp_path: Path,
    impatient: None,  # noqa: ARG001
) -> None:
    """The one that started them is killed alone: nobody of them trains on, and nothing is lost."""
    run = start_run(study_file, tmp_path / "one", "--storage", url)
    wait_until(in_training(url), run)
    run.kill()
    run.communicate(timeout=SECONDS)  # ends when the last worker has closed its end of the pipe
    go_on(mpqsearch, study_file, tmp_path / "other", url)
    every_candidate_once(url)


@pytest.mark.postgresql
def test_ctrl_c_gives_candidates_back_at_once(
    mpqsearch: Command, url: str, study_file: Path, tmp_path: Path
) -> None:
    """Nobody has to find out by its silence, and no candidate counts as one that kills."""
    first = start_run(study_file, tmp_path / "one", "--storage", url)
    wait_until(in_training(url), first)
    os.killpg(first.pid, signal.SIGINT)
    _, err = first.communicate(timeout=SECONDS)
    assert first.returncode == 130, err
    assert in_state(url, TrialState.RUNNING) == 0
    assert in_state(url, TrialState.WAITING) > 0
    go_on(mpqsearch, study_file, tmp_path / "one", url)
    assert not [one for one in every_candidate_once(url) if one.user_attrs.get(TAKEN_BACK)]


@pytest.mark.postgresql
@pytest.mark.usefixtures("impatient")
def test_ctrl_c_while_the_server_is_away(
    mpqsearch: Command, server: Server, url: str, study_file: Path, tmp_path: Path
) -> None:
    """The run ends, though it cannot say so in the study; the next one finds what it had."""
    log = tmp_path / "one" / "tiny" / "log.txt"
    run = start_run(study_file, tmp_path / "one", "--storage", url, workers=1)
    wait_until(in_training(url), run)
    server.stop()
    try:
        wait_until(lambda: "the storage is away" in log.read_text(), run)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=SECONDS)
    finally:
        server.start()
    assert run.returncode == 130, err
    assert "Traceback" not in err
    go_on(mpqsearch, study_file, tmp_path / "one", url)
    every_candidate_once(url)


@pytest.mark.postgresql
def test_a_candidate_that_two_machines_are_lost_with_has_failed(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first time it is queued again; the second time it is failed, and says why."""
    monkeypatch.setattr(watch, "GONE_SECONDS", 0.0)
    study_file = write_study(tmp_path, "twice", trials=20, sampler="random", lengths=4)
    spec, study, _ = prepared(study_file, tmp_path, StorageAddress.parse(url))
    here = Watch(spec, study, this_run())
    for queued in study.get_trials(states=(TrialState.WAITING,)):  # the references
        study.tell(study.ask(spec.space.distributions()), state=TrialState.FAIL)
        assert study.trials[queued.number].state is TrialState.FAIL
    candidates = []
    for machine in ("first:1:2", "second:1:2"):
        trial = study.ask(spec.space.distributions())
        candidates.append(spec.space.candidate(trial.params))
        trial.set_user_attr(WORKER, machine)
        for _ in range(2):
            here.look()
            time.sleep(0.01)
        assert study.trials[trial.number].state is TrialState.FAIL
    assert candidates[0] == candidates[1]
    (record,) = records_of(study)
    assert (record.candidate, record.outcome) == (candidates[0], Outcome.FAILED)
    assert record.message == (
        "two workers died while they had it, the last with the loss of its run or machine"
    )
    assert not study.get_trials(states=(TrialState.WAITING, TrialState.RUNNING))
