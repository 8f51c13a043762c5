# SPDX-License-Identifier: Apache-2.0
"""The page's own table of candidates: what a pointer over one shows, and how it is exported."""

import html
import shlex
from collections.abc import Iterable, Iterator
from typing import Any

from mpqsearch.certainty_table import percent
from mpqsearch.report.contents import Contents
from mpqsearch.report.measures import ACCURACY, COSTS, PERCENT
from mpqsearch.report.scales import ERROR, error_of
from mpqsearch.report.style import Figure
from mpqsearch.report.uncertainty import Uncertainty
from mpqsearch.trials import Outcome, TrialRecord

FIELDS = ("label", "length", "bits", "hint", ERROR, *(measure.key for measure in COSTS))
"""What a row of the table holds, in order."""

HINTS = {
    Outcome.SCORED: "",
    Outcome.PRUNED: "Its training was stopped early; this trains it to its end.",
    Outcome.FAILED: "Its training failed; this trains it again.",
}
"""What to know before exporting; what does not fit is not exported."""


def export_command(contents: Contents) -> str:
    """The command that exports a candidate, but for its length and bits."""
    return f"mpqsearch export --study {shlex.quote(contents.about.study)}{contents.runs_option}"


def ids_in(figures: Iterable[Figure]) -> set[int]:
    """Candidates that figures show."""
    return {
        one for figure in figures for trace in figure.plot.data for one in _flat(trace.customdata)
    }


def _flat(nested: Any) -> Iterator[int]:
    for one in nested if nested is not None else ():
        if isinstance(one, int):
            yield one
        else:
            yield from _flat(one)


def rows_of(contents: Contents, ids: Iterable[int]) -> dict[str, list[Any]]:
    """Rows of the candidates that the page shows, by their places in the records."""
    named = {record.candidate: name for record, name in contents.named.items()}
    members = {record.candidate for record in contents.front}
    found = {}
    for at in sorted(ids):
        record = contents.records[at]
        candidate = record.candidate
        standing = ["front"] if candidate in members else []
        standing += filter(None, (named.get(candidate, ""), html.escape(record.reference)))
        found[str(at)] = [
            _label(record, standing, contents.uncertainty),
            candidate.input_length,
            candidate.bits_text,
            HINTS.get(record.outcome),
            error_of(record.accuracy),
            *(measure.of(record) for measure in COSTS),
        ]
    return found


def _label(record: TrialRecord, standing: list[str], uncertainty: Uncertainty) -> str:
    """A candidate in a few short lines, with nothing in them that HTML would take for its own."""
    trial = "" if record.number is None else f" · trial {record.number}"
    lines = [f"<b>{record.candidate}</b>{trial}"]
    if standing:
        lines.append(", ".join(standing))
    if record.outcome is Outcome.SCORED:
        lines.append(_accuracies(record))
        lines += filter(None, [_certainty(record, uncertainty)])
    elif record.message:
        lines.append(html.escape(_short(record.message)))
    lines.append(" · ".join(cost.text_of(record) for cost in COSTS))
    return "<br>".join(lines)


def _accuracies(record: TrialRecord) -> str:
    said = f"accuracy {ACCURACY.text_of(record)}"
    if len(record.seed_accuracies) > 1:
        said += f", a mean of {len(record.seed_accuracies)} seeds"
    if record.test_accuracy is not None:
        said += f", {ACCURACY.text(PERCENT * record.test_accuracy)} test"
    return said


def _certainty(record: TrialRecord, uncertainty: Uncertainty) -> str:
    interval = uncertainty.intervals.get(record.candidate)
    if interval is None:
        return ""
    low, high = (PERCENT * bound for bound in interval)
    on_front = html.escape(percent(uncertainty.on_front[record.candidate]))
    return f"95 % interval {low:.2f} to {high:.2f} %; on the front: {on_front}"


def _short(message: str) -> str:
    return message if len(message) <= 90 else f"{message[:90]}..."
