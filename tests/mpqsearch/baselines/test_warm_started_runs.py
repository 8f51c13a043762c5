# SPDX-License-Identifier: Apache-2.0
"""`mpqsearch run --warm-start`, from the command to the storage."""

import json
from pathlib import Path

import optuna
import pytest
import yaml
from optuna.trial import FrozenTrial, TrialState

from mpqsearch.trials import PROPOSED_BY
from tests.commands import Command


def trials_of(runs: Path) -> list[FrozenTrial]:
    storage = f"sqlite:///{runs / 'tiny' / 'study.db'}"
    return optuna.load_study(study_name="tiny", storage=storage).get_trials()


def proposers(runs: Path) -> list[str]:
    return [trial.user_attrs.get(PROPOSED_BY, "") for trial in trials_of(runs)]


def test_baselines_propose_the_first_trials(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path
) -> None:
    """Behind the references; the run that goes on queues nothing again."""
    runs = tmp_path / "runs"
    command = ("run", "--study", tiny_study, "--runs", runs, "--warm-start", "hawq, forgiving")
    answer = mpqsearch(*command, "--json")
    assert answer.code == 0, answer.err
    found = proposers(runs)
    assert found[:7] == ["", "", "", "hawq", "forgiving", "hawq", "forgiving"]
    assert set(found[7:]) <= {""}
    listed = json.loads(answer.out)
    shown = {str(one["number"]): one["proposed_by"] for one in listed["front"]}
    assert shown == {number: found[int(number)] for number in shown}
    written = yaml.safe_load((runs / "tiny" / "study.yaml").read_text())
    assert written["search"]["warm_start"] == ["hawq", "forgiving"]
    log = (runs / "tiny" / "log.txt").read_text()
    assert "warm start: 2 from hawq" in log
    assert "hawq at input length 8: Hessian traces conv1 " in log
    answer = mpqsearch(*command, "--trials", 15)
    assert answer.code == 0, answer.err
    assert sorted(filter(None, proposers(runs))) == ["forgiving"] * 2 + ["hawq"] * 2
    candidates = [
        trial.user_attrs["candidate"]
        for trial in trials_of(runs)
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED) and "outcome" in trial.user_attrs
    ]
    assert len(candidates) == len(set(candidates)) == 15


def test_an_exhaustive_search_changes_its_order_only(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path
) -> None:
    """Two workers, every candidate once, a third of them proposed by baselines."""
    runs = tmp_path / "runs"
    answer = mpqsearch(
        *("run", "--study", tiny_study, "--runs", runs, "--exhaustive", "--workers", 2),
        *("--warm-start", "entropy,memory-driven,uniform"),
    )
    assert answer.code == 0, answer.err
    decided = [one for one in trials_of(runs) if "outcome" in one.user_attrs]
    assert len(decided) == len({one.user_attrs["candidate"] for one in decided}) == 18
    assert sum(PROPOSED_BY in one.user_attrs for one in decided) == 6


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("hawq,hawq", "--warm-start: 'search.warm_start' holds hawq twice"),
        (
            "hawq,,uniform",
            "--warm-start: every value of 'search.warm_start' must be 'uniform', 'memory-driven',"
            " 'hawq', 'entropy' or 'forgiving' but one is \"\"",
        ),
        (
            "memory driven",
            "--warm-start: every value of 'search.warm_start' must be 'uniform', 'memory-driven',"
            " 'hawq', 'entropy' or 'forgiving' but one is \"memory driven\"; did you mean"
            " memory-driven?",
        ),
    ],
)
def test_names_that_are_none_are_refused(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path, names: str, said: str
) -> None:
    """In one line, with exit code 2, before anything is written."""
    runs = tmp_path / "runs"
    answer = mpqsearch("run", "--study", tiny_study, "--runs", runs, "--warm-start", names)
    assert (answer.code, answer.err) == (2, f"mpqsearch: error: {said}\n")
    assert not runs.exists()


def test_a_study_file_that_names_a_baseline_twice_is_refused(
    mpqsearch: Command, tiny_study: Path
) -> None:
    """By its own name."""
    text = tiny_study.read_text()
    tiny_study.write_text(text + "  warm_start: [uniform, hawq, uniform]\n")
    answer = mpqsearch("run", "--study", tiny_study)
    said = f"mpqsearch: error: {tiny_study}: 'search.warm_start' holds uniform twice\n"
    assert (answer.code, answer.err) == (2, said)
