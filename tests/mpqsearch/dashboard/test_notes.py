# SPDX-License-Identifier: Apache-2.0
"""Notes: what they say of each outcome, and that Markdown leaves it as it is."""

import dataclasses

from optuna.trial import TrialState, create_trial

from mpqsearch.dashboard.attributes import attributes_of, columns_of
from mpqsearch.dashboard.notes import study_note, trial_note, unfinished_note
from mpqsearch.trials import Outcome
from tests.mpqsearch.report.made_up import contents, record, records

FOUND = contents(records(20), runs_option=" --runs 'my runs'")


def test_a_note_holds_all_that_is_known() -> None:
    """Costs with their origin, seeds, rungs, test accuracy, standing, and how to export it."""
    scored = record(
        60, "8-4-2-1", 0.95, number=3, seed_accuracies=(0.96, 0.94), test_accuracy=0.931
    )
    note = trial_note(scored, ["on the front", "knee"], FOUND)
    assert "**60 8-4-2-1**: trained to the end, on the front, knee" in note
    assert (
        "| accuracy | 95.00\u00a0% | validation split, integer network, mean of 2 seeds |" in note
    )
    assert "| test accuracy | 93.10\u00a0% |" in note
    assert "| latency | 88.0\u00a0µs | analytic |" in note
    assert "| size | 1,000\u00a0B | weights and biases, counted |" in note
    assert "| 96.00\u00a0% |" in note.partition("seeds:")[2]
    assert "| 50.0% | 85.50\u00a0% |" in note
    assert (
        "mpqsearch export --study 'made up' --runs 'my runs' --length 60 --bits 8-4-2-1\n" in note
    )


def test_a_note_says_how_a_trial_ended() -> None:
    """Stopped early and failed with what an export would do; what does not fit has none."""
    scored = record(60, "8-4-2-1", 0.95, number=3)
    pruned = dataclasses.replace(scored, outcome=Outcome.PRUNED, saved_seconds=2.5)
    assert "stopping saved 2.5 s" in trial_note(pruned, (), FOUND)
    assert "this trains it to its end" in trial_note(pruned, (), FOUND)
    assert "at the last rung" in trial_note(pruned, (), FOUND)
    message = "weights: 9 of 8 ```<b>* ~a~"
    misfit = dataclasses.replace(
        scored, outcome=Outcome.INFEASIBLE, accuracy=0.0, rungs=(), message=message
    )
    note = trial_note(misfit, (), FOUND)
    assert "does not fit the chip, never trained" in note
    assert "```\nweights: 9 of 8 '''<b>* ~a~\n```" in note
    assert "mpqsearch export" not in note
    assert "| accuracy" not in note
    failed = dataclasses.replace(misfit, outcome=Outcome.FAILED, message="RuntimeError: told to")
    assert "RuntimeError: told to" in trial_note(failed, (), FOUND)
    assert "| accuracy" not in trial_note(failed, (), FOUND)


def test_a_trial_without_figures_says_why() -> None:
    """Running and by whom, queued, proposed again, or given up."""
    attributes = {"worker": "box:77"}
    running = create_trial(state=TrialState.RUNNING, user_attrs=attributes)
    assert unfinished_note(running) == "Being evaluated by box:77."
    assert unfinished_note(create_trial(state=TrialState.WAITING)) == "Queued."
    assert "Proposed again" in unfinished_note(create_trial(state=TrialState.PRUNED))
    assert "Given up" in unfinished_note(create_trial(state=TrialState.FAIL))


def test_a_study_s_note_shows_its_picks() -> None:
    """What was found, *SYNTHETIC* where it is, the picks, and the commands that say more."""
    note = study_note(FOUND)
    assert "20 of 25,600 candidates were tried" in note
    assert r"**SYNTHETIC DATA**: nobody \<measured\> these" in note
    assert "| knee" in note
    assert "\\~" in note
    assert "mpqsearch report --study 'made up' --runs 'my runs'\n" in note
    assert "| pick |" not in study_note(contents([]))


def test_attributes_are_figures_one_by_one() -> None:
    """Those of the storage that no record holds stay; a column of figures can be sorted by."""
    scored = record(60, "8-4-2-1", 0.95, number=3, test_accuracy=0.931)
    stored = {"details": {"rungs": []}, "candidate": "60 8-4-2-1", "worker": "box:77"}
    found = attributes_of(scored, stored)
    assert found["worker"] == "box:77"
    assert "details" not in found
    assert (found["seed accuracies (%)"], found["test accuracy (%)"]) == ("95.00", "93.10")
    columns = {one["key"]: one["sortable"] for one in columns_of([found])}
    assert columns["test accuracy (%)"]
    assert not columns["candidate"]
    twice = columns_of([found, {"test accuracy (%)": "unknown"}])
    assert {"key": "test accuracy (%)", "sortable": False} in twice
