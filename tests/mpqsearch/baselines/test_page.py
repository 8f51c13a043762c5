# SPDX-License-Identifier: Apache-2.0
"""What the page about baselines says is so."""

import inspect
import re
import shlex
from fractions import Fraction
from pathlib import Path

import pytest

from mpqsearch.baselines.factory import BASELINES
from mpqsearch.baselines.memory_driven import TIE_SHARE
from mpqsearch.baselines.sums import LARGEST_FRONT
from mpqsearch.baselines.warm_start import BUDGET_SHARE
from mpqsearch.forgiving import forgiving_score
from objectives.sensitivity import VECTORS
from tests.commands import Command

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "baselines.md").read_text()


def test_its_command_works(
    mpqsearch: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it stands there: a front, of which baselines proposed some."""
    monkeypatch.chdir(tmp_path)
    (command,) = re.findall(r"^mpqsearch (.*)$", PAGE, re.MULTILINE)
    answer = mpqsearch(*shlex.split(command), "--json")
    assert answer.code == 0, answer.err
    log = (tmp_path / "runs" / "digits" / "log.txt").read_text()
    assert "warm start: 2 from hawq" in log
    assert "warm start: 2 from uniform" in log


def test_it_names_every_baseline_and_number() -> None:
    """In both tables, in bold where each is explained, and the constants as they are."""
    assert re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE) == [*BASELINES, *BASELINES]
    assert re.findall(r"^\*\*([\w-]+)\*\*", PAGE, re.MULTILINE) == list(BASELINES)
    assert Fraction(1, 3) == BUDGET_SHARE
    assert "at most a third of the budget together" in PAGE
    text = " ".join(PAGE.split())
    assert f"whose share is within {TIE_SHARE * 100:.0f} points" in text
    assert f"over {VECTORS} vectors" in text
    assert f"for up to {LARGEST_FRONT:,} partial" in text
    names = ("delta_p", "delta_n", "rate", "stress")
    settings = [inspect.signature(forgiving_score).parameters[name].default for name in names]
    assert settings == [8, 8, 2, 1]
    assert "`delta_p` = `delta_n` = 8, rate 2, stress 1" in text
