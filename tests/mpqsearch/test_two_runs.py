# SPDX-License-Identifier: Apache-2.0
"""One command started twice by mistake: the second is refused, or joins; the first goes on."""

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from mpqsearch.errors import StudyError
from mpqsearch.run_folder import RunFolder
from mpqsearch.storage import open_study
from mpqsearch.study_data import about_study, load_data
from mpqsearch.study_file import read_study
from tests.commands import Answer, said_by, start
from tests.mpqsearch.searches import edited
from tests.runs import SECONDS, finished_count, scored, slow, start_run, wait_until


def test_the_second_run_in_a_folder_is_refused(tiny_study: Path, tmp_path: Path) -> None:
    """While the first and its workers are at work there, who train nothing twice."""
    study_file = edited(slow(tiny_study), "epochs: 20", "epochs: 60")
    first = start_run(study_file, tmp_path)
    database = tmp_path / "tiny" / "study.db"
    wait_until(lambda: finished_count(database) > 0, first)
    second = start("run", "--study", study_file, "--runs", tmp_path, "--workers", 2, cwd=tmp_path)
    assert said_by(Answer(second.returncode, second.stdout, second.stderr)) == (
        f"another mpqsearch is running in {tmp_path}/tiny; wait for it, or use another --runs or"
        " --name"
    )
    _, err = first.communicate(timeout=SECONDS)
    assert first.returncode == 0, err
    assert "18/18" in err
    assert len(scored(database)) == len(set(scored(database)))


@pytest.mark.postgresql
def test_the_second_run_on_a_server_joins(url: str, tiny_study: Path, tmp_path: Path) -> None:
    """In one folder, at one moment, with workers each: one total, and no candidate twice."""
    both = [start_run(tiny_study, tmp_path, "--storage", url) for _ in range(2)]
    for run in both:
        _, err = run.communicate(timeout=SECONDS)
        assert run.returncode == 0, err
    study = optuna.load_study(study_name="tiny", storage=url)
    decided = [trial for trial in study.trials if trial.user_attrs.get("outcome")]
    assert len(decided) == len({trial.user_attrs["candidate"] for trial in decided}) == 18
    assert not study.get_trials(states=(TrialState.RUNNING, TrialState.WAITING))


def test_a_study_that_another_run_has_just_made_is_joined(
    tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who opens it before the first has said what it is of, and finds its trials, looks again."""
    spec = read_study(tiny_study)
    folder = RunFolder(tmp_path, spec.name)
    folder.checkpoints.mkdir(parents=True)
    about = about_study(spec, load_data(spec))
    get_trials = optuna.study.Study.get_trials
    raced: list[bool] = []

    def first_is_faster(study: optuna.study.Study, *some: Any, **named: Any) -> Any:
        if not raced:
            raced.append(True)
            open_study(folder, about, {"test": 1}).enqueue_trial({})
        return get_trials(study, *some, **named)

    monkeypatch.setattr(optuna.study.Study, "get_trials", first_is_faster)
    study = open_study(folder, about, {"test": 1})
    assert raced
    assert len(study.trials) == 1
    with pytest.raises(StudyError, match="was written with another test"):
        open_study(folder, about, {"test": 2})
