# SPDX-License-Identifier: Apache-2.0
"""The guard against other packages called `hardware` or `objectives`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mpqsearch.top_level import SIBLINGS, hidden_packages

ROOT = Path(__file__).resolve().parents[2]


def start(folder: Path) -> "subprocess.CompletedProcess[str]":
    """Starts the program where a folder comes first on the path."""
    return subprocess.run(
        [sys.executable, "-m", "mpqsearch", "--version"],
        env={**os.environ, "PYTHONPATH": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", SIBLINGS)
def test_a_package_of_the_same_name_stops_the_start(name: str, tmp_path: Path) -> None:
    """A foreign package earlier on the path gives one line that names it, and is not imported."""
    fake = tmp_path / name
    fake.mkdir()
    (fake / "__init__.py").write_text("print('imported')\n")
    done = start(tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        f"mpqsearch: error: package '{name}' of mpqsearch is hidden by {fake}; start from another"
        " folder, use an environment of its own (make run), or remove the other one\n"
    )


def test_a_module_of_the_same_name_stops_the_start(tmp_path: Path) -> None:
    """A single file called hardware.py is named as the file it is."""
    fake = tmp_path / "hardware.py"
    fake.write_text("print('imported')\n")
    done = start(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"is hidden by {fake};" in done.stderr
    assert done.stderr.count("\n") == 1


def test_nothing_hides_our_own_packages() -> None:
    """In the clone the siblings are the ones beside mpqsearch."""
    assert hidden_packages() == []


def test_siblings_elsewhere_are_named(tmp_path: Path) -> None:
    """Seen from another home, both siblings lie in the wrong place."""
    lines = hidden_packages(tmp_path)
    assert len(lines) == len(SIBLINGS)
    for name, line in zip(SIBLINGS, lines, strict=True):
        assert str(ROOT / name) in line


def test_a_missing_sibling_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that is not there at all is missing, not hidden."""
    monkeypatch.setattr("mpqsearch.top_level.SIBLINGS", ("no_such_package_anywhere",))
    assert hidden_packages(tmp_path) == [
        f"package 'no_such_package_anywhere' is missing beside mpqsearch in {tmp_path}"
    ]
