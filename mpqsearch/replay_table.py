# SPDX-License-Identifier: Apache-2.0
"""What a replay shows: a table, a plot in letters, JSON, and the curve as a file."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.table import Table

from mpqsearch.letter_plot import MARGIN, PLOT_WIDTH, letter_plot
from mpqsearch.replay import BAND, SHARES, Replay

COLUMNS = (20, 60)
"""Runs after which the share is shown, besides all."""

LEVELS = (0.9998, 0.9995, 0.999, 0.998, 0.995, 0.99, 0.98, 0.95, 0.9, 0.8, 0.5, 0.0)
"""Shares at the lines of the plot: what is left to find falls by about half from line to line."""

CURVE_HEADER = ("sampler", "run", "median", "low", "high", "simulated_seconds", "repeats")


def results_table(results: Mapping[str, Replay]) -> Table:
    """A line for each sampler: shares in percent, runs and simulated time to reach shares."""
    runs = max(done.shares.shape[1] for done in results.values())
    shown = [at for at in COLUMNS if at < runs] + [runs]
    ends = [at - 1 for at in shown]
    timed = not any(np.isnan(done.train_seconds).any() for done in results.values())
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("sampler", no_wrap=True)
    for at in shown:
        table.add_column(f"% at {at} [{BAND[0]}-{BAND[1]}]", justify="right", no_wrap=True)
    for share in SHARES:
        table.add_column(f"to {share:.1%}".replace(".0%", "%"), justify="right", no_wrap=True)
    for heading in ("proposal ms", "repeats"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, done in results.items():
        low, middle, high = (100 * curve for curve in (done.band[0], done.median, done.band[1]))
        table.add_row(
            name,
            *(f"{middle[at]:.2f} \\[{low[at]:.2f}-{high[at]:.2f}]" for at in ends),
            *(_reached(done, share, timed=timed) for share in SHARES),
            f"{1000 * done.proposal_seconds:.1f}",
            str(len(done.shares)),
        )
    return table


def _reached(done: Replay, share: float, *, timed: bool) -> str:
    runs, seconds = done.runs_to(share), done.seconds_to(share)
    if runs is None:
        return "-"
    return f"{runs} ({duration_text(seconds)})" if timed and seconds is not None else str(runs)


def duration_text(seconds: float) -> str:
    """A time for people: 42 s, 12 min, 3.4 h, 5.1 d."""
    for most, unit, size in ((120, "s", 1), (7200, "min", 60), (172_800, "h", 3600)):
        if seconds < most:
            return f"{seconds / size:.{1 if unit == 'h' else 0}f} {unit}"
    return f"{seconds / 86_400:.1f} d"


def plot_lines(results: Mapping[str, Replay]) -> list[str]:
    """The median curves as letters: each column a few runs, each line a share that was reached."""
    runs = max(done.shares.shape[1] for done in results.values())
    if runs == 1:  # a point is no curve
        return []
    width = min(PLOT_WIDTH, runs)
    ends = [math.ceil(runs * (column + 1) / width) for column in range(width)]
    letters = _letters(list(results))
    signs: dict[tuple[int, int], str] = {}
    for column, end in enumerate(ends):
        for name, done in results.items():
            share = done.median[end - 1]
            place = next(at for at, least in enumerate(LEVELS) if share >= least)
            signs[place, column] = "*" if (place, column) in signs else letters[name]
    lines = letter_plot(signs, LEVELS, (str(ends[0]), str(runs)), "runs", width=width)
    named = ", ".join(f"{letter} {name}" for name, letter in letters.items())
    several = ", * several" if len(letters) > 1 else ""
    return [*lines, f"{'':{MARGIN}}{named}{several}"]


def _letters(names: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        free = f"{name}abcdefghijklmnopqrstuvwxyz"
        found[name] = next(sign for sign in free if sign not in (*found.values(), "-", " "))
    return found


def results_json(results: Mapping[str, Replay]) -> list[dict[str, Any]]:
    """The curves of every sampler, for programs; None where there is no time."""
    found = []
    for name, done in results.items():
        low, high = done.band
        found.append(
            {
                "sampler": name,
                "repeats": len(done.shares),
                "median": done.median.tolist(),
                "low": low.tolist(),
                "high": high.tolist(),
                "simulated_seconds": [_known(second) for second in done.median_seconds],
                "runs_to": {f"{share:g}": done.runs_to(share) for share in SHARES},
                "simulated_seconds_to": {f"{share:g}": done.seconds_to(share) for share in SHARES},
                "proposal_seconds": done.proposal_seconds,
            }
        )
    return found


def curve_csv(results: Mapping[str, Replay]) -> str:
    """The curves as a CSV file: a row for each sampler and run; times empty where not known."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CURVE_HEADER)
    for name, done in results.items():
        low, high = done.band
        columns = zip(done.median, low, high, done.median_seconds, strict=True)
        for run, (median, least, most, seconds) in enumerate(columns, start=1):
            writer.writerow(
                [
                    name,
                    run,
                    f"{median:.6f}",
                    f"{least:.6f}",
                    f"{most:.6f}",
                    "" if math.isnan(seconds) else f"{seconds:.1f}",
                    len(done.shares),
                ]
            )
    return text.getvalue()


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
