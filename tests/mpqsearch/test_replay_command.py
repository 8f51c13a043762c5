# SPDX-License-Identifier: Apache-2.0
"""`mpqsearch replay`: what it says, prints and saves, and what it refuses in one line."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mpqsearch import replay_run
from mpqsearch.replay import Replay, Searched
from mpqsearch.replay_table import duration_text, plot_lines
from mpqsearch.report import images
from mpqsearch.report.style import Figure
from tests.commands import Command, said_by
from tests.mpqsearch.sweeps import indoor_rows, written

FEW = ("--sampler", "random", "--repeats", 2, "--runs", 5)


@pytest.fixture(autouse=True)
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Figures that a browser would have drawn."""
    found: list[Figure] = []
    monkeypatch.setattr(images, "draw_images", lambda figures, _: found.extend(figures))
    return found


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return written(tmp_path, indoor_rows())


def test_it_says_what_it_took_the_table_for(mpqsearch: Command, table: Path) -> None:
    """Accuracy, unit, columns, costs, coordinates, what a run is, and what a band is."""
    answer = mpqsearch("replay", table, *FEW)
    assert answer.code == 0, answer.err
    assert answer.err == ""
    for said in (
        "Replay of sweep.csv: 32 candidates, 64 trainings, 2 seeds",
        "test accuracy (column test_accuracy), taken as 0 to 100 by their size",
        "latency_us, energy_uj, size_bytes: cost model of study indoor, MAX78002",
        "a run: a candidate trained once, at one of its seeds at random; 5 runs a search",
        "median over the repeats [5th-95th percentile of the repeats]",
        "a simulated clock: the recorded training times, one after another",
    ):
        assert said in answer.out
    assert "holes" not in answer.out


def test_holes_are_told(mpqsearch: Command, tmp_path: Path) -> None:
    """How many candidates and seeds are missing."""
    table = written(tmp_path, indoor_rows()[3:])
    out = mpqsearch("replay", table, *FEW).out
    assert "holes: 1 of 32 mixes of its lengths and widths are not in the table, 1 candid" in out


def test_json_holds_the_same(mpqsearch: Command, table: Path) -> None:
    """The curves, what was taken for what, and no NaN where there is no time."""
    rows = [row.removesuffix("1.5") for row in indoor_rows()]
    found = json.loads(mpqsearch("replay", written(table.parent, rows), *FEW, "--json").out)
    assert (found["candidates"], found["runs"], found["interrupted"]) == (32, 5, False)
    (sampler,) = found["samplers"]
    assert (sampler["sampler"], sampler["repeats"], len(sampler["median"])) == ("random", 2, 5)
    assert sampler["simulated_seconds"] == [None] * 5
    again = mpqsearch("replay", table, *FEW, "--json").out
    assert json.loads(again)["samplers"][0]["median"] == sampler["median"]
    other = json.loads(mpqsearch("replay", table, *FEW, "--seed", 7, "--json").out)
    assert other["samplers"][0]["median"] != sampler["median"]


@pytest.mark.parametrize("place", ["curves", "curves/random.csv"])
def test_the_curve_is_saved(
    mpqsearch: Command, table: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a file, or in a folder: a row for each run, with its band and clock."""
    monkeypatch.chdir(table.parent)
    assert mpqsearch("replay", table, *FEW, "--out", place).code == 0
    answer = mpqsearch("replay", table, *FEW, "--seeds", "all", "--out", place)  # in its place
    assert answer.code == 0, answer.err
    (file,) = [path for path in (table.parent / "curves").iterdir() if path.suffix == ".csv"]
    assert f"curve: {file.relative_to(table.parent)}" in answer.out
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert [row["run"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert [float(row["simulated_seconds"]) for row in rows] == [3.0, 6.0, 9.0, 12.0, 15.0]
    assert all(float(row["low"]) <= float(row["median"]) <= float(row["high"]) for row in rows)


def test_the_curve_is_drawn_beside_it(
    mpqsearch: Command, table: Path, drawn: list[Figure], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line and a band for each sampler; without a browser it is said, and the rest is there."""
    samplers = ("--sampler", "random", "--sampler", "exhaustive", "--runs", 5, "--repeats", 2)
    assert mpqsearch("replay", table, *samplers, "--out", table.parent / "a.csv").err == ""
    (figure,) = drawn
    assert figure.name == "a"
    lines = [trace for trace in figure.plot.data if trace.fill is None]
    assert [trace.name for trace in lines] == ["random", "exhaustive"]
    assert len(figure.plot.data) == 4
    rows = list(csv.DictReader((table.parent / "a.csv").read_text().splitlines()))
    left = [100 * (1 - float(row["median"])) for row in rows[:5]]
    assert list(lines[0].y) == pytest.approx(left, abs=1e-3)

    def without(*_: object) -> None:
        raise images.NoImages

    monkeypatch.setattr(images, "draw_images", without)
    answer = mpqsearch("replay", table, *samplers, "--out", table.parent / "b.csv")
    assert answer.code == 0
    assert answer.err == "no PNG and SVG of the curve: they need Chrome or Chromium\n"
    assert (table.parent / "b.csv").is_file()


@pytest.mark.browser
def test_a_browser_draws_it(
    mpqsearch: Command, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As PNG and SVG."""
    monkeypatch.undo()
    answer = mpqsearch("replay", table, *FEW, "--out", table.parent / "curves")
    if "need Chrome" in answer.err:
        pytest.skip("no browser here")
    names = sorted(file.name for file in (table.parent / "curves").iterdir())
    assert names == ["replay-curve.csv", "replay-curve.png", "replay-curve.svg"]


def test_more_runs_than_candidates_are_told(mpqsearch: Command, table: Path) -> None:
    """A search ends where all were run."""
    out = mpqsearch("replay", table, "--sampler", "random", "--repeats", 1).out
    assert "32 runs a search (--runs 100: there are no more candidates)" in out
    assert "100.00 [100.00-100.00]" in out


def test_ctrl_c_shows_what_is_done(
    mpqsearch: Command, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And saves it; the sampler that was not finished counts with the searches it has done."""
    searches = replay_run.replay

    def stopped(*given: Any, **how: Any) -> Iterator[Searched]:
        for at, search in enumerate(searches(*given, **how)):
            if at == 1:
                raise KeyboardInterrupt
            yield search

    monkeypatch.setattr(replay_run, "replay", stopped)
    out = table.parent / "curve.csv"
    answer = mpqsearch("replay", table, *FEW, "--out", out)
    assert answer.code == 130
    assert "interrupted; this is what was done until then" in answer.err
    assert [line.split()[-1] for line in answer.out.splitlines() if line[:6] == "random"] == ["1"]
    assert len(out.read_text().splitlines()) == 6


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "Missing argument 'TABLE.csv'"),
        ("none.csv", "sweep none.csv cannot be read: No such file"),
        (".", "sweep . cannot be read: Is a directory"),
        ("sweep.csv --sampler tp", "sampler must be one of nsga2, cost-aware, "),
        ("sweep.csv --runs 0", "Invalid value for '--runs'"),
        ("sweep.csv --repeats 0", "Invalid value for '--repeats'"),
        ("sweep.csv --seed -1", "Invalid value for '--seed'"),
        ("sweep.csv --seeds two", "--seeds must be one of one, all but is 'two'"),
        ("sweep.csv --costs modell", "--costs must be one of table, model, published but is"),
        ("sweep.csv --costs table", "--costs table: sweep sweep.csv has no column known to"),
        ("sweep.csv --costs published --study indoor", "--study is for --costs model, not pub"),
        ("sweep.csv --study indor", "no study is called 'indor'"),
        ("sweep.csv --columns accuracy=acc", "sweep sweep.csv has no column 'acc'; it has"),
        ("sweep.csv --columns acc", "--columns must be written like accuracy=COLUMN"),
        ("sweep.csv --columns unit=share", "sweep sweep.csv, line 2: 'test_accuracy' must be fr"),
        ("sweep.csv --columns costs=price", "sweep sweep.csv has no column 'price'"),
        ("sweep.csv --out sweep.csv/x", "curve sweep.csv/x/replay-curve.csv cannot be written"),
        ("sweep.csv --out sweep.csv", "curve sweep.csv would replace a file that is no curve"),
        ("sweep.csv --out new --sampler tp", "sampler must be one of "),
        ("sweep.csv --out /proc/x.csv", "curve /proc/x.csv cannot be written"),
    ],
)
def test_a_wrong_request_is_one_line(
    arguments: str, said: str, mpqsearch: Command, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is searched or written."""
    monkeypatch.chdir(table.parent)
    assert said_by(mpqsearch("replay", *arguments.split())).startswith(said)
    assert [file.name for file in table.parent.iterdir()] == ["sweep.csv"]


def flat(share: float, runs: int = 4) -> Replay:
    return Replay.of([Searched(np.full(runs, share), np.full(runs, np.nan), (0.1,))])


def test_the_plot_has_a_letter_for_each_sampler() -> None:
    """Even where they begin alike; where several are at one place, a star."""
    lines = plot_lines({"nsga2": flat(0.99), "nsga2 plain": flat(0.96), "none": flat(0.96)})
    assert " 99.00 |nnnn" in lines
    assert " 95.00 |****" in lines
    assert plot_lines({"nsga2": flat(1.0, runs=1)}) == []
    assert lines[-1].strip() == "n nsga2, s nsga2 plain, o none, * several"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2.0 h"), (180_000, "2.1 d")],
)
def test_times_are_written_in_one_unit(seconds: float, text: str) -> None:
    """That which gives about two figures."""
    assert duration_text(seconds) == text
