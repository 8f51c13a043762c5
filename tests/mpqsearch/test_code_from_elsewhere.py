# SPDX-License-Identifier: Apache-2.0
"""A study's own Python file runs when its user allows it, and never before."""

import json
import shutil
import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path
from py_compile import PycInvalidationMode
from py_compile import compile as compile_file

import pytest

import mpqsearch as library
from mpqsearch import task_file
from mpqsearch.dashboard.view import View
from mpqsearch.errors import StudyError
from mpqsearch.opened_study import OpenedStudy
from tests.commands import Command, contents, said_by, start
from tests.conftest import write_tiny_study
from tests.mpqsearch.searches import edited
from tests.mpqsearch.sweeps import written
from tests.study_files import refusal

WITNESS = "\nfrom pathlib import Path\nPath(__file__).with_name('ran').touch()\n"
SWEEP = ("input_length,conv1_bits,fc1_bits,seed,test_accuracy", ["8,8,8,1,90", "8,4,4,1,80"])
REFUSED = "'task': {file} is Python code that was never allowed here; read it, then add"
NEEDS_IT = {
    "run": "run --study tiny.yaml --workers 2",
    "cost": "cost --study tiny.yaml --bits 8-8",
    "calibrate": "calibrate sweep.csv --study tiny.yaml --out fit.json",
    "replay": "replay sweep.csv --study tiny.yaml --costs model --out curve.csv",
    "import": "import sweep.csv --study tiny.yaml",
    "front": "front --study tiny --certainty",
    "export": "export --study tiny --no-izer",
    "export for a chip": "export --study tiny --no-izer --chip MAX78000 --to there",
}
"""Commands that read the task of a study, or of a run."""


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with its run, on another machine; not to be changed."""
    folder = tmp_path_factory.mktemp("elsewhere")
    write_tiny_study(folder)
    with (folder / "tiny_task.py").open("a") as task:
        task.write(WITNESS)
    run = ("run", "--study", "tiny.yaml", "--trials", 4, "--cache", folder / "cache")
    assert start(*run, cwd=folder).returncode == 0
    return folder


@pytest.fixture
def here(
    searched: Path, nothing_allowed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The same, got from there; the current folder."""
    place = tmp_path / "got"
    shutil.copytree(searched, place, ignore=shutil.ignore_patterns("cache", "ran"))
    resolved = place / "runs/tiny/study.yaml"
    resolved.write_text(resolved.read_text().replace(str(searched), "../.."))
    written(place, SWEEP[1], SWEEP[0])
    monkeypatch.chdir(place)
    assert not nothing_allowed.exists()
    return place


@pytest.mark.parametrize("command", NEEDS_IT)
def test_nothing_runs_unasked(command: str, mpqsearch: Command, here: Path) -> None:
    """One line that names the study, the file and the next step; nothing imported or written."""
    before = contents(here)
    line = said_by(mpqsearch(*NEEDS_IT[command].split()))
    study = "runs/tiny/study.yaml" if "--study tiny " in NEEDS_IT[command] else "tiny.yaml"
    assert line.startswith(f"{study}: {REFUSED.format(file=here / 'tiny_task.py')} --allow-code")
    assert contents(here) == before
    assert not (here.parent / "state").exists()


def test_measure_asks_too(
    measurable: Path,
    nothing_allowed: Path,
    mpqsearch: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With --study, whose data it needs; the exports alone need no Python of anybody."""
    shutil.copytree(measurable, tmp_path / "got", ignore=shutil.ignore_patterns("cache"))
    monkeypatch.chdir(tmp_path / "got")
    line = said_by(mpqsearch("measure", "--study", "tiny", "--simulated"))
    assert "tiny_task.py is Python code that was never allowed here" in line
    answer = mpqsearch("measure", "runs/tiny/export", "--simulated", "--window-ms", 50)
    assert answer.code == 0, answer.err
    assert not nothing_allowed.exists()


def test_what_needs_no_code_is_shown_without(
    mpqsearch: Command, here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The front, and a report and a dashboard that say what they leave out."""
    assert "Front of study tiny" in mpqsearch("front", "--study", "tiny").out
    answer = mpqsearch("report", "--study", "tiny", "--no-images")
    assert answer.code == 0, answer.err
    page = (here / "runs/tiny/report/report.html").read_text()
    said = "tiny_task.py is Python code that was never allowed here; read it"
    assert said in page
    assert said in answer.err
    assert said in View(OpenedStudy(here / "runs", "tiny")).page().decode()
    assert said in caplog.text
    assert not (here / "ran").exists()
    answer = mpqsearch("report", "--study", "tiny", "--no-images", "--allow-code")
    page = (here / "runs/tiny/report/report.html").read_text()
    assert "was never allowed here" not in page
    assert (here / "ran").exists()


def test_allowed_once_is_allowed_until_it_changes(here: Path, nothing_allowed: Path) -> None:
    """With workers, and by later commands; a change is told, and taken back asks no more."""
    done = start("run", "-s", "tiny.yaml", "--workers", 2, "--allow-code", cwd=here)
    assert done.returncode == 0, done.stderr
    assert nothing_allowed.read_text().endswith(f"  {here}/tiny_task.py\n")
    assert start("export", "-s", "tiny", "--no-izer", cwd=here).returncode == 0
    as_it_was = (here / "tiny_task.py").read_bytes()
    (here / "tiny_task.py").write_bytes(as_it_was + b"# changed\n")
    done = start("run", "--study", "tiny.yaml", cwd=here)
    assert done.returncode == 2
    assert "tiny_task.py is Python code that has changed since it was allowed to run" in done.stderr
    (here / "tiny_task.py").write_bytes(as_it_was)
    assert start("run", "--study", "tiny.yaml", cwd=here).returncode == 0


def test_workers_may_what_their_run_may(here: Path, nothing_allowed: Path) -> None:
    """Also where nothing can be remembered: the run is whole, and a later command asks again."""
    (here.parent / "state").write_text("in the way")
    done = start("run", "-s", "tiny.yaml", "--workers", 2, "--allow-code", cwd=here)
    assert done.returncode == 0, done.stderr
    assert "is allowed for this command only" in done.stderr
    assert "12 candidates trained" in done.stdout
    assert start("export", "-s", "tiny", "--no-izer", cwd=here).returncode == 2
    assert not nothing_allowed.exists()


def test_python_asks_as_the_commands_do(here: Path) -> None:
    """load_study and open_run take allow_code; once given it holds for both."""
    with pytest.raises(StudyError, match=r"never allowed here.*\(allow_code=True from Python\)"):
        library.load_study("tiny.yaml")
    with pytest.raises(StudyError, match="never allowed here"):
        _ = library.open_run("tiny").opened.spec
    assert not (here / "ran").exists()
    assert library.open_run("tiny", allow_code=True).opened.spec.name == "tiny"
    assert library.load_study("tiny.yaml").name == "tiny"


def test_studies_that_come_along_are_not_asked_about(
    nothing_allowed: Path, mpqsearch: Command, tmp_path: Path
) -> None:
    """Their tasks are mpqsearch's own."""
    answer = mpqsearch("run", "--study", "digits", "--trials", 3, "--runs", tmp_path, "--json")
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["front"]
    assert not nothing_allowed.exists()


def test_what_was_looked_at_is_what_runs(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is exchanged after it was looked at does not run."""
    file = here / "tiny_task.py"
    looked_at = task_file.check_allowed

    def exchanged(*arguments: object, **named: object) -> None:
        looked_at(*arguments, **named)  # type: ignore[arg-type]
        file.write_text("Path(__file__).with_name('other').touch()")

    monkeypatch.setattr(task_file, "check_allowed", exchanged)
    spec = library.load_study("tiny.yaml", allow_code=True)
    assert spec.space.layer_names == ("conv1", "fc1")
    assert (here / "ran").exists()
    assert not (here / "other").exists()


def test_a_compiled_copy_beside_it_does_not_run(here: Path) -> None:
    """Python would take one for the source without a look at it."""
    other = here / "other.py"
    other.write_text(WITNESS.replace("'ran'", "'compiled'"))
    for place in (cache_from_source(str(here / "tiny_task.py")), str(here / "compiled.pyc")):
        compile_file(str(other), place, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
    library.load_study("tiny.yaml", allow_code=True)
    assert (here / "ran").exists()
    study = edited(here / "tiny.yaml", "tiny_task.py", "compiled.pyc")
    assert refusal(study, allow_code=True) == (
        f"'task': {here}/compiled.pyc must be a Python file, *.py"
    )
    assert not (here / "compiled").exists()
    assert "mpqsearch_task_compiled" not in sys.modules


@pytest.mark.parametrize("module", ["multiprocessing", "optuna"])
def test_workers_take_no_modules_from_the_current_folder(module: str, tmp_path: Path) -> None:
    """A Python file that lies beside a study is not what a worker imports by its name."""
    (tmp_path / f"{module}.py").write_text("open('ran', 'w').close(); raise ImportError\n")
    (tmp_path / "small.yaml").write_text("task: digits\nspace: {input_length: [8], bits: [8]}\n")
    program = Path(sys.executable).with_name("mpqsearch")  # `python -m` looks here by itself
    command = [program, "run", "--study", "small.yaml", "--workers", "2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()
