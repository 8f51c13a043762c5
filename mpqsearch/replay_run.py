# SPDX-License-Identifier: Apache-2.0
"""A replay as the command line runs it: searched, shown and saved, also when it is interrupted."""

import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mpqsearch.errors import RunFolderError
from mpqsearch.replay import BAND, Replay, Searched, Seeds, Target, replay, sampler_of
from mpqsearch.replay_table import CURVE_HEADER, curve_csv, plot_lines, results_json, results_table
from mpqsearch.sweep_costs import CostSource, PricedSweep
from mpqsearch.sweep_table import SweepTable
from mpqsearch.terminal import err, out, print_table

CURVE_NAME = "replay-curve.csv"
MOST_NAMES = 6
"""Names of columns that are written out."""


@dataclass(frozen=True)
class CurveFile:
    """Where the curve is saved, found writable.

    Attributes:
        path: The CSV file.
    """

    path: Path

    @classmethod
    def at(cls, asked: Path) -> "CurveFile":
        """The file of a path that is a .csv file's or a folder's.

        Raises:
            RunFolderError: where it cannot be written, before minutes are spent on what it holds,
                or holds something else, a table of trainings perhaps.
        """
        path = asked if asked.suffix == ".csv" and not asked.is_dir() else asked / CURVE_NAME
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                raise IsADirectoryError(21, "it is a folder")
            with tempfile.TemporaryFile(dir=path.parent):
                pass
            held = path.read_bytes() if path.exists() else b""
        except OSError as error:
            raise _unwritable(path, error) from None
        if held and not held.startswith(",".join(CURVE_HEADER).encode()):
            raise RunFolderError(
                f"curve {path} would replace a file that is no curve; choose another name with"
                " --out"
            )
        return cls(path)

    def write(self, text: str) -> None:
        """Replaces the file as a whole.

        Raises:
            RunFolderError: where it cannot be written.
        """
        partial = self.path.with_suffix(".partial")
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(self.path)
        except OSError as error:
            raise _unwritable(self.path, error) from None


def _unwritable(path: Path, error: OSError) -> RunFolderError:
    return RunFolderError(
        f"curve {path} cannot be written: {error.strerror}; choose another place with --out"
    )


@dataclass(frozen=True)
class ReplayRequest:
    """What is replayed, and how.

    Attributes:
        table: The sweep's file.
        priced: Its candidates with their costs.
        samplers: Names of those that search it.
        runs: Candidates each search may run; no more than there are.
        repeats: Searches of each sampler.
        seed: Of the first of them.
        seeds: What a run trains.
        out: File or folder the curve is saved in.
    """

    table: SweepTable
    priced: PricedSweep
    samplers: tuple[str, ...]
    runs: int
    repeats: int
    seed: int = 0
    seeds: Seeds = Seeds.ONE
    out: Path | None = None


class ReplayRun:
    """Searches a sweep, sampler by sampler.

    Attributes:
        request: What was asked for.
        searches: What is done so far, by sampler.
        whole: Hypervolume of all candidates.

    Raises:
        StudyError: for a sampler's name that is none, or a sweep without a front.
        RunFolderError: where the curve cannot be saved.
    """

    def __init__(self, request: ReplayRequest) -> None:
        self.request = request
        priced = request.priced
        self._target = Target(priced.sweep, priced.costs.get, priced.coordinates)
        self._samplers = {name: sampler_of(name, self._target) for name in request.samplers}
        self._runs = min(request.runs, priced.sweep.space.size)
        self.searches: dict[str, list[Searched]] = {}
        self.whole = self._target.whole
        self._curve = None if request.out is None else CurveFile.at(request.out)

    @property
    def results(self) -> dict[str, Replay]:
        """What is done so far; samplers without a whole search are left out."""
        return {name: Replay.of(done) for name, done in self.searches.items() if done}

    def run(self) -> None:
        """Searches, with a bar on a terminal; what was done before Ctrl-C stays."""
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=err,
            disable=not err.is_terminal,
        )
        request = self.request
        with bar, warnings.catch_warnings():
            # GP is experimental in Optuna; whoever names it wants to see it.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            for name, make in self._samplers.items():
                task = bar.add_task(f"{name} searches", total=request.repeats)
                done = self.searches.setdefault(name, [])
                for search in replay(
                    self._target,
                    make,
                    runs=self._runs,
                    repeats=request.repeats,
                    seeds=request.seeds,
                    first_seed=request.seed,
                ):
                    done.append(search)
                    bar.advance(task)

    def save(self) -> None:
        """Writes the curve where one was asked for and there is a search."""
        if self._curve is not None and self.results:
            self._curve.write(curve_csv(self.results))

    def draw(self) -> None:
        """Draws the curve beside it, which takes seconds and a browser."""
        if self._curve is None or not self.results:
            return
        # Here, since most replays draw none and importing them takes a second.
        from mpqsearch.replay_figure import curves_figure
        from mpqsearch.report import images

        path = self._curve.path
        try:
            images.draw_images([curves_figure(self.results, path.stem)], path.parent)
        except images.NoImages:
            err.print("no PNG and SVG of the curve: they need Chrome or Chromium", soft_wrap=True)
        except OSError as error:
            raise _unwritable(path.with_suffix(".svg"), error) from None

    def print(self) -> None:
        """Prints what was found, for people."""
        for line in [*_table_lines(self.request), *self._run_lines()]:
            out.print(escape(line), soft_wrap=True)
        results = self.results
        if not results:
            out.print("No search is finished yet.")
            return
        out.print()
        print_table(results_table(results))
        for line in plot_lines(results):
            out.print(escape(line), soft_wrap=True)
        for line in self._legend():
            out.print(escape(line), soft_wrap=True)

    def _run_lines(self) -> list[str]:
        what = {
            Seeds.ONE: "a candidate trained once, at one of its seeds at random",
            Seeds.ALL: "a candidate trained at all its seeds, and told as their mean",
        }
        shorter = ""
        if self._runs < self.request.runs:
            shorter = f" (--runs {self.request.runs}: there are no more candidates)"
        return [f"a run: {what[self.request.seeds]}; {self._runs} runs a search{shorter}"]

    def _legend(self) -> list[str]:
        sweep = self.request.priced.sweep
        lines = [
            f"%: hypervolume found, of that of all {sweep.space.size:,} candidates, by the mean"
            f" over the seeds, which no sampler sees; median over the repeats"
            f" [{BAND[0]}th-{BAND[1]}th percentile of the repeats], each with its own seed of"
            " sampler and trainings.",
            "to 95%: runs until the median reaches it.",
        ]
        if sweep.timed:
            lines.append(
                "In brackets a simulated clock: the recorded training times, one after another,"
                " proposals not counted."
            )
        if self._curve is not None:
            lines.append(f"curve: {self._curve.path}")
        return lines

    def to_json(self, *, interrupted: bool) -> dict[str, Any]:
        """What was found, for programs."""
        request = self.request
        table, priced = request.table, request.priced
        return {
            "table": str(table.path),
            "sha256": table.sha256,
            "candidates": priced.sweep.space.size,
            "missing_candidates": priced.missing,
            "misfits": priced.misfits,
            "short_of_seeds": priced.sweep.short_of_seeds,
            "trainings": len(table.rows),
            "seeds": list(priced.sweep.seeds),
            "columns": table.columns.__dict__,
            "cost_source": priced.source.value,
            "costs": list(priced.names),
            "coordinates": {
                "worst_error": priced.coordinates.worst_error,
                "axes": [axis.__dict__ for axis in priced.coordinates.axes],
            },
            "hypervolume_of_all": self.whole,
            "trained_seeds": request.seeds.value,
            "runs": self._runs,
            "percentiles": list(BAND),
            "interrupted": interrupted,
            "samplers": results_json(self.results),
        }


def _table_lines(request: ReplayRequest) -> list[str]:
    """What the table was taken for."""
    table, priced, columns = request.table, request.priced, request.table.columns
    sweep = priced.sweep
    unit = "0 to 100" if columns.percent else "0 to 1"
    by = "as named" if table.percent_named else "by their size"
    lines = [
        f"Replay of {table.path.name}: {sweep.space.size:,} candidates, {len(table.rows):,}"
        f" trainings, {len(sweep.seeds)} {'seed' if len(sweep.seeds) == 1 else 'seeds'}",
        f"accuracy: {columns.accuracy_text}, taken as {unit} {by}",
        f"columns: bits {_shortened(columns.bits)} of {_shortened(sweep.space.layer_names)};"
        f" length {columns.input_length}; seed {columns.seed or '-'}; seconds"
        f" {columns.seconds or '-'}",
        f"costs: {', '.join(priced.names)}: {priced.source_text}",
        f"coordinates: errors up to {priced.coordinates.worst_error:.0%}; {_axes(priced)}",
    ]
    if priced.source is CostSource.MODEL and table.columns.costs:
        lines.append(f"not used: the table's own {', '.join(columns.costs)} (--costs table)")
    if priced.missing or sweep.short_of_seeds or priced.misfits:
        mixes = sweep.space.size + priced.missing + priced.misfits
        lines.append(
            f"holes: {priced.missing:,} of {mixes:,} mixes of its lengths and widths are not in"
            f" the table, {sweep.short_of_seeds:,} candidates lack some seeds,"
            f" {priced.misfits:,} do not fit the chip; what is not there is not proposed"
        )
    return lines


def _axes(priced: PricedSweep) -> str:
    """The scales of the costs, in words."""
    axes = zip(priced.names, priced.coordinates.axes, strict=True)
    return ", ".join(
        f"{name} {axis.best:.4g} to {axis.reference:.4g}{' by factors' * axis.logarithmic}"
        for name, axis in axes
    )


def _shortened(names: Sequence[str]) -> str:
    """Names in a line, of many the first and the last."""
    if len(names) <= MOST_NAMES:
        return ", ".join(names)
    return f"{', '.join(names[: MOST_NAMES - 2])}, ... {names[-1]} ({len(names)})"
