# SPDX-License-Identifier: Apache-2.0
"""What a report is made of: read from a study once, so that all of it is of one moment."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from hardware.cost.measurements import Measurement
from mpqsearch.export.table import board_measurements
from mpqsearch.front import front_of
from mpqsearch.front_answers import validation_samples
from mpqsearch.opened_study import OpenedStudy
from mpqsearch.picks import Pick, choose
from mpqsearch.report.uncertainty import Uncertainty, uncertainty_of
from mpqsearch.storage import About
from mpqsearch.study_file import StudySpec
from mpqsearch.trials import Outcome, TrialRecord

NAMED_PICKS = (Pick.BEST, Pick.KNEE, Pick.SMALLEST, Pick.FASTEST)
COMPARED_WITH = "uniform 8"


@dataclass(frozen=True)
class Contents:
    """A study as a report shows it.

    Attributes:
        about: What the study says of itself.
        records: Every candidate with figures that can be drawn.
        unreadable: How many others there are: with figures that are no numbers.
        times: When each trial began and ended, by its number.
        running: Trials that are being evaluated.
        spec: The study's settings; None where they cannot be read.
        spec_problem: Why.
        study_text: The resolved study file; empty where there is none.
        environment: Versions, commit and machine of the run; empty where not kept.
        measured: What was measured on boards.
        runs_option: ` --runs DIR`, as commands must have it; empty for the default folder.
        uncertainty: How sure the accuracies are.
        front: What no other candidate beats, best accuracy first.
        contenders: What may be on it by chance.
        dominated: What was scored besides, the references left out.
        picks: The members of the front that rules take; empty where it is.
    """

    about: About
    records: tuple[TrialRecord, ...]
    unreadable: int = 0
    times: Mapping[int, tuple[datetime, datetime]] = field(default_factory=dict)
    running: int = 0
    spec: StudySpec | None = None
    spec_problem: str = ""
    study_text: str = ""
    environment: Mapping[str, Any] = field(default_factory=dict)
    measured: tuple[Measurement, ...] = ()
    runs_option: str = ""
    uncertainty: Uncertainty = field(default_factory=Uncertainty)
    front: tuple[TrialRecord, ...] = field(init=False)
    contenders: tuple[TrialRecord, ...] = field(init=False)
    dominated: tuple[TrialRecord, ...] = field(init=False)
    picks: Mapping[Pick, TrialRecord] = field(init=False)

    def __post_init__(self) -> None:
        front = tuple(front_of(self.records))
        picks = {pick: choose(front, pick)[0] for pick in NAMED_PICKS} if front else {}
        apart = {record.candidate for record in (*front, *self.references)}
        others = [one for one in self.of(Outcome.SCORED) if one.candidate not in apart]
        near = self.uncertainty.on_front
        contenders = [one for one in others if one.candidate in near]
        dominated = [one for one in others if one.candidate not in near]
        object.__setattr__(self, "front", front)
        object.__setattr__(self, "contenders", tuple(contenders))
        object.__setattr__(self, "dominated", tuple(dominated))
        object.__setattr__(self, "picks", picks)

    @property
    def settings_text(self) -> str:
        """Why the study's settings are left out, in a sentence; empty where they are not."""
        return f"The study's settings cannot be read: {self.spec_problem}" * bool(self.spec_problem)

    def of(self, outcome: Outcome) -> list[TrialRecord]:
        """Candidates that came to this."""
        return [record for record in self.records if record.outcome is outcome]

    @property
    def references(self) -> list[TrialRecord]:
        """The uniform references that were trained, widest first."""
        return [record for record in self.of(Outcome.SCORED) if record.reference]

    @property
    def compared(self) -> TrialRecord | None:
        """The reference that picks are compared with."""
        found = (one for one in self.references if one.reference == COMPARED_WITH)
        return next(found, None)

    @property
    def named(self) -> dict[TrialRecord, str]:
        """The picks' candidates with their names, `smallest, fastest` where one is both."""
        found: dict[TrialRecord, list[str]] = {}
        for pick, record in self.picks.items():
            found.setdefault(record, []).append(pick.value)
        return {record: ", ".join(names) for record, names in found.items()}


def read_contents(opened: OpenedStudy, runs_option: str = "") -> Contents:
    """Reads everything a report needs; of what cannot be read the contents say why.

    Args:
        opened: The study.
        runs_option: What commands must say of the runs folder.
    """
    records = [record for record in opened.records if is_finite(record)]
    spec, problem = _spec(opened)
    return Contents(
        about=opened.about,
        records=tuple(records),
        unreadable=len(opened.records) - len(records),
        times=times_of(opened.trials),
        running=sum(trial.state is TrialState.RUNNING for trial in opened.trials),
        spec=spec,
        spec_problem=problem,
        study_text=_text(opened),
        environment=_environment(opened),
        measured=board_measurements(opened.folder.path / "export"),
        runs_option=runs_option,
        uncertainty=uncertainty_of(records, lambda: validation_samples(opened)),
    )


def is_finite(record: TrialRecord) -> bool:
    """Whether every figure of a record is a number: a damaged or foreign one may hold others."""
    rungs = (figure for rung in record.rungs for figure in rung)
    return all(map(math.isfinite, (*record.values, *record.seed_accuracies, *rungs)))


def times_of(trials: Iterable[FrozenTrial]) -> dict[int, tuple[datetime, datetime]]:
    """When each finished trial began and ended, by its number."""
    return {
        trial.number: (trial.datetime_start, trial.datetime_complete)
        for trial in trials
        if trial.datetime_start is not None and trial.datetime_complete is not None
    }


def _spec(opened: OpenedStudy) -> tuple[StudySpec | None, str]:
    try:
        return opened.spec, ""
    except (ValueError, OSError) as error:  # a task that moved, a file of another version
        return None, str(error)


def _text(opened: OpenedStudy) -> str:
    try:
        return opened.folder.study_path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _environment(opened: OpenedStudy) -> dict[str, Any]:
    try:
        found = json.loads(opened.folder.environment_path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
