# SPDX-License-Identifier: Apache-2.0
"""The indoor study on the paper's eight .mat files, as a person with the recordings runs it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from objectives.data.ctf_files import write_ctf_mat_folder
from objectives.data.ctf_synthetic import synthesize_ctf
from tests.commands import Command, contents, said_by

STUDY = """\
task: indoor
recipe: {epochs: 2, qat_start_epoch: 1}
space:
  input_length: [5]
"""
VICTIM = "CTF_Lab_mov_final.mat"
VARIABLE = "CTF_synthetic"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The eight files with two synthetic sweeps a grid point."""
    folder = tmp_path_factory.mktemp("recordings")
    write_ctf_mat_folder(folder, synthesize_ctf(sweeps_per_point=2))
    return folder


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("indoor.yaml").write_text(STUDY)
    return "indoor.yaml"


def test_the_indoor_study_runs_on_mat_files(
    mpqsearch: Command, written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The front is printed with where its data come from; that they are synthetic stays known."""
    monkeypatch.chdir(tmp_path)
    command = ("run", "--study", "indoor", "--data", written, "--name", "x", "--trials", 3)
    answer = mpqsearch(*command)
    assert answer.code == 0, answer.err
    title, source, *_ = answer.out.splitlines()
    assert title == "Front of study x SYNTHETIC DATA"
    assert source == "data: synthetic recordings in the indoor study's files"
    assert (
        "3 candidates trained, 0 stopped early, 0 do not fit, 0 failed, of 891 in the space"
        in answer.out
    )
    row = next(line.split() for line in answer.out.splitlines() if "8-8-8-8" in line)
    assert row[:3] == ["0", "101", "8-8-8-8"]
    assert all(50 < float(percent) <= 100 for percent in row[3:5])  # of four classes
    assert "SYNTHETIC DATA" in mpqsearch("front", "--study", "x").out


def misshape(path: Path) -> None:
    scipy.io.savemat(path, {VARIABLE: scipy.io.loadmat(path)[VARIABLE][:200]})


def spoil(path: Path) -> None:
    values = scipy.io.loadmat(path)[VARIABLE]
    values[7, 3] = np.nan
    scipy.io.savemat(path, {VARIABLE: values})


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (Path.unlink, "{folder}: CTF_Lab_mov_final.mat missing, found 7 of the 8 CTF files"),
    "truncated": (
        lambda path: path.write_bytes(path.read_bytes()[:100_000]),
        "{file}: truncated or no MAT file (",
    ),
    "empty": (lambda path: path.write_bytes(b""), "{file}: the file is empty; "),
    "misshapen": (misshape, "{file}: first variable has shape (200, 388); expected (202, 194 * S)"),
    "not a number": (spoil, "{file}: 1 of 78376 values are NaN or infinite; all must be finite"),
    "a folder": (
        lambda path: (path.unlink(), path.mkdir()),
        "{folder}: CTF_Lab_mov_final.mat missing, found 7 of the 8 CTF files",
    ),
    "a text": (lambda path: path.write_text("S21\n0.1\n" * 99), "{file}: truncated or no MAT file"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_mat_files_are_refused(
    damage: str, mpqsearch: Command, study: str, written: Path, tmp_path: Path
) -> None:
    """One line names the file and what is wrong with it; no run folder is made."""
    folder = tmp_path / "recordings"
    shutil.copytree(written, folder)
    spoil_file, said = DAMAGE[damage]
    spoil_file(folder / VICTIM)
    line = said_by(mpqsearch("run", "--study", study, "--data", folder))
    place = said.format(folder=folder, file=folder / VICTIM)
    assert line.startswith(f"data of task indoor: {place}")
    assert not Path("runs").exists()


def test_damaged_files_leave_a_run_as_it_is(
    mpqsearch: Command, study: str, written: Path, tmp_path: Path
) -> None:
    """A run on good files, gone on with after one of them was damaged, keeps every byte."""
    folder = tmp_path / "recordings"
    shutil.copytree(written, folder)
    command = ("run", "--study", study, "--data", folder, "--trials")
    assert mpqsearch(*command, 3).code == 0
    before = contents(tmp_path / "runs")
    spoil(folder / VICTIM)
    assert "NaN" in said_by(mpqsearch(*command, 4))
    assert contents(tmp_path / "runs") == before
