# SPDX-License-Identifier: Apache-2.0
"""Notes in Markdown: of a trial, all that is known of it; of a study, what came out so far."""

import re
import shlex
from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from mpqsearch.report.candidates import HINTS, export_command
from mpqsearch.report.contents import Contents
from mpqsearch.report.measures import ACCURACY, COSTS, ENERGY, LATENCY, PERCENT
from mpqsearch.report.summary import accuracy_text, headline, pick_rows
from mpqsearch.trials import WORKER, Outcome, TrialRecord

CAME_TO = {
    Outcome.SCORED: "trained to the end",
    Outcome.PRUNED: "stopped early",
    Outcome.INFEASIBLE: "does not fit the chip, never trained",
    Outcome.FAILED: "failed",
}


def trial_note(record: TrialRecord, standing: Sequence[str], contents: Contents) -> str:
    """What is known of a trial.

    Args:
        record: What it came to.
        standing: Its roles, as `front` and `knee`.
        contents: Its study, for the seeds and the commands.
    """
    said = ", ".join(filter(None, (CAME_TO[record.outcome], *standing, _plain(record.reference))))
    parts = [f"**{record.candidate}**: {said}"]
    if record.message:
        parts.append(_fenced(record.message))
    parts.append(_figures(record, contents))
    if len(record.seed_accuracies) > 1:
        parts.append(_seeds(record, contents))
    if record.rungs:
        parts.append(_rungs(record))
    if record.proposed_by:
        parts.append(f"Proposed by the baseline {_plain(record.proposed_by)}.")
    if record.outcome is not Outcome.INFEASIBLE:
        candidate = record.candidate
        command = f"{export_command(contents)} --length {candidate.input_length}"
        parts.append(f"Export it:\n\n{_fenced(f'{command} --bits {candidate.bits_text}')}")
        parts += filter(None, [HINTS[record.outcome]])
    return "\n\n".join(parts)


def unfinished_note(trial: FrozenTrial) -> str:
    """Why a trial has no figures."""
    worker = f" by {_plain(str(trial.user_attrs[WORKER]))}" if trial.user_attrs.get(WORKER) else ""
    if trial.state is TrialState.RUNNING:
        return f"Being evaluated{worker}."
    if trial.state is TrialState.WAITING:
        return "Queued."
    if trial.state is TrialState.PRUNED:
        return "Proposed again: its candidate was known, and nothing was trained for it."
    return "Given up: its run ended before it did. Its candidate is tried again."


def study_note(contents: Contents) -> str:
    """What a study found so far."""
    about = contents.about
    kind = "**SYNTHETIC DATA**: " if about.synthetic else ""
    parts = [
        _plain(headline(contents)),
        f"Data: {kind}{_plain(about.source)}",
        _plain(f"Costs: {about.mode}. {accuracy_text(contents)}"),
        _plain(f"Bits: {'-'.join(about.layer_names)}"),
    ]
    rows = pick_rows(contents)
    if rows:
        heads = ("pick", "candidate", *(cell.heading for cell in rows[0].cells))
        lines = [
            (row.name, str(row.record.candidate), *(c.text for c in row.cells)) for row in rows
        ]
        parts.append(_table(heads, [[_plain(cell) for cell in line] for line in lines]))
    asked = f"--study {shlex.quote(about.study)}{contents.runs_option}"
    parts.append(_fenced(f"mpqsearch front {asked}\nmpqsearch report {asked}"))
    return "\n\n".join(parts)


def _figures(record: TrialRecord, contents: Contents) -> str:
    """The objectives, each with where it comes from."""
    rows = []
    if record.outcome in (Outcome.SCORED, Outcome.PRUNED):
        rows.append(
            ["accuracy", ACCURACY.text(ACCURACY.of(record)), _accuracy_of(record, contents)]
        )
    if record.test_accuracy is not None:
        text = ACCURACY.text(PERCENT * record.test_accuracy)
        rows.append(["test accuracy", text, "test split; reported only"])
    for cost in COSTS:
        origin = (
            _plain(record.cost_origin)
            if cost in (LATENCY, ENERGY)
            else "weights and biases, counted"
        )
        rows.append([cost.name, cost.text(cost.of(record)), origin])
    if record.train_seconds:
        saved = f"; stopping saved {record.saved_seconds:.1f} s" if record.saved_seconds else ""
        rows.append(["training", f"{record.train_seconds:.1f} s", f"wall time{saved}"])
    return _table(("", "", "origin"), rows)


def _accuracy_of(record: TrialRecord, contents: Contents) -> str:
    """What an accuracy is of."""
    if contents.about.imported:
        return _plain(contents.about.imported)
    if record.outcome is Outcome.PRUNED:
        return "validation split, integer network, at the last rung"
    seeds = len(record.seed_accuracies)
    mean = f", mean of {seeds} seeds" if seeds > 1 else ""
    return f"validation split, integer network{mean}"


def _seeds(record: TrialRecord, contents: Contents) -> str:
    rows = []
    for number, accuracy in enumerate(record.seed_accuracies):
        seed = f"+{number}" if contents.spec is None else str(contents.spec.seed + number)
        rows.append([seed, ACCURACY.text(PERCENT * accuracy)])
    first = " (from the study's)" if contents.spec is None else ""
    return f"At its seeds:\n\n{_table((f'seed{first}', 'accuracy'), rows)}"


def _rungs(record: TrialRecord) -> str:
    rows = [[f"{share:.1%}", ACCURACY.text(PERCENT * at)] for share, at in record.rungs]
    heads = ("QAT done", "accuracy, first seed")
    return f"At the rungs of its training:\n\n{_table(heads, rows)}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(text: str) -> str:
    """Text that Markdown, and HTML within it, takes for nothing but text: one line."""
    return re.sub(r"([!\"$&*<>\[\\\]`_{|}~#])", r"\\\1", re.sub(r"[\r\n\t]+", " ", text))


def _fenced(text: str) -> str:
    """Text as it is, whatever Markdown would make of it."""
    return f"```\n{text.replace('```', chr(39) * 3)}\n```"
