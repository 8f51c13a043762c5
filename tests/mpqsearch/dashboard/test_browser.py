# SPDX-License-Identifier: Apache-2.0
"""The dashboard in a real browser, while a search is running."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.commands import start
from tests.mpqsearch.dashboard.conftest import Serve
from tests.runs import finished_count, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DIGITS = Path(__file__).parents[3] / "studies/digits.yaml"
ENOUGH = 12
"""Trials that make a front to look at."""


@pytest.fixture
def page(chromium: str) -> Iterator[Page]:
    """A page; nothing may be complained of in its console."""
    with sync_playwright() as playwright:
        # As root, in a container, chromium has no sandbox to offer.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        found = browser.new_page(viewport={"width": 1280, "height": 1000})
        said: list[str] = []
        found.on("console", lambda message: said.append(message.text))
        found.on("pageerror", lambda error: said.append(str(error)))
        yield found
        browser.close()
    assert said == []


@pytest.fixture
def search(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A search of all of the digits' space, five seeds each, which has begun and goes on."""
    study = tmp_path / "digits.yaml"
    text = DIGITS.read_text()
    assert "batch: 20" in text
    study.write_text(text.replace("batch: 20", "batch: 3") + "\nseeds: 5\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "mpqsearch", "run", "--study", "digits.yaml", "--exhaustive"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    database = tmp_path / "runs/digits/study.db"
    wait_until(lambda: finished_count(database) >= ENOUGH, process)
    yield process
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


def test_a_search_is_watched(
    serve: Serve, search: "subprocess.Popen[str]", tmp_path: Path, page: Page
) -> None:
    """Objectives, front, figures, a note, artifacts; trials that finish meanwhile have theirs."""
    done = start("export", "--study", "digits", "--pick", "best", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (exported,) = (one.name for one in (tmp_path / "runs/digits/export").glob("[0-9]*"))
    with serve(tmp_path / "runs", "digits") as dashboard:
        page.goto(dashboard.page)
        expect(page.get_by_text("Pareto Front")).to_be_visible()
        for name in ("accuracy (0 to 1)", "latency (µs)", "energy (µJ)", "size (B)"):
            expect(page.get_by_text(name).first).to_be_attached()
        points = page.locator(".js-plotly-plot").first.locator(".scatterlayer path.point")
        expect(points.first).to_be_attached()
        assert points.count() >= ENOUGH
        ours = page.locator('[id="user-defined-plot:front-accuracy-latency"]')
        ours.scroll_into_view_if_needed(timeout=60_000)
        expect(ours.locator(".gtitle")).to_have_text("Accuracy and latency")
        expect(ours.locator(".scatterlayer path.point").first).to_be_attached()
        expect(page.get_by_text("report.html")).to_be_visible()

        shown = dashboard.study()["trials"]
        trial = next(one for one in shown if one["artifacts"])
        page.goto(f"{dashboard.page}/trials?numbers={trial['number']}")
        length, _, bits = exported.partition("-")
        expect(page.get_by_text(f"{length} {bits}").first).to_be_visible()
        expect(page.get_by_text("validation split, integer network")).to_be_visible()
        expect(page.get_by_text(f"--length {length} --bits {bits}")).to_be_visible()
        expect(page.get_by_text(f"{exported}.zip")).to_be_visible()

        listed = page.get_by_text(re.compile(r"^\d+ Trials$"))
        before = str(listed.text_content())
        expect(listed).not_to_have_text(before, timeout=60_000)
        number = int(before.partition(" ")[0])
        page.goto(f"{dashboard.page}/trials?numbers={number - 1}")
        expect(page.get_by_text("mpqsearch export --study digits")).to_be_visible(timeout=60_000)
        assert search.poll() is None, "the search was over before it was watched"
        page.goto("about:blank")  # it would go on to ask for news
