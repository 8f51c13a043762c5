# SPDX-License-Identifier: Apache-2.0
"""What people see: tables on standard output, progress on standard error."""

import datetime
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from mpqsearch.board_columns import BoardColumns
from mpqsearch.front import front_of
from mpqsearch.front_plot import PlotCost, front_plot
from mpqsearch.storage import About
from mpqsearch.trials import Outcome, TrialRecord

TABLE_COLUMNS = 100
"""What the front's table fits, and the width of all that does not go to a terminal."""

BITS = "bits"
FEWEST_BITS = 8
"""Width of the column of bits at least: of four layers, and a hyphen."""

COLUMNS_FOR_COUNTS, COLUMNS_FOR_BAR = 100, 56
"""Width of a terminal from which on progress has room for them."""

LINES_PER_ESTIMATE = 10

COUNTED = {
    Outcome.PRUNED: "stopped early",
    Outcome.INFEASIBLE: "do not fit",
    Outcome.FAILED: "failed",
}
"""What a progress line says of candidates that were not scored."""

out = Console(highlight=False)
if not out.is_terminal:
    out.width = TABLE_COLUMNS
err = Console(stderr=True, highlight=False)


class TerminalProgress:
    """A bar with an estimate on a terminal; lines into a pipe, or where no line can be redrawn."""

    def __init__(self, *, quiet: bool = False) -> None:
        live = err.is_terminal and not err.is_dumb_terminal
        self._brief = err.width < COLUMNS_FOR_COUNTS
        self._bar = Progress(
            TextColumn("{task.description}"),
            *([BarColumn(bar_width=None)] if err.width >= COLUMNS_FOR_BAR else []),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=err,
            disable=quiet or not live,
        )
        self._plain = not quiet and not live
        self._task: TaskID | None = None
        self._begun = False
        self._best = 0.0
        self._counts: Counter[Outcome] = Counter()
        self._since = time.monotonic()
        self._first = 0

    def __enter__(self) -> "TerminalProgress":
        self._bar.start()
        why = "" if self._brief else ": they share the float phase"
        self._task = self._bar.add_task(f"first trainings{why}", total=None)
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def advance(self, record: TrialRecord, done: int, total: int) -> None:
        """Shows that a candidate was decided."""
        if record.outcome is Outcome.SCORED:  # what was stopped early is on no front
            self._best = max(self._best, record.accuracy)
        self._counts[record.outcome] += 1
        if not self._begun:
            self._first = done - 1  # what an earlier run decided is not this one's speed
        if self._task is not None:
            if not self._begun:
                self._bar.reset(self._task, total=total, completed=self._first)
            said = f"best {self._best:.2%}" if self._brief else self._said()
            self._bar.update(self._task, completed=done, total=total, description=said)
        if self._plain:
            left = self._time_left(done, total)
            err.print(f"{done}/{total}  {_one_line(record)}{left}", soft_wrap=True)
        self._begun = True

    def _said(self) -> str:
        """The best so far, and how many were not scored."""
        others = [
            f"{self._counts[outcome]} {words}"
            for outcome, words in COUNTED.items()
            if self._counts[outcome]
        ]
        return ", ".join([f"best {self._best:.2%}", *others])

    def _time_left(self, done: int, total: int) -> str:
        """An estimate for a pipe, every tenth line."""
        if done % LINES_PER_ESTIMATE or not self._begun or done >= total:
            return ""
        each = (time.monotonic() - self._since) / (done - self._first)
        left = datetime.timedelta(seconds=round(each * (total - done)))
        return f"  ({self._said()}; about {left} left)"


def _one_line(record: TrialRecord) -> str:
    scored = f"{record.accuracy:.2%}" if record.outcome is Outcome.SCORED else record.message
    return f"{record.candidate.input_length:>4} {record.candidate.bits_text}  {escape(scored)}"


def _print_line(text: str) -> None:
    """Prints a line of markup: broken between words on a terminal, whole into a pipe."""
    out.print(text, soft_wrap=not out.is_terminal)


def print_about(about: About) -> None:
    """Prints what the figures of a study rest on."""
    label = " [bold yellow]SYNTHETIC DATA[/]" if about.synthetic else ""
    _print_line(f"[bold]Front of study {escape(about.study)}[/]{label}")
    _print_line(f"data: {escape(about.source)}")
    _print_line(f"costs: {about.mode}; one input copied and computed, weights loaded")


def print_front(
    about: About, records: Sequence[TrialRecord], plot: PlotCost = PlotCost.SIZE
) -> None:
    """Prints the front and the uniform references, with what they rest on, and a plot of it."""
    front = front_of(records)
    counts = dict.fromkeys(Outcome, 0)
    for record in records:
        counts[record.outcome] += 1
    print_about(about)
    _print_line(
        f"{counts[Outcome.SCORED]} candidates {'imported' if about.imported else 'trained'},"
        f" {counts[Outcome.PRUNED]} stopped early,"
        f" {counts[Outcome.INFEASIBLE]} do not fit, {counts[Outcome.FAILED]} failed, of"
        f" {about.candidates:,} in the space"
    )
    if counts[Outcome.PRUNED]:
        _print_line(pruned_text(records))
    if not front:
        _print_line(escape(nothing_scored(records)))
        return
    shown = [*front, *_beaten(front, records)]
    board = BoardColumns(shown, about.mode)
    print_table(_fitted(_front_table(front, records, board, imported=bool(about.imported))))
    said = _imported_text(about, records) if about.imported else _accuracies_text(records)
    _print_line(f"bits: {'-'.join(about.layer_names)}. {escape(said)} ~: analytic estimate.")
    for note in board.notes():
        _print_line(escape(note))
    for line in front_plot(records, plot, out.width):
        out.print(line, markup=False, soft_wrap=True)


def pruned_text(records: Sequence[TrialRecord]) -> str:
    """Where trainings were stopped, and what they would have cost."""
    pruned = [record for record in records if record.outcome is Outcome.PRUNED]
    places = Counter(f"{record.rungs[-1][0]:.0%}" for record in sorted(pruned, key=_stopped_at))
    first, *others = [f"{count} after {share}" for share, count in places.items()]
    where = ", ".join([f"{first} of the QAT steps", *others])
    saved = sum(record.saved_seconds for record in pruned)
    spent = sum(record.train_seconds for record in records)
    rest = "the rest of their first seed" if _several_seeds(records) else "their rest"
    return (
        f"stopped: {where}; {rest} would have taken {saved:.1f} s, beside the {spent:.1f} s of all"
        " trainings"
    )


def _stopped_at(record: TrialRecord) -> float:
    return record.rungs[-1][0]


def _several_seeds(records: Sequence[TrialRecord]) -> bool:
    return any(len(record.seed_accuracies) > 1 for record in records)


def _accuracies_text(records: Sequence[TrialRecord]) -> str:
    """What the accuracies of the table are."""
    if not _several_seeds(records):
        return "val: validation accuracy, which chooses; test: reported only."
    counts = sorted({len(record.seed_accuracies) for record in records if record.seed_accuracies})
    seeds = str(counts[-1]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return (
        f"val: validation accuracy, a mean of {seeds} seeds, which chooses; test: of the first"
        " seed's network, reported only."
    )


def _imported_text(about: About, records: Sequence[TrialRecord]) -> str:
    """What the accuracies of an imported table are; choosing on test accuracy is said."""
    seeds = ", a mean over the seeds" if _several_seeds(records) else ""
    test = "test accuracy" in about.imported
    warning = " Chosen by test accuracy, a figure flatters the choice." if test else ""
    return f"acc: {about.imported}{seeds}.{warning}"


def print_table(table: Table) -> None:
    """Prints a table as wide as it needs: on a narrow terminal rows wrap, but no figure is cut."""
    # The height is given as well, since Rich takes a dumb terminal's width for 80 without it.
    wide = Console(width=max(_natural(table), out.width), height=out.height, highlight=False)
    wide.print(table, soft_wrap=True)


def _natural(table: Table) -> int:
    return Measurement.get(out, out.options.update(max_width=1000), table).maximum


def _fitted(table: Table) -> Table:
    """Has the front fit `TABLE_COLUMNS`: less space, then the bits of deep networks over lines."""
    if _natural(table) > TABLE_COLUMNS:
        table.padding = (0, 1, 0, 0)
    too_wide = _natural(table) - TABLE_COLUMNS
    if too_wide > 0:
        (bits,) = [column for column in table.columns if column.header == BITS]
        longest = max(len(str(cell)) for cell in bits.cells)
        bits.no_wrap, bits.overflow = False, "fold"
        bits.width = max(FEWEST_BITS, (longest - too_wide) // 2 * 2)  # breaks after a hyphen
    return table


def _front_table(
    front: Sequence[TrialRecord],
    records: Sequence[TrialRecord],
    board: BoardColumns,
    *,
    imported: bool,
) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("trial", "length"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column(BITS, no_wrap=True)
    seeds = _several_seeds(records)
    accuracy = "acc %" if imported else "val %"
    means = (accuracy, "seeds") if seeds else (accuracy,)
    for heading in (*means, "test %", "latency us", "energy uJ", *board.headings, "size B"):
        lines = heading.replace(" ", "\n") if board.headings else heading
        table.add_column(lines, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for record in front:
        table.add_row(*_cells(record, record.reference, board, seeds=seeds))
    beaten = _beaten(front, records)
    if beaten:
        table.add_section()
    for record in beaten:
        note = record.reference
        note += ": does not fit" if record.outcome is Outcome.INFEASIBLE else ": beaten"
        note = f"{record.reference}: failed" if record.outcome is Outcome.FAILED else note
        table.add_row(*_cells(record, note, board, seeds=seeds), style="dim")
    return table


def _beaten(front: Sequence[TrialRecord], records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """The references that are not on the front."""
    return [record for record in records if record.reference and record not in front]


def _cells(record: TrialRecord, note: str, board: BoardColumns, *, seeds: bool) -> list[str]:
    scored = record.outcome is Outcome.SCORED
    estimate = "~" if record.cost_origin == "analytic" else ""
    return [
        "-" if record.number is None else str(record.number),
        str(record.candidate.input_length),
        record.candidate.bits_text,
        f"{100 * record.accuracy:.2f}" if scored else "-",
        *([str(len(record.seed_accuracies) or "-")] if seeds else []),
        "-" if record.test_accuracy is None else f"{100 * record.test_accuracy:.2f}",
        f"{estimate}{record.latency_us:.1f}",
        f"{estimate}{record.energy_uj:.2f}",
        *board.cells(record),
        f"{record.size_bytes:,}",
        note,
    ]


def nothing_scored(records: Sequence[TrialRecord]) -> str:
    """Why there is no front yet, with the candidate that comes nearest."""
    pruned = [record for record in records if record.outcome is Outcome.PRUNED]
    if pruned:
        best = max(pruned, key=lambda record: record.accuracy)
        return (
            f"No training has come to its end; the most accurate, {best.candidate}: {best.message};"
            " under another --name, a lower pruning.floor or pruning.rule none lets them go on"
        )
    misfits = [record for record in records if record.outcome is Outcome.INFEASIBLE]
    if not misfits:
        return "No candidate is finished yet."
    nearest = min(misfits, key=lambda record: record.size_bytes)
    return f"No candidate fits the chip; the smallest, {nearest.candidate}: {nearest.message}"


def front_json(about: About, records: Sequence[TrialRecord]) -> dict[str, Any]:
    """The front and the references, for programs."""
    return {
        **about.__dict__,
        "counts": {
            outcome.value: sum(record.outcome is outcome for record in records)
            for outcome in Outcome
        },
        "front": [record.to_json() for record in front_of(records)],
        "references": [record.to_json() for record in records if record.reference],
    }
