# SPDX-License-Identifier: Apache-2.0
"""optuna-dashboard's answers about a study, with names, notes, constraints, figures and files."""

from collections.abc import Sequence
from typing import Any

from mpqsearch.dashboard.attachments import Attachment
from mpqsearch.dashboard.attributes import as_answer, attributes_of, columns_of, study_attributes
from mpqsearch.dashboard.notes import study_note, trial_note, unfinished_note
from mpqsearch.dashboard.view import Reading, View
from mpqsearch.front import front_of
from mpqsearch.report.measures import COSTS
from mpqsearch.trials import Outcome, TrialRecord

OBJECTIVE_NAMES = ("accuracy (0 to 1)", *(f"{cost.name} ({cost.unit})" for cost in COSTS))
"""As people read them; the storage's own are the records' fields."""


def complete(answer: dict[str, Any], view: View, files: Sequence[Attachment]) -> None:
    """Adds to an answer about the study what optuna-dashboard does not know of it.

    Args:
        answer: The answer, changed in place.
        view: The study.
        files: What can be downloaded.
    """
    reading = view.read()
    members = {one.candidate for one in front_of(reading.records.values())}
    named = {record.candidate: name for record, name in view.contents.named.items()}
    for shown in (*answer["trials"], *answer["best_trials"]):
        record = reading.records.get(shown["number"])
        standing = []
        if record is not None and record.candidate in members:
            standing = ["on the front", *filter(None, [named.get(record.candidate)])]
        _complete_trial(shown, reading, standing, view, files)
    # What does not fit is in Optuna a finished trial of accuracy 0, and may be the cheapest.
    answer["best_trials"] = [
        shown for shown in answer["best_trials"] if _fits(reading.records.get(shown["number"]))
    ]
    answer["objective_names"] = list(OBJECTIVE_NAMES)
    answer["user_attrs"] = as_answer(study_attributes(view.opened.about))
    attributes = [
        attributes_of(reading.records.get(number), trial.user_attrs)
        for number, trial in reading.trials.items()
    ]
    answer["union_user_attrs"] = columns_of(attributes)
    _note(answer, study_note(view.contents))
    picks = {_pick(record) for record in reading.records.values()}
    answer["artifacts"] += [file.as_answer() for file in files if file.pick not in picks]
    answer["plotly_graph_objects"] += [
        {"id": name, "graph_object": plot} for name, plot in view.figures.items()
    ]


def _complete_trial(
    shown: dict[str, Any],
    reading: Reading,
    standing: Sequence[str],
    view: View,
    files: Sequence[Attachment],
) -> None:
    trial = reading.trials.get(shown["number"])
    if trial is None:  # it came between the two readings
        return
    record = reading.records.get(trial.number)
    shown["user_attrs"] = as_answer(attributes_of(record, trial.user_attrs))
    # Optuna keeps constraints by name since 5.0, where optuna-dashboard does not look for them.
    shown["constraints"] = shown["constraints"] or list(trial.constraints.values())
    if record is None:
        _note(shown, unfinished_note(trial))
        return
    _note(shown, trial_note(record, standing, view.contents))
    shown["artifacts"] += [file.as_answer() for file in files if file.pick == _pick(record)]


def _note(shown: dict[str, Any], text: str) -> None:
    """Puts a note where nobody has written one: who edits ours saves it as his own."""
    if not shown["note"]["version"]:
        shown["note"] = {"version": 0, "body": text}


def _fits(record: TrialRecord | None) -> bool:
    return record is None or record.outcome is not Outcome.INFEASIBLE


def _pick(record: TrialRecord) -> str:
    """The name of a candidate's export."""
    return f"{record.candidate.input_length}-{record.candidate.bits_text}"
