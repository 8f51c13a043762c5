# SPDX-License-Identifier: Apache-2.0
"""The check of a machine says what a run needs, and no more."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from mpqsearch.environment import PACKAGES
from tests.commands import Command

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def test_what_is_looked_for_is_what_is_installed() -> None:
    """Every package a run records is one that the installation brings."""
    dependencies = tomllib.loads(PYPROJECT.read_text())["project"]["dependencies"]
    assert set(PACKAGES) <= {re.split(r"[^\w-]", line)[0] for line in dependencies}


def test_a_ready_machine_is_called_ready(
    mpqsearch: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the tests run, nothing is missing; what later steps need is said and stops nothing."""
    monkeypatch.delenv("AI8X_SYNTHESIS", raising=False)
    answer = mpqsearch("doctor", "--runs", tmp_path / "runs", "--json")
    assert (answer.code, answer.err) == (0, "")
    findings = {finding["what"]: finding for finding in json.loads(answer.out)}
    assert all(finding["well"] for finding in findings.values() if finding["needed"])
    assert not findings["ai8x-synthesis"]["well"]
    assert not (tmp_path / "runs").exists()


def test_a_missing_package_is_named(mpqsearch: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line says what to run, and the exit code stops a script."""
    monkeypatch.setattr("mpqsearch.environment.PACKAGES", ("no-such-package",))
    answer = mpqsearch("doctor")
    assert answer.code == 2
    (line,) = (line for line in answer.out.splitlines() if line.startswith("MISSING"))
    assert line.split(maxsplit=2)[1:] == ["no-such-package", "missing; run make install"]
