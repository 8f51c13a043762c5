# SPDX-License-Identifier: Apache-2.0
"""The same work from Python: load a study, run it, read its tables, export a pick."""

import doctest
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import mpqsearch
from mpqsearch import api
from tests.commands import Command


@pytest.fixture
def tiny_run(tiny_study: Path, tmp_path: Path) -> mpqsearch.Run:
    """The tiny study, run whole."""
    return mpqsearch.run_study(mpqsearch.load_study(tiny_study), runs=tmp_path / "runs")


def test_the_examples_of_the_docstrings_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other, in one folder, as they stand there."""
    monkeypatch.chdir(tmp_path)
    names = ("load_study", "run_study", "open_run", "Run", "Run.front", "Run.export")
    found = {test.name: test for test in doctest.DocTestFinder().find(api)}
    runner = doctest.DocTestRunner()
    known: dict[str, object] = {}
    for name in names:
        test = found.pop(f"mpqsearch.api.{name}")
        assert test.examples
        test.globs = known
        runner.run(test, clear_globs=False)
    assert runner.failures == 0
    assert not any(test.examples for test in found.values())


def test_tables_hold_what_the_command_prints(
    tiny_run: mpqsearch.Run, tmp_path: Path, mpqsearch: Command
) -> None:
    """The names and values of `front --json`, and what they rest on."""
    answer = mpqsearch("front", "--study", "tiny", "--runs", tmp_path / "runs", "--json")
    told = json.loads(answer.out)
    front = tiny_run.front()
    assert set(front.columns) == set(told["front"][0])
    for column in ("number", "bits", "accuracy", "size_bytes", "test_accuracy"):
        assert front[column].tolist() == [member[column] for member in told["front"]]
    assert front.attrs["synthetic"] is told["synthetic"]
    assert len(tiny_run.trials()) == 12
    assert set(tiny_run.trials()["outcome"]) <= {"scored", "pruned"}
    again = api.open_run("tiny", runs=tmp_path / "runs")
    pd.testing.assert_frame_equal(again.front(), front)


def test_a_table_of_nothing_has_its_columns(tiny_run: mpqsearch.Run) -> None:
    """So that what reads it needs no case for a run that has just begun."""
    full = tiny_run.trials()
    tiny_run.opened.records = []
    for empty in (tiny_run.front(), tiny_run.trials()):
        assert empty.empty
        assert list(empty.columns) == list(full.columns)


def test_each_candidate_is_told(tiny_study: Path, tmp_path: Path) -> None:
    """To whoever wants to know, with the budget."""

    class Told:
        done: list[tuple[int, int]] = []  # noqa: RUF012  (one object)

        def advance(self, _: object, done: int, total: int) -> None:
            self.done.append((done, total))

    told = Told()
    spec = mpqsearch.load_study(tiny_study, trials=3, name="other")
    assert mpqsearch.run_study(spec, runs=tmp_path, progress=told).opened.name == "other"
    assert told.done == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"workers": 0}, r"--workers must be in 1\.\.1024 but is 0"),
        ({"threads": -1}, r"--threads must be in 1\.\.1024 but is -1"),
        ({"device": "gpu"}, "--device must be one of auto, cpu, cuda but is 'gpu'"),
    ],
)
def test_a_wrong_machine_is_refused(
    options: dict[str, object], said: str, tiny_study: Path, tmp_path: Path
) -> None:
    """With the command's words, before anything is made."""
    spec = mpqsearch.load_study(tiny_study)
    with pytest.raises(mpqsearch.StudyError, match=said):
        mpqsearch.run_study(spec, runs=tmp_path / "runs", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "runs").exists()


def test_wrong_requests_are_our_errors(
    tiny_run: mpqsearch.Run, tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A study, run or pick that is none, and a cache limit that is none."""
    for wrong, said in (
        (lambda: mpqsearch.load_study("indor"), "did you mean"),
        (lambda: mpqsearch.load_study(tiny_study, trials=0), "trials"),
        (lambda: mpqsearch.load_study(tiny_study, warm_start=["hawk"]), "hawk"),
        (lambda: mpqsearch.open_run("none", runs=tmp_path), "none"),
        (lambda: mpqsearch.open_run("../none", runs=tmp_path), "name"),
        (lambda: tiny_run.export("nearest"), "nearest"),
        (lambda: tiny_run.export(length=8), "--bits is missing"),
        (lambda: tiny_run.export(chip="MAX7800"), "--chip"),
        (lambda: tiny_run.export("knee", trial=1), "both say what to export"),
    ):
        with pytest.raises(mpqsearch.StudyError, match=said):
            wrong()
    assert not (tmp_path / "runs/tiny/export").exists()
    monkeypatch.setenv("MPQSEARCH_CACHE_BYTES", "2 GB")
    with pytest.raises(mpqsearch.StudyError, match="MPQSEARCH_CACHE_BYTES must be a number"):
        mpqsearch.run_study(mpqsearch.load_study(tiny_study), runs=tmp_path / "other")


def test_one_text_is_as_good_as_a_list(tiny_run: mpqsearch.Run, tiny_study: Path) -> None:
    """A condition, or a baseline, is not taken for a list of its letters."""
    spec = mpqsearch.load_study(tiny_study, warm_start="uniform")
    assert spec.search.warm_start == ["uniform"]
    exported = tiny_run.export(where="accuracy >= 0.5 and size < 1e6", izer=False)
    assert [one.manifest.bits for one in exported] == tiny_run.front()["bits"].tolist()


def test_what_is_public_is_there_and_waits(tmp_path: Path) -> None:
    """Every name, and none of torch, pandas and Optuna before one is used."""
    code = (
        "import sys, mpqsearch\n"
        "heavy = {'torch', 'pandas', 'optuna'}\n"
        "assert not heavy & set(sys.modules)\n"
        "assert set(mpqsearch.__all__) <= set(dir(mpqsearch))\n"
        "for name in mpqsearch.__all__: assert getattr(mpqsearch, name).__doc__, name\n"
        "assert 'torch' not in sys.modules\n"
        "from mpqsearch import *\n"
        "import mpqsearch.run, mpqsearch.search\n"
        "assert callable(run_study) and callable(mpqsearch.run_study)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
    with pytest.raises(AttributeError, match="'mpqsearch' has no attribute 'runs'"):
        mpqsearch.runs  # noqa: B018
