# SPDX-License-Identifier: Apache-2.0
"""`mpqsearch import`: a table becomes a study once, whole, and mixes with nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from hardware.candidate import Candidate
from mpqsearch.opened_study import OpenedStudy
from mpqsearch.trials import Outcome
from tests.commands import Command, contents, said_by
from tests.mpqsearch.sweeps import indoor_rows, recorded_indoor_sweep, written


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_each_candidate_becomes_a_trial(here: Path, mpqsearch: Command) -> None:
    """With all its seeds, their mean, the model's costs, and its name where it is a reference."""
    written(here, indoor_rows(lengths=(101, 5), seeds=(43, 42)))
    answer = mpqsearch("import", "sweep.csv", "--study", "indoor")
    assert answer.code == 0, answer.err
    assert "32 candidates added, 32 in runs/sweep; mpqsearch front --study sweep" in answer.err
    opened = OpenedStudy(Path("runs"), "sweep")
    record = {one.candidate: one for one in opened.records}[Candidate(101, (8, 8, 8, 8))]
    assert record.outcome is Outcome.SCORED
    assert record.seed_accuracies == pytest.approx((0.883, 0.884))
    assert record.accuracy == pytest.approx(0.8835)
    assert (record.train_seconds, record.reference) == (3.0, "uniform 8")
    assert (record.size_bytes, record.latency_us) == (203_384, pytest.approx(141.54))
    states = {trial.state for trial in opened.trials}
    assert (len(opened.trials), states) == (32, {optuna.trial.TrialState.COMPLETE})
    assert opened.spec.name == "sweep"
    environment = json.loads((here / "runs/sweep/environment.json").read_text())
    assert environment["imported"]["file"] == "sweep.csv"
    assert len(environment["imported"]["sha256"]) == 64


def test_the_front_says_what_its_accuracies_are(here: Path, mpqsearch: Command) -> None:
    """Test accuracy is called test accuracy; what was imported is not called trained."""
    written(here, indoor_rows())
    mpqsearch("import", "sweep.csv", "--study", "indoor")
    out = mpqsearch("front", "--study", "sweep").out
    assert "data: imported from sweep.csv (SHA-256 " in out
    assert "64 trainings of 32 candidates at seeds 42, 43" in out
    assert "32 candidates imported, 0 stopped early" in out
    assert "acc: test accuracy (column test_accuracy) as recorded, a mean over the seeds." in out
    assert "flatters the choice" in out
    assert "val %" not in out
    found = json.loads(mpqsearch("front", "--study", "sweep", "--json").out)
    assert found["imported"] == "test accuracy (column test_accuracy) as recorded"


def test_validation_accuracy_is_not_warned_of(here: Path, mpqsearch: Command) -> None:
    """It is what choices are made by."""
    rows = [row.rpartition(",")[0] for row in indoor_rows()]
    written(here, rows, "input_length,conv1_bits,conv2_bits,fc1_bits,fc2_bits,seed,val_acc")
    out = mpqsearch("import", "sweep.csv", "--study", "indoor").out
    assert "acc: validation accuracy (column val_acc) as recorded" in out
    assert "flatters" not in out


def test_the_same_table_again_adds_nothing(here: Path, mpqsearch: Command) -> None:
    """Even under another name; a larger one is another table."""
    written(here, indoor_rows())
    mpqsearch("import", "sweep.csv", "--study", "indoor")
    (here / "sweep.csv").rename(here / "copy.csv")
    answer = mpqsearch("import", "copy.csv", "--study", "indoor", "--name", "sweep", "--json")
    found = json.loads(answer.out)
    assert (found["added"], found["counts"]["scored"]) == (0, 32)
    before = contents(here / "runs")
    written(here, indoor_rows(lengths=(21,)))
    said = said_by(mpqsearch("import", "sweep.csv", "--study", "indoor"))
    assert said.startswith("storage runs/sweep/study.db was written with another imported_table")
    assert "start anew with another --name or --runs" in said
    assert contents(here / "runs") == before


def test_an_interrupted_import_goes_on(
    here: Path, mpqsearch: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each candidate is there as a whole or not at all."""
    written(here, indoor_rows())
    add: Callable[..., Any] = optuna.Study.add_trial
    calls = []

    def stopping(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        if len(calls) == 5:
            raise KeyboardInterrupt
        calls.append(trial)
        add(study, trial)

    with monkeypatch.context() as patch:
        patch.setattr(optuna.Study, "add_trial", stopping)
        answer = mpqsearch("import", "sweep.csv", "--study", "indoor")
    assert answer.code == 130
    assert "the same command goes on from there" in answer.err
    assert len(OpenedStudy(Path("runs"), "sweep").records) == 5
    found = json.loads(mpqsearch("import", "sweep.csv", "--study", "indoor", "--json").out)
    assert found["added"] == 27
    assert len({trial.number for trial in OpenedStudy(Path("runs"), "sweep").trials}) == 32


def test_trainings_and_imports_do_not_mix(here: Path, mpqsearch: Command, tiny_study: Path) -> None:
    """Neither way: one line, and the run stays as it was."""
    written(here, ["8,8,8,0.9", "8,2,2,0.8"], "length,conv1_bits,fc1_bits,acc")
    assert mpqsearch("import", "sweep.csv", "--study", tiny_study).code == 0
    before = contents(here / "runs")
    for command in (
        ("run", "--study", tiny_study, "--name", "sweep"),
        ("export", "--study", "sweep"),
    ):
        said = said_by(mpqsearch(*command))
        assert "study.db holds an imported table, no trainings; what was imported and what" in said
    assert contents(here / "runs") == before
    assert mpqsearch("run", "--study", tiny_study, "--trials", 3).code == 0
    before = contents(here / "runs/tiny")
    said = said_by(mpqsearch("import", "sweep.csv", "--study", tiny_study, "--name", "tiny"))
    assert "study.db holds trainings; what was imported and what was trained do not mix" in said
    assert contents(here / "runs/tiny") == before


def test_what_does_not_fit_is_told_so(here: Path, mpqsearch: Command, tiny_study: Path) -> None:
    """Recorded or not, it cannot run on the chip: it is on no front."""
    wide = tiny_study.read_text().replace("MAX78002", "MAX78000") + "data: {features: 768}\n"
    tiny_study.write_text(wide)
    written(here, ["8,8,8,0.9", "8,2,2,0.8"], "length,conv1_bits,fc1_bits,acc")
    found = json.loads(mpqsearch("import", "sweep.csv", "--study", tiny_study, "--json").out)
    assert (found["counts"]["scored"], found["counts"]["infeasible"]) == (1, 1)
    assert [one["bits"] for one in found["front"]] == ["2-2"]


def test_uneven_seeds_compare_in_pairs(here: Path, mpqsearch: Command, tiny_study: Path) -> None:
    """The seed that most have comes first; after the first one that is lacking nothing is kept."""
    rows = ["8,8,8,1,0.5", "8,8,8,2,0.6", "8,8,8,3,0.7"]
    rows += ["8,4,4,2,0.4", "8,4,4,3,0.3", "8,2,2,1,0.1", "8,2,2,2,0.2"]
    written(here, rows, "length,conv1_bits,fc1_bits,seed,acc")
    answer = mpqsearch("import", "sweep.csv", "--study", tiny_study, "--json")
    found = json.loads(answer.out)
    assert "2 candidates lack some seeds: what follows the first they lack" in found["source"]
    opened = OpenedStudy(here / "runs", "sweep")
    kept = {record.candidate.bits_text: record.seed_accuracies for record in opened.records}
    assert kept == {"8-8": (0.6, 0.5, 0.7), "4-4": (0.4,), "2-2": (0.2, 0.1)}
    means = {record.candidate.bits_text: round(record.accuracy, 9) for record in opened.records}
    assert means == {"8-8": 0.6, "4-4": 0.4, "2-2": 0.15}


def test_a_candidate_without_the_common_seed_is_refused(
    here: Path, mpqsearch: Command, tiny_study: Path
) -> None:
    """It would compare with nobody; nothing is written."""
    written(
        here, ["8,8,8,1,0.5", "8,4,4,1,0.6", "8,2,2,2,0.7"], "length,conv1_bits,fc1_bits,seed,acc"
    )
    said = said_by(mpqsearch("import", "sweep.csv", "--study", tiny_study))
    assert "no training of 8 2-2 at seed 1, which most others have" in said
    assert not (here / "runs").exists()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("31,8,8,8,3,42,90,1", "line 34: bits must be 1, 2, 4 or 8"),
        ("33,8,8,8,8,42,90,1", "line 34: input length must be one of 101, 91, 81"),
        ("31,8,8,1,8,42,90,1", "line 34: bits of fc1 must be one of 8, 4, 2, the study's sp"),
        ("21,8,8,8,8,42,90,1", "line 34: 21 8-8-8-8 with seed 42 stands on line 2 already"),
        ("31,8,8,8,8,44,,1", "line 34: 'test_accuracy' must be a number but is ''"),
    ],
)
def test_a_row_that_is_not_of_the_study_is_refused(
    here: Path, mpqsearch: Command, row: str, said: str
) -> None:
    """By its line, and nothing is written."""
    written(here, [*indoor_rows(seeds=(42,)), row])
    assert said_by(mpqsearch("import", "sweep.csv", "--study", "indoor")).startswith(
        f"sweep sweep.csv, {said}"
    )
    assert [file.name for file in here.iterdir()] == ["sweep.csv"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("sweep.csv", "Missing option '--study'"),
        ("none.csv --study indoor", "sweep none.csv cannot be read"),
        ("sweep.csv --study indor", "no study is called 'indor'"),
        ("sweep.csv --study digits", "sweep sweep.csv, line 2: input length must be one of 8, 6"),
        ("sweep.csv --study indoor --name a/b", "a run's name must be 1 to 100 letters"),
        ("two.csv --study indoor", "the study has the layers conv1, conv2, fc1, fc2 but"),
        ("sweep.csv --study indoor --runs sweep.csv", "run folder sweep.csv/sweep cannot be wr"),
    ],
)
def test_a_wrong_request_is_one_line(
    here: Path, mpqsearch: Command, arguments: str, said: str
) -> None:
    """And leaves nothing behind."""
    written(here, ["21,8,8,90"], "length,a_bits,b_bits,acc").rename("two.csv")
    written(here, indoor_rows())
    assert said_by(mpqsearch("import", *arguments.split())).startswith(said)
    assert sorted(file.name for file in here.iterdir()) == ["sweep.csv", "two.csv"]


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_the_recorded_sweep_is_imported(mpqsearch: Command) -> None:
    """405 candidates; the most accurate is above 99 %."""
    table = recorded_indoor_sweep()
    found = json.loads(mpqsearch("import", table, "--study", "indoor", "--json").out)
    assert (found["added"], found["counts"]["scored"]) == (405, 405)
    assert found["front"][0]["accuracy"] > 0.99
    assert len(found["front"][0]["seed_accuracies"]) == 5
