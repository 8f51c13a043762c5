# SPDX-License-Identifier: Apache-2.0
"""User attributes as people read them: a figure each, where the storage has few and large ones."""

from collections.abc import Mapping, Sequence
from typing import Any

from mpqsearch.report.measures import ACCURACY, PERCENT
from mpqsearch.storage import About
from mpqsearch.trials import PROPOSED_BY, TrialRecord

STORED = frozenset({"candidate", "outcome", "details", PROPOSED_BY})
"""Attributes of a trial that its record was read from."""


def attributes_of(record: TrialRecord | None, stored: Mapping[str, Any]) -> dict[str, str]:
    """A trial's attributes.

    Args:
        record: What it came to; None where it has not finished.
        stored: Its attributes in the storage, of which others than the record's are kept.
    """
    others = {name: str(value) for name, value in stored.items() if name not in STORED}
    if record is None:
        return others
    tested = record.test_accuracy
    known = {
        "candidate": str(record.candidate),
        "outcome": record.outcome.value,
        "reference": record.reference,
        "seed accuracies (%)": ", ".join(_percent(one) for one in record.seed_accuracies),
        "test accuracy (%)": "" if tested is None else _percent(tested),
        "cost origin": record.cost_origin,
        "training (s)": f"{record.train_seconds:.2f}",
        "saved (s)": f"{record.saved_seconds:.2f}" if record.saved_seconds else "",
        "proposed by": record.proposed_by,
        "message": record.message,
    }
    return {name: text for name, text in known.items() if text} | others


def study_attributes(about: About) -> dict[str, str]:
    """A study's attributes."""
    found = {
        "data": f"SYNTHETIC: {about.source}" if about.synthetic else about.source,
        "costs": about.mode,
        "layers": "-".join(about.layer_names),
        "candidates in the space": str(about.candidates),
        "imported": about.imported,
    }
    return {name: text for name, text in found.items() if text}


def as_answer(attributes: Mapping[str, str]) -> list[dict[str, str]]:
    """Attributes as optuna-dashboard sends them."""
    return [{"key": name, "value": value} for name, value in attributes.items()]


def columns_of(trials: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Every attribute there is, as optuna-dashboard names columns; figures can be sorted by."""
    found: dict[str, bool] = {}
    for attributes in trials:
        for name, value in attributes.items():
            found[name] = found.get(name, True) and _is_figure(value)
    return [{"key": name, "sortable": figure} for name, figure in found.items()]


def _is_figure(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _percent(share: float) -> str:
    return f"{PERCENT * share:.{ACCURACY.decimals}f}"
