# SPDX-License-Identifier: Apache-2.0
"""A tiny study that has run, and the izer: none, one that fails, or the real one."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from hardware.izer.toolchain import Toolchain, find_toolchain
from tests.commands import Command, start
from tests.conftest import write_tiny_study


@pytest.fixture(scope="session")
def real_toolchain() -> Toolchain:
    """The checkout that AI8X_SYNTHESIS names."""
    found = find_toolchain() if os.environ.get("AI8X_SYNTHESIS") else None
    if found is None:
        pytest.skip("AI8X_SYNTHESIS must name an ai8x-synthesis checkout")
    return found


@pytest.fixture(autouse=True)
def no_izer(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No izer is found, whatever this machine has."""
    monkeypatch.delenv("AI8X_SYNTHESIS", raising=False)
    monkeypatch.delenv("AI8X_SYNTHESIS_PYTHON", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))


@pytest.fixture
def izer(real_toolchain: Toolchain, monkeypatch: pytest.MonkeyPatch) -> Toolchain:
    """The real izer, found by the commands; set after the automatic fixture has hidden it."""
    monkeypatch.setenv("AI8X_SYNTHESIS", str(real_toolchain.checkout))
    monkeypatch.setenv("AI8X_SYNTHESIS_PYTHON", str(real_toolchain.python))
    return real_toolchain


@pytest.fixture
def false_izer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the izer's place; it fails until a test writes another."""
    checkout = tmp_path / "false izer"
    (checkout / "assets").mkdir(parents=True)
    program = checkout / "ai8xize.py"
    program.write_text("print('ERROR: this network cannot be')\nraise SystemExit(1)\n")
    monkeypatch.setenv("AI8X_SYNTHESIS", str(checkout))
    monkeypatch.setenv("AI8X_SYNTHESIS_PYTHON", sys.executable)
    return program


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny study and its run; not to be changed."""
    folder = tmp_path_factory.mktemp("tiny run")
    write_tiny_study(folder)
    done = start("run", "--study", "tiny.yaml", "--cache", folder / "cache", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def study(tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in a folder whose name a shell would take apart, which is the current one."""
    folder = tmp_path / 'it\'s "mine" now'
    shutil.copytree(tiny_run, folder, ignore=shutil.ignore_patterns("cache"))
    resolved = folder / "runs/tiny/study.yaml"
    resolved.write_text(resolved.read_text().replace(str(tiny_run), "../.."))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def uneven_study(mpqsearch: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One candidate with 70 channels into a convolution at 4 bits, which the izer misplaces."""
    monkeypatch.chdir(tmp_path)
    study = write_tiny_study(tmp_path)
    task = tmp_path / "tiny_task.py"
    narrow = 'linear("fc1", 2)'
    assert narrow in task.read_text()
    wider = f'conv("conv2", 4, kernel=1, bias=False), {narrow}'
    task.write_text(task.read_text().replace(narrow, wider).replace("features: int = 4", _WIDE))
    text = study.read_text().replace("[8, 6]", "[8]").replace("[8, 4, 2]", "[4]")
    (tmp_path / "uneven.yaml").write_text(text)
    assert mpqsearch("run", "--study", "uneven.yaml", "--trials", 1).code == 0
    return tmp_path


_WIDE = "features: int = 70"
