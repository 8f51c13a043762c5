# SPDX-License-Identifier: Apache-2.0
"""Imports run downwards only: mpqsearch, objectives, hardware."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("hardware", "objectives", "mpqsearch")
FORBIDDEN = {
    "hardware": {"objectives", "mpqsearch", "torch", "optuna", "studies"},
    "objectives": {"mpqsearch", "optuna", "studies"},
    "mpqsearch": {"studies"},
}
TORCH_ALLOWED = "hardware/izer/checkpoint_writer.py"
"""The izer's checkpoint is torch's own file format."""


def imported_names(source: str) -> set[str]:
    """First parts of everything a file imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(str(node.module).partition(".")[0])
    return names


def files_of(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_run_downwards(package: str) -> None:
    """No file imports what lies above its package, and nobody imports the studies."""
    files = files_of(package)
    assert files
    for file in files:
        name = file.relative_to(ROOT).as_posix()
        forbidden = FORBIDDEN[package] - ({"torch"} if name == TORCH_ALLOWED else set())
        found = imported_names(file.read_text(encoding="utf-8")) & forbidden
        assert not found, f"{name} imports {sorted(found)}"


def test_the_check_sees_what_it_should() -> None:
    """Imports in functions, under conditions and with dots are found."""
    source = "if True:\n    import torch.nn as nn\ndef f():\n    from optuna.trial import Trial\n"
    assert imported_names(source) == {"torch", "optuna"}


def test_no_import_by_name_reaches_upwards() -> None:
    """Below mpqsearch, nothing is imported by a name in a string, which the check cannot see."""
    for package in ("hardware", "objectives"):
        for file in files_of(package):
            assert "import_module" not in file.read_text(encoding="utf-8"), file


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--help"], id="help"),
        pytest.param(["run", "--help"], id="run help"),
        pytest.param(["cost", "--study", "indoor", "--bits", "8-8-8-8"], id="cost"),
    ],
)
def test_commands_without_training_start_without_torch(arguments: list[str]) -> None:
    """`mpqsearch --help` and `mpqsearch cost` do not wait for torch to be imported."""
    code = (
        "import sys\n"
        f"sys.argv = {['mpqsearch', *arguments]!r}\n"
        "from mpqsearch.__main__ import main\n"
        "main()\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 0
    assert done.stdout
