# SPDX-License-Identifier: Apache-2.0
"""The study in Optuna's storage: opened, checked against the request, read as records."""

import dataclasses
import json
import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hardware.nearest import nearest_of
from mpqsearch.backend import check_owner, opening, storage_of
from mpqsearch.board_figures import BoardFigures
from mpqsearch.claims import finish_trial
from mpqsearch.errors import StudyError
from mpqsearch.printable import printable_all
from mpqsearch.run_folder import RunFolder
from mpqsearch.trials import DIRECTIONS, OBJECTIVES, STATES, TrialRecord, record_of

logger = logging.getLogger(__name__)

optuna.logging.set_verbosity(optuna.logging.WARNING)

IMPORTED_TABLE = "imported_table"
"""Part of the fingerprint of a study whose candidates were imported, not trained."""

_ABOUT = "about"
_FINGERPRINT = "fingerprint"
_TEST_ACCURACY = "test_accuracy:"
_REFERENCE = "reference:"
_FURTHER_SEEDS = "further_seeds:"
_CONFIRM_ROUND = "confirm_round"
_BOARD = "board:"
_SIMULATED_BOARD = "simulated_board:"


@dataclass(frozen=True)
class About:
    """What a table or plot of a study has to say beside its figures.

    Attributes:
        study: The study's name.
        source: Where the data come from, in words.
        synthetic: True where they were computed, not recorded.
        mode: Chip, clock and voltage of the costs, in words.
        layer_names: What the bits stand for, in order.
        candidates: Size of the search space.
        imported: Where the candidates were imported, not trained: what their accuracies are.
    """

    study: str
    source: str
    synthetic: bool
    mode: str
    layer_names: tuple[str, ...]
    candidates: int
    imported: str = ""


def open_study(folder: RunFolder, about: About, fingerprint: dict[str, Any]) -> Study:
    """Opens the run's study, or makes it.

    Args:
        folder: The run's.
        about: What tables of the study say.
        fingerprint: What it must have been made of.

    Raises:
        StudyError: where the storage holds another study, task, recipe or space.
        RunFolderError: where the storage cannot be read or written.
    """
    with opening(folder):
        if not folder.shared:
            check_owner(folder.storage_path)
        storage = storage_of(folder)
        names = optuna.get_all_study_names(storage)
        if names and about.study not in names and not folder.shared:
            raise StudyError(
                f"storage {folder.storage_path} holds the study {names[0]!r}, not {about.study!r};"
                " use another --runs folder or --name"
            )
        study = optuna.create_study(
            study_name=about.study,
            storage=storage,
            directions=DIRECTIONS,
            load_if_exists=True,
        )
        known = study.user_attrs.get(_FINGERPRINT)
        if known is None and study.get_trials(deepcopy=False):
            known = study.user_attrs.get(_FINGERPRINT)  # of another run that was faster
            if known is None:
                raise StudyError(
                    f"storage {folder.storage_text} holds a study {about.study!r} that mpqsearch"
                    " did not make; use another --name"
                )
        if known is None:
            with warnings.catch_warnings():
                # Naming the objectives is experimental in Optuna since 3.2; without it the
                # dashboard calls them "Objective 0" to 3.
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                study.set_metric_names(list(OBJECTIVES))
            study.set_user_attr(_ABOUT, {**about.__dict__, "layer_names": list(about.layer_names)})
            study.set_user_attr(_FINGERPRINT, fingerprint)
        else:
            check_fingerprint(study, folder, fingerprint)
        return study


def check_fingerprint(study: Study, folder: RunFolder, fingerprint: dict[str, Any]) -> None:
    """Raises StudyError where a study was made of another task, data, recipe, chip or space."""
    known = study.user_attrs.get(_FINGERPRINT, {})
    if known != json.loads(json.dumps(fingerprint)):
        raise StudyError(_difference(folder, known, fingerprint))


def open_finished(folder: RunFolder, study: str) -> Study:
    """Opens a run's study, to read it or to work on it.

    Raises:
        StudyError: where there is none.
        RunFolderError: where the storage cannot be read.
    """
    if not folder.shared and not folder.storage_path.is_file():
        runs = sorted(path.parent.name for path in folder.path.parent.glob("*/study.db"))
        raise StudyError(
            f"no run of study {study!r} in {folder.path.parent}; there are"
            f" {', '.join(runs) or 'none'}, mpqsearch run --study starts one"
            f"{nearest_of(study, runs)}"
        )
    with opening(folder):
        if not folder.shared and not check_owner(folder.storage_path):
            raise StudyError(f"storage {folder.storage_path} is empty: no run has begun there")
        try:
            return optuna.load_study(study_name=study, storage=storage_of(folder))
        except KeyError:
            raise StudyError(
                f"storage {folder.storage_text} holds no study called {study!r}"
            ) from None


def about_of(study: Study) -> About:
    """What the study says of itself."""
    written = printable_all(study.user_attrs.get(_ABOUT, {}))
    if not written:
        raise StudyError(f"study {study.study_name!r} was not made by mpqsearch")
    try:
        return About(**{**written, "layer_names": tuple(written["layer_names"])})
    except (KeyError, TypeError):
        raise _another_version(study) from None


def records_of(study: Study) -> list[TrialRecord]:
    """Every candidate the study knows, once, references outside the space last.

    Raises:
        StudyError: where another version wrote them.
    """
    try:
        return _latest(_all_records(study))
    except (KeyError, TypeError, ValueError):
        raise _another_version(study) from None


def keep_reference(study: Study, record: TrialRecord) -> None:
    """Keeps a reference that lies outside the search space, where Optuna has no place for it."""
    study.set_user_attr(_REFERENCE + record.reference, record.attributes())


def tell_record(study: Study, trial: FrozenTrial, record: TrialRecord) -> bool:
    """Ends a trial with what its candidate came to.

    Returns:
        False where the trial was ended by somebody else meanwhile, and the record is not kept.
    """
    state = STATES[record.outcome]
    values = record.values if state is TrialState.COMPLETE else None
    try:
        finish_trial(study, trial, state, values, record.attributes())
    except optuna.exceptions.UpdateFinishedTrialError:
        logger.warning("trial %d was ended by another process; this result is left", trial.number)
        return False
    return True


def keep_test_accuracy(study: Study, record: TrialRecord, accuracy: float) -> None:
    """Keeps a test accuracy; finished trials take no attributes, so the study holds it."""
    study.set_user_attr(f"{_TEST_ACCURACY}{name_of(record)}", accuracy)


def keep_seed(study: Study, record: TrialRecord, accuracy: float) -> None:
    """Keeps the accuracy of a finished candidate at its next seed, where test accuracies are."""
    key = f"{_FURTHER_SEEDS}{name_of(record)}"
    study.set_user_attr(key, [*study.user_attrs.get(key, ()), accuracy])


def keep_board(study: Study, record: TrialRecord, figures: BoardFigures) -> None:
    """Keeps what a board gave for a candidate in one mode; simulated figures under a key apart."""
    kind = _SIMULATED_BOARD if figures.simulated else _BOARD
    study.set_user_attr(f"{kind}{name_of(record)}:{figures.mode}", dataclasses.asdict(figures))


def data_hash(study: Study) -> str | None:
    """What the hash of the study's data begins with; None where it was imported."""
    found: str | None = study.user_attrs.get(_FINGERPRINT, {}).get("data")
    return found


def confirm_round(study: Study) -> tuple[int, list[str]]:
    """The round of further seeds that was begun last: the seed, from 0, and of whom; or nobody."""
    written = study.user_attrs.get(_CONFIRM_ROUND, {})
    return int(written.get("seed", 0)), list(written.get("names", ()))


def keep_confirm_round(study: Study, seed: int, names: Sequence[str]) -> None:
    """Writes down a round of further seeds before it is begun."""
    study.set_user_attr(_CONFIRM_ROUND, {"seed": seed, "names": list(names)})


def name_of(record: TrialRecord) -> str:
    """What a record's checkpoint is called."""
    return str(record.number) if record.number is not None else record.reference.replace(" ", "-")


def running_trials(study: Study) -> list[FrozenTrial]:
    """Trials that were begun and never finished."""
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))


def _all_records(study: Study) -> Iterator[TrialRecord]:
    attributes = study.user_attrs
    boards = _boards(attributes)
    for trial in study.get_trials(deepcopy=False):
        record = record_of(trial, attributes.get(f"{_TEST_ACCURACY}{trial.number}"))
        if record is not None:
            record = record.with_seeds(attributes.get(f"{_FURTHER_SEEDS}{trial.number}", ()))
            yield dataclasses.replace(record, board=boards.get(name_of(record), ()))
    for key, written in attributes.items():
        if key.startswith(_REFERENCE):
            name = key.removeprefix(_REFERENCE).replace(" ", "-")
            test_accuracy = attributes.get(f"{_TEST_ACCURACY}{name}")
            record = TrialRecord.from_attributes(None, written, test_accuracy)
            record = record.with_seeds(attributes.get(f"{_FURTHER_SEEDS}{name}", ()))
            yield dataclasses.replace(record, board=boards.get(name, ()))


def _boards(attributes: dict[str, Any]) -> dict[str, tuple[BoardFigures, ...]]:
    """What boards gave, by the name of the candidate's checkpoint."""
    found: dict[str, tuple[BoardFigures, ...]] = {}
    for key, written in sorted(attributes.items()):
        if key.startswith((_BOARD, _SIMULATED_BOARD)):
            _, name, _ = key.split(":", 2)
            known = BoardFigures(**printable_all(written))
            found[name] = (*found.get(name, ()), known)
    return found


def _latest(records: Iterable[TrialRecord]) -> list[TrialRecord]:
    """The last record of each candidate: one that failed may have been tried again."""
    return list({record.candidate: record for record in records}.values())


def _another_version(study: Study) -> StudyError:
    return StudyError(
        f"study {study.study_name!r} was written by another version of mpqsearch; use that one, or"
        " start anew with another --name or --runs"
    )


def _difference(folder: RunFolder, known: dict[str, Any], asked: dict[str, Any]) -> str:
    asked = json.loads(json.dumps(asked))
    names = [key for key in {**known, **asked} if known.get(key) != asked.get(key)]
    first = names[0]
    if (IMPORTED_TABLE in known) != (IMPORTED_TABLE in asked):
        there = "an imported table, no trainings" if IMPORTED_TABLE in known else "trainings"
        return (
            f"storage {folder.storage_text} holds {there}; what was imported and what was trained"
            " do not mix: use another --name or --runs"
        )
    return (
        f"storage {folder.storage_text} was written with another {', '.join(names)}"
        f" ({first}: {known.get(first)} there, {asked.get(first)} now); continue with the same, or"
        " start anew with another --name or --runs"
    )
