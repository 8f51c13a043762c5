# SPDX-License-Identifier: Apache-2.0
"""The report's first lines: what was searched, and the picks beside uniform 8 bits."""

from dataclasses import dataclass

from mpqsearch.certainty_table import percent
from mpqsearch.picks import Pick
from mpqsearch.report.contents import Contents
from mpqsearch.report.measures import ACCURACY, COSTS, MEASURES, PERCENT, Measure
from mpqsearch.terminal import nothing_scored
from mpqsearch.trials import Outcome, TrialRecord

COUNTED = {
    Outcome.SCORED: "trained to the end",
    Outcome.PRUNED: "stopped early",
    Outcome.INFEASIBLE: "do not fit the chip",
    Outcome.FAILED: "failed",
}
"""How the summary counts what candidates came to."""

MOST_TIES = 6
"""Of a pick, named one by one."""


@dataclass(frozen=True)
class Cell:
    """One figure of a table.

    Attributes:
        heading: What it is, with its unit.
        text: The figure.
        change: The same against uniform 8 bits; empty where there is none to compare with.
        better: Whether that is a gain; None where nothing changed or compares.
    """

    heading: str
    text: str
    change: str = ""
    better: bool | None = None


@dataclass(frozen=True)
class Row:
    """One candidate of a table.

    Attributes:
        name: What it was picked for, or what it is a reference of.
        record: The candidate.
        cells: Its figures.
    """

    name: str
    record: TrialRecord
    cells: tuple[Cell, ...]


def headline(contents: Contents) -> str:
    """What was searched and what came out, in a few sentences."""
    records, front = contents.records, contents.front
    tried = sum(record.number is not None for record in records)
    words = {**COUNTED, Outcome.SCORED: "imported"} if contents.about.imported else COUNTED
    counts = {what: len(contents.of(outcome)) for outcome, what in words.items()}
    listed = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    said = f"{tried:,} of {contents.about.candidates:,} candidates were tried"
    said += f": {listed}. " if listed else ". "
    if not front:
        return said + nothing_scored(records)
    if len(front) == 1:
        return said + f"One, {front[0].candidate}, beats all others.{_gain(contents)}"
    return (
        f"{said}{len(front):,} make up the front: none of them beats another in accuracy, latency,"
        f" energy and size at once.{_gain(contents)}"
    )


def accuracy_text(contents: Contents) -> str:
    """What the accuracies are."""
    if contents.about.imported:
        return f"Accuracy: {contents.about.imported}."
    return (
        "Accuracy is that of the integer network on the validation split, which chooses; test"
        " accuracy is reported only."
    )


def _gain(contents: Contents) -> str:
    """What the knee saves against uniform 8 bits."""
    reference, knee = contents.compared, contents.picks[Pick.KNEE]
    if reference is None or reference.candidate == knee.candidate:
        return ""
    saved = [f"{_less(cost, knee, reference)} {cost.name}" for cost in COSTS]
    points = ACCURACY.of(knee) - ACCURACY.of(reference)
    word = "more" if points > 0 else "less"
    return (
        f" The knee, {knee.candidate}, takes {', '.join(saved[:-1])} and {saved[-1]} than uniform 8"
        f" bits at the longest input, and has {abs(points):.2f} points {word} accuracy."
    )


def _less(cost: Measure, record: TrialRecord, reference: TrialRecord) -> str:
    saved = 1 - cost.of(record) / (cost.of(reference) or 1.0)
    if not saved:
        return "the same"
    return f"{percent(abs(saved))} {'less' if saved >= 0 else 'more'}"


def pick_rows(contents: Contents) -> list[Row]:
    """The picks, and uniform 8 bits to compare with."""
    reference = contents.compared
    rows = [Row(name, record, _cells(record, reference)) for record, name in contents.named.items()]
    if reference is not None and reference not in contents.named:
        rows.append(Row(reference.reference, reference, _cells(reference, None)))
    return rows


def front_rows(contents: Contents) -> list[Row]:
    """Every member of the front, and the references that are beaten."""
    named = contents.named
    rows = []
    for record in contents.front:
        name = ", ".join(filter(None, (named.get(record, ""), record.reference)))
        rows.append(Row(name, record, (*_cells(record, None), _sure(contents, record))))
    members = {record.candidate for record in contents.front}
    for record in contents.references:
        if record.candidate not in members:
            cells = (*_cells(record, None), _sure(contents, record))
            rows.append(Row(f"{record.reference}: beaten", record, cells))
    return rows


@dataclass(frozen=True)
class TiedPick:
    """A pick, and who differs from it in accuracy by no more than chance.

    Attributes:
        name: What it was picked for.
        others: The smallest of them, smallest first.
        more: How many there are besides.
    """

    name: str
    others: tuple[TrialRecord, ...]
    more: int


def ties_of(contents: Contents) -> list[TiedPick]:
    """The ties of the picks that have any."""
    found = []
    for record, name in contents.named.items():
        ties = contents.uncertainty.ties.get(record.candidate, ())
        if ties:
            found.append(TiedPick(name, tuple(ties[:MOST_TIES]), max(0, len(ties) - MOST_TIES)))
    return found


def _sure(contents: Contents, record: TrialRecord) -> Cell:
    known = contents.uncertainty.on_front.get(record.candidate)
    return Cell("on the front", "\u2013" if known is None else percent(known))


def _cells(record: TrialRecord, reference: TrialRecord | None) -> tuple[Cell, ...]:
    cells = [_cell(measure, record, reference) for measure in MEASURES]
    tested = record.test_accuracy
    text = "\u2013" if tested is None else ACCURACY.text(PERCENT * tested)
    return (cells[0], Cell("test accuracy", text), *cells[1:])


def _cell(measure: Measure, record: TrialRecord, reference: TrialRecord | None) -> Cell:
    text = measure.text_of(record)
    if reference is None or record.candidate == reference.candidate:
        return Cell(measure.name, text)
    difference = measure.of(record) - measure.of(reference)
    if not difference:
        return Cell(measure.name, text, "the same")
    change = f"{difference:+.2f}\u00a0points"
    if not measure.is_accuracy:
        share = PERCENT * difference / (measure.of(reference) or 1.0)
        change = f"{share:+.{0 if abs(share) >= 1 else 1}f}\u00a0%"
    better = (difference > 0) is measure.is_accuracy
    return Cell(measure.name, text, change.replace("-", "\u2212"), better)
