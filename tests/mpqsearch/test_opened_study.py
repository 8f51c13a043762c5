# SPDX-License-Identifier: Apache-2.0
"""A study opened to read: what it gives, and what of it can be missing or changed."""

import json
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from mpqsearch.errors import RunFolderError, StudyError
from mpqsearch.opened_study import OpenedStudy
from tests.commands import start
from tests.conftest import write_tiny_study


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    write_tiny_study(folder)
    done = start("run", "--study", "tiny.yaml", "--cache", folder / "cache", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def runs(tiny_run: Path, tmp_path: Path) -> Path:
    """The run folders of a copy."""
    shutil.copytree(tiny_run, tmp_path / "copy")
    resolved = tmp_path / "copy/runs/tiny/study.yaml"
    resolved.write_text(resolved.read_text().replace(str(tiny_run), str(tmp_path / "copy")))
    return tmp_path / "copy/runs"


def test_a_study_gives_records_data_and_networks(runs: Path) -> None:
    """Also while its run is going on, and by the name of its study file."""
    with FileLock(runs / "tiny/lock"):
        opened = OpenedStudy(runs, "somewhere/tiny.yaml")
        kept = opened.kept_network(opened.records[0])
    assert opened.name == "tiny"
    assert kept is not None
    split = opened.validation(8)
    accuracy = (kept.logits(split.inputs).argmax(axis=1) == split.labels).mean()
    assert accuracy == opened.records[0].accuracy
    assert opened.validation(6).inputs.shape == (128, 2, 6)
    assert len(opened.trials) >= len(opened.records) == 12


def test_a_network_that_is_not_the_records_is_not_given(
    runs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Missing, damaged or of other bits: it is to be trained again, and a warning says why."""
    opened = OpenedStudy(runs, "tiny")
    eight, four = opened.records[:2]
    assert (eight.candidate.bits, four.candidate.bits) == ((8, 8), (4, 4))
    checkpoints = runs / "tiny/checkpoints"
    shutil.copy(checkpoints / "0.npz", checkpoints / "1.npz")
    assert opened.kept_network(four) is None
    assert "the network of 8 4-4 is trained again" in caplog.text
    assert "1.npz is of 8-8" in caplog.text
    (checkpoints / "1.npz").write_bytes((checkpoints / "0.npz").read_bytes()[:100])
    opened = OpenedStudy(runs, "tiny")
    assert opened.kept_network(four) is None
    assert "1.npz cannot be used" in caplog.text
    (checkpoints / "0.npz").unlink()
    assert opened.kept_network(eight) is None
    assert "8 8-8" not in caplog.text


def test_what_changed_since_the_run_is_refused(runs: Path) -> None:
    """Another task, another seed, no settings: the line names it; the records can still be read."""
    task = runs.parent / "tiny_task.py"
    task.write_text(task.read_text().replace("+= 60", "+= 61"))
    opened = OpenedStudy(runs, "tiny")
    assert len(opened.records) == 12
    with pytest.raises(StudyError, match=r"written with another task, data \(task: TinyTask in"):
        _ = opened.data
    task.unlink()
    with pytest.raises(StudyError, match=r"there is no file .*tiny_task\.py"):
        _ = OpenedStudy(runs, "tiny").spec
    (runs / "tiny/study.yaml").unlink()
    with pytest.raises(StudyError, match=r"study\.yaml is missing; mpqsearch run --study tiny"):
        _ = OpenedStudy(runs, "tiny").spec


def test_no_run_is_one_line(runs: Path) -> None:
    """A study that never ran, a damaged storage, and a name that is none."""
    with pytest.raises(StudyError, match=r"no run of study 'tyny' in .*; did you mean tiny\?"):
        OpenedStudy(runs, "tyny")
    with pytest.raises(StudyError, match="a run's name must be"):
        OpenedStudy(runs, "../runs")
    (runs / "tiny/study.db").write_text(json.dumps("no database"))
    with pytest.raises(RunFolderError, match="cannot be used: file is not a database"):
        OpenedStudy(runs, "tiny")
