# SPDX-License-Identifier: Apache-2.0
"""A browser, a study that has run, and pages of studies that nobody searched."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mpqsearch.report.contents import Contents
from mpqsearch.report.page import render_page, sections_of
from mpqsearch.report.write import write_page
from tests.commands import start
from tests.conftest import write_tiny_study

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
Written = Callable[[Contents], Path]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Debian's chromium, or another of its kind."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("chromium is not installed (apt install chromium)")
    return found


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs folder of a tiny study; not to be changed."""
    folder = tmp_path_factory.mktemp("tiny run")
    write_tiny_study(folder)
    done = start("run", "--study", "tiny.yaml", "--cache", folder / "cache", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "runs"


@pytest.fixture
def runs(tiny_run: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(tiny_run.parent, tmp_path / "copy", ignore=shutil.ignore_patterns("cache"))
    resolved = tmp_path / "copy/runs/tiny/study.yaml"
    resolved.write_text(resolved.read_text().replace(str(tiny_run.parent), str(tmp_path / "copy")))
    return tmp_path / "copy/runs"


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Writes a report's page, and gives its path."""

    def write(contents: Contents) -> Path:
        return write_page(tmp_path, render_page(contents, sections_of(contents)))

    return write
