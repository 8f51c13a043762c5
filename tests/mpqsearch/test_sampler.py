# SPDX-License-Identifier: Apache-2.0
"""Every sampler a study file may name fills a study."""

from pathlib import Path
from typing import get_args

import pytest

from mpqsearch.study_sections import SamplerName
from tests.commands import Command


@pytest.mark.parametrize("name", [one for one in get_args(SamplerName) if one != "gp"])
def test_a_study_is_filled_by_any_sampler(mpqsearch: Command, tiny_study: Path, name: str) -> None:
    """Twelve of eighteen, none twice; the rest after a second call with a larger total."""
    text = tiny_study.read_text().replace("trials: 12", f"trials: 12\n  sampler: {name}")
    tiny_study.write_text(text + "pruning:\n  rule: none\n")
    runs = tiny_study.parent / "runs"
    answer = mpqsearch("run", "--study", tiny_study, "--runs", runs)
    assert answer.code == 0, answer.err
    assert "12 candidates trained" in answer.out
    answer = mpqsearch("run", "--study", tiny_study, "--runs", runs, "--trials", 18)
    assert "18 candidates trained" in answer.out
