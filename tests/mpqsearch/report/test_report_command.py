# SPDX-License-Identifier: Apache-2.0
"""`mpqsearch report`: the files it writes, and what it says where it cannot."""

import json
import sqlite3
from pathlib import Path

import kaleido
import pytest
from filelock import FileLock
from kaleido.errors import ChromeNotFoundError

from tests.commands import Command, contents, said_by


def test_a_report_is_a_page_in_the_run_folder(mpqsearch: Command, runs: Path) -> None:
    """Also while the run goes on; nothing else is left, and a second one replaces it."""
    page = runs / "tiny/report/report.html"
    with FileLock(runs / "tiny/lock"):
        for _ in range(2):
            answer = mpqsearch("report", "--study", "tiny", "--runs", runs, "--no-images")
            assert (answer.code, answer.out) == (0, f"{page}\n"), answer.err
            assert list(page.parent.iterdir()) == [page]
    text = page.read_text()
    assert "mpqsearch export --study tiny --runs" in text
    assert "12 of 18 candidates were tried" in text


def test_a_report_goes_where_it_is_sent(mpqsearch: Command, runs: Path, tmp_path: Path) -> None:
    """--out makes the folder, and the run's own is left alone."""
    out = tmp_path / "for a customer"
    answer = mpqsearch("report", "-s", "tiny", "--runs", runs, "--out", out, "--no-images")
    assert answer.code == 0, answer.err
    assert (out / "report.html").is_file()
    assert not (runs / "tiny/report").exists()


@pytest.mark.browser
@pytest.mark.slow
def test_figures_are_written_as_images(
    mpqsearch: Command, runs: Path, chromium: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PNG and SVG of every one of them."""
    monkeypatch.setenv("BROWSER_PATH", chromium)
    answer = mpqsearch("report", "--study", "tiny", "--runs", runs)
    assert answer.code == 0, answer.err
    folder = runs / "tiny/report"
    png = {file.stem: file.read_bytes()[:4] for file in folder.glob("*.png")}
    svg = {file.stem: file.read_bytes()[:4] for file in folder.glob("*.svg")}
    assert set(png) == set(svg) >= {"front-accuracy-latency", "bits-by-layer", "layers-size"}
    assert set(png.values()) == {b"\x89PNG"}
    assert set(svg.values()) == {b"<svg"}
    assert f"{2 * len(png)} images beside it" in answer.out


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ChromeNotFoundError("none"), "they need Chrome or Chromium (apt install chromium)"),
        (TimeoutError(), "the browser failed: timed out"),
    ],
)
def test_without_a_browser_the_page_is_whole(
    mpqsearch: Command,
    runs: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    said: str,
) -> None:
    """One line says why there is no image; those of an earlier report do not stay."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(kaleido, "write_fig_from_object_sync", fail)
    folder = runs / "tiny/report"
    folder.mkdir()
    (folder / "bits-by-layer.png").write_bytes(b"old")
    (folder / "mine.png").write_bytes(b"mine")
    answer = mpqsearch("report", "--study", "tiny", "--runs", runs)
    assert answer.code == 0
    assert answer.err.count("\n") == 1
    assert said in answer.err
    assert sorted(file.name for file in folder.iterdir()) == ["mine.png", "report.html"]


def test_what_is_missing_in_a_run_folder_is_left_out(mpqsearch: Command, runs: Path) -> None:
    """Settings, environment and task: the page says so, and shows the rest."""
    tiny = runs / "tiny"
    (tiny / "environment.json").write_text("{")
    (tiny / "study.yaml").write_text("task: gone.py:Gone\nspace:\n  input_length: [8]\n")
    answer = mpqsearch("report", "--study", "tiny", "--runs", runs, "--no-images")
    assert answer.code == 0, answer.err
    text = (tiny / "report/report.html").read_text()
    assert "settings cannot be read" in text
    assert "front-accuracy-latency" in text
    (tiny / "environment.json").unlink()
    (tiny / "study.yaml").unlink()
    assert mpqsearch("report", "--study", "tiny", "--runs", runs, "--no-images").code == 0


def test_a_record_that_is_no_number_is_counted(mpqsearch: Command, runs: Path) -> None:
    """A damaged storage: the page holds the others."""
    with sqlite3.connect(runs / "tiny/study.db") as database:
        query = "SELECT trial_user_attribute_id, value_json FROM trial_user_attributes"
        rows = database.execute(f"{query} WHERE key = 'details'").fetchall()
        key, details = rows[-1][0], json.loads(rows[-1][1])
        details["values"][0] = float("nan")
        database.execute(
            "UPDATE trial_user_attributes SET value_json = ? WHERE trial_user_attribute_id = ?",
            (json.dumps(details), key),
        )
    answer = mpqsearch("report", "--study", "tiny", "--runs", runs, "--no-images")
    assert answer.code == 0, answer.err
    assert "1 candidate is left out" in (runs / "tiny/report/report.html").read_text()


def test_a_bad_request_is_one_line(mpqsearch: Command, runs: Path, tmp_path: Path) -> None:
    """No such study, no folder to write to, another version's records: nothing is written."""
    assert "no run of study 'tinny'" in said_by(mpqsearch("report", "-s", "tinny", "--runs", runs))
    blocked = tmp_path / "file"
    blocked.write_text("")
    said = said_by(mpqsearch("report", "-s", "tiny", "--runs", runs, "--out", blocked / "report"))
    assert "could not be written" in said
    assert "--out" in said
    assert "--study" in said_by(mpqsearch("report", "--runs", runs))
    before = contents(runs / "tiny")
    with sqlite3.connect(runs / "tiny/study.db") as database:
        database.execute("UPDATE trial_user_attributes SET value_json = '{}' WHERE key = 'details'")
    said = said_by(mpqsearch("report", "-s", "tiny", "--runs", runs))
    assert "another version" in said
    assert set(contents(runs / "tiny")) == set(before)
