# SPDX-License-Identifier: Apache-2.0
"""A recorded sweep as a finished study: its front, the dashboard and reports show it."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna
from optuna.trial import FrozenTrial

from hardware.candidate import Candidate
from hardware.cost.model import Cost, CostModel
from mpqsearch.backend import storage_errors
from mpqsearch.environment import describe_environment
from mpqsearch.errors import StudyError
from mpqsearch.run_folder import RunFolder
from mpqsearch.storage import IMPORTED_TABLE, About, open_study, records_of
from mpqsearch.study_file import StudySpec
from mpqsearch.sweep import Sweep
from mpqsearch.sweep_table import SweepRow, SweepTable
from mpqsearch.task_file import identity_of
from mpqsearch.trials import FIT_CONSTRAINT, STATES, Outcome, TrialRecord


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes:
        about: What the study rests on.
        records: Every candidate it knows now.
        added: Candidates that were not there before.
    """

    about: About
    records: list[TrialRecord]
    added: int


def import_sweep(table: SweepTable, spec: StudySpec, runs: Path) -> Imported:
    """Brings a sweep into a run folder; what is there already is left as it is.

    Every row is checked before anything is written. Each candidate is written as a whole, so an
    import that was interrupted goes on when it is repeated.

    Args:
        table: The sweep.
        spec: The study it is of: its space, and the cost model that prices its candidates.
        runs: Folder of the run folders.

    Raises:
        StudyError: for a row that is not of the study's space, by its line, or a run that holds
            something else.
        RunFolderError: for a run folder that cannot be written or is in use.
    """
    table = table.in_layer_order(spec.space.layer_names, "the study")
    for row in table.rows:
        _check_row(row, table.path, spec)
    sweep = Sweep.of(table)
    trials = dict(_trials(sweep, spec))
    about = _about(table, sweep, spec)
    folder = RunFolder(runs, spec.name)
    with folder.held():
        study = open_study(folder, about, _fingerprint(table, spec))
        folder.write_study(spec.resolved())
        origin = {"file": table.path.name, "sha256": table.sha256}
        folder.write_environment({**describe_environment(), "imported": origin})
        with storage_errors(folder):
            known = {record.candidate for record in records_of(study)}
            missing = [trial for candidate, trial in trials.items() if candidate not in known]
            study.add_trials(missing)
            return Imported(about, records_of(study), len(missing))


def _check_row(row: SweepRow, path: Path, spec: StudySpec) -> None:
    """Raises StudyError, with the line and what is allowed, for a row outside the space."""
    space, candidate = spec.space, row.candidate
    named = [("input length", candidate.input_length, space.input_lengths)]
    named += [
        (f"bits of {name}", width, allowed)
        for name, width, allowed in zip(
            space.layer_names, candidate.bits, space.layer_bits, strict=True
        )
    ]
    for what, value, allowed in named:
        if value not in allowed:
            raise StudyError(
                f"sweep {path}, line {row.line}: {what} must be one of"
                f" {', '.join(map(str, allowed))}, the study's space, but is {value}; nothing was"
                " imported: a copy of the study file with a larger space takes it"
            )


def _trials(sweep: Sweep, spec: StudySpec) -> Iterator[tuple[Candidate, FrozenTrial]]:
    """The finished trial of each candidate."""
    model = CostModel(spec.chip, spec.calibration)
    references = {candidate: name for name, candidate in spec.space.references}
    for candidate in sweep.space:
        network = spec.task.checked_network(candidate.input_length)
        cost = model.cost(network, candidate.bits)
        record = _record(sweep, candidate, cost, references.get(candidate, ""))
        yield (
            candidate,
            optuna.trial.create_trial(
                state=STATES[record.outcome],
                values=record.values,
                params=spec.space.parameters(candidate),
                distributions=spec.space.distributions(),
                user_attrs=record.attributes(),
                constraints={FIT_CONSTRAINT: max(cost.overflow, 0.0)},
            ),
        )


def _record(sweep: Sweep, candidate: Candidate, cost: Cost, reference: str) -> TrialRecord:
    """The record as a search would have written it."""
    rows = _comparable(sweep, candidate)
    if not cost.fits:
        return TrialRecord.priced(
            None,
            candidate,
            cost,
            outcome=Outcome.INFEASIBLE,
            accuracy=0.0,
            reference=reference,
            message=str(cost.worst_demand),
        )
    return TrialRecord.priced(
        None,
        candidate,
        cost,
        outcome=Outcome.SCORED,
        accuracy=float(np.mean([row.accuracy for row in rows])),
        seed_accuracies=tuple(row.accuracy for row in rows),
        train_seconds=sum(row.train_seconds for row in rows) if sweep.timed else 0.0,
        reference=reference,
    )


def _comparable(sweep: Sweep, candidate: Candidate) -> list[SweepRow]:
    """A candidate's trainings, the most common seed first, up to the first seed it lacks.

    Records compare seed by seed, by their place in the list.

    Raises:
        StudyError: where it lacks the most common seed.
    """
    rows = sweep.trainings[candidate]
    order = sweep.common_seeds_first
    if order[0] not in rows:
        raise StudyError(
            f"the sweep has no training of {candidate} at seed {order[0]}, which most others have:"
            " they would not compare; take the candidate or that seed out of the table"
        )
    return [rows[seed] for seed in itertools.takewhile(rows.__contains__, order)]


def _about(table: SweepTable, sweep: Sweep, spec: StudySpec) -> About:
    trainings = f"{len(table.rows):,} trainings of {sweep.space.size:,} candidates"
    seeds = ""
    if table.columns.seed:
        seeds = f" at seeds {', '.join(map(str, sweep.seeds[:5]))}"
        seeds += f" and {len(sweep.seeds) - 5} more" if len(sweep.seeds) > 5 else ""
    uneven = ""
    if sweep.short_of_seeds:
        uneven = (
            f"; {sweep.short_of_seeds:,} candidates lack some seeds: what follows the first they"
            " lack is left out, since candidates compare seed by seed"
        )
    return About(
        study=spec.name,
        source=f"imported from {table.path.name} (SHA-256 {table.sha256[:16]}), {trainings}{seeds}"
        f"{uneven}",
        synthetic=False,
        mode=str(CostModel(spec.chip, spec.calibration).mode),
        layer_names=spec.space.layer_names,
        candidates=spec.space.size,
        imported=f"{table.columns.accuracy_text} as recorded",
    )


def _fingerprint(table: SweepTable, spec: StudySpec) -> dict[str, object]:
    """What must not change while an import goes on; a table may be renamed."""
    calibration = spec.calibration
    calibrated = {} if calibration is None else {"calibration": calibration.rows_hash}
    return {
        IMPORTED_TABLE: f"SHA-256 {table.sha256[:16]}, accuracy {table.columns.accuracy}",
        "task": identity_of(spec.task_name),
        "chip": spec.chip.name,
        **calibrated,
        "space": spec.resolved()["space"],
    }
