# SPDX-License-Identifier: Apache-2.0
"""The public API: a study loaded, run, read as tables and exported, from Python."""

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mpqsearch.study_file import StudySpec, find_study_file, read_study
from mpqsearch.trials import TrialRecord

if TYPE_CHECKING:  # torch, pandas and Optuna's storage wait for the first call that needs them
    import pandas as pd

    from mpqsearch.export.export import Exported
    from mpqsearch.opened_study import OpenedStudy
    from mpqsearch.search import Progress

logger = logging.getLogger(__name__)

FIRST_COLUMNS = ("number", "input_length", "bits", "accuracy", "test_accuracy")
"""Columns of a table that come first; the others follow in the record's order."""


def load_study(
    study: str | Path,
    *,
    name: str | None = None,
    data: str | Path | None = None,
    trials: int | None = None,
    seed: int | None = None,
    warm_start: str | Sequence[str] | None = None,
    allow_code: bool = False,
) -> StudySpec:
    """Reads and checks a study, as `mpqsearch run --study` does.

    >>> import mpqsearch
    >>> spec = mpqsearch.load_study("digits", trials=4)
    >>> spec.space.layer_names
    ('conv1', 'conv2', 'fc1', 'fc2')

    Args:
        study: Its name, or the path of a study file.
        name: Name of the run, when not the study file's.
        data: Folder of the task's data; the task's own without it.
        trials: Candidates in all, earlier runs included, instead of the study's.
        seed: Of trainings and sampler, instead of the study's.
        warm_start: Baselines that propose the first candidates, or one, instead of the study's.
        allow_code: Whether the Python file of a study's own task may run, now and until it changes.

    Raises:
        StudyError: where there is no such study, or something in it cannot be; one line.
    """
    return read_study(
        find_study_file(str(study)),
        name=name,
        allow_code=allow_code,
        folder=None if data is None else Path(data),
        trials=trials,
        seed=seed,
        warm_start=None if warm_start is None else _several(warm_start),
    )


def run_study(
    spec: StudySpec,
    *,
    runs: str | Path = "runs",
    workers: int = 1,
    threads: int = 1,
    device: str = "auto",
    progress: "Progress | None" = None,
) -> "Run":
    """Runs a study, or goes on with it, until its budget is filled, as `mpqsearch run` does.

    >>> run = mpqsearch.run_study(spec)
    >>> run.front().columns[:5].tolist()
    ['number', 'input_length', 'bits', 'accuracy', 'test_accuracy']

    Args:
        spec: The study.
        runs: Folder of the run folders.
        workers: Processes that train at once. With more than one, a script must guard its start
            with `if __name__ == "__main__":`.
        threads: Threads of each one's trainings.
        device: Where they run: auto (a GPU where there is one), cpu or cuda.
        progress: Told about every candidate that was decided; see `mpqsearch.search.Progress`.

    Raises:
        StudyError: for data or a request that cannot be used.
        RunFolderError: where the run folder cannot be written, or another run has it.
        RunFailed: after three failures in a row.
    """
    from mpqsearch import run
    from mpqsearch.cache import users_cache
    from mpqsearch.machine import Machine

    machine = Machine(workers=workers, threads=threads, device=device, cache=users_cache())
    run.run_study(spec, Path(runs), progress, machine)
    return open_run(spec.name, runs=runs)


def open_run(name: str, *, runs: str | Path = "runs", allow_code: bool = False) -> "Run":
    """Opens a run to read and to export from it: finished, stopped or still going on.

    >>> mpqsearch.open_run("digits").front().attrs["synthetic"]
    False

    Args:
        name: The study's name.
        runs: Folder of the run folders.
        allow_code: Whether the Python file of a study's own task may run, now and until it changes;
            `export` needs it.

    Raises:
        StudyError: where there is no such run.
        RunFolderError: where its storage cannot be read.
    """
    from mpqsearch.opened_study import OpenedStudy

    return Run(OpenedStudy(Path(runs), name, allow_code=allow_code))


class Run:
    """A run as it was when it was opened.

    >>> run = mpqsearch.open_run("digits")
    >>> run.trials()["outcome"].unique().tolist()
    ['scored']

    Attributes:
        opened: What the tables are made of: records, settings, data, networks, Optuna's study.
    """

    def __init__(self, opened: "OpenedStudy") -> None:
        self.opened = opened

    def front(self) -> "pd.DataFrame":
        """The candidates that no other one beats, the most accurate first.

        >>> front = run.front()
        >>> bool(front["accuracy"].is_monotonic_decreasing)
        True

        Returns:
            A row for each, with the columns of `trials()`; its `attrs` say what the figures rest
            on: `source` of the data, `synthetic`, `mode` of the costs, `layer_names` of the bits.
        """
        from mpqsearch.front import front_of

        return self._table(front_of(self.opened.records))

    def trials(self) -> "pd.DataFrame":
        """Every candidate that was decided, references outside the space included.

        Returns:
            A row for each, with the names and units of `mpqsearch front --json`: accuracies 0 to
            1, `latency_us`, `energy_uj`, `size_bytes`; `outcome` is scored, pruned, infeasible or
            failed. `number` and `test_accuracy` are missing where there is none.
        """
        return self._table(self.opened.records)

    def export(
        self,
        pick: str | None = None,
        *,
        where: str | Sequence[str] = (),
        trial: int | None = None,
        length: int | None = None,
        bits: str | None = None,
        chip: str | None = None,
        to: str | Path | None = None,
        overwrite: bool = False,
        izer: bool = True,
    ) -> "list[Exported]":
        """Writes picks as projects for the chip, as `mpqsearch export` does.

        >>> [knee] = run.export("knee", izer=False)
        >>> knee.manifest.proof.value, (knee.folder / "network.yaml").is_file()
        ('not synthesized', True)

        Args:
            pick: A rule over the front, such as knee, best or all; the knee without it.
            where: Conditions that members must meet, or one, such as "accuracy >= 0.98".
            trial: One trial, on the front or not; instead of a rule.
            length: One candidate's input length; instead of a rule,
            bits: and its bits, like 8-8-2-4.
            chip: MAX78000, MAX78002 or both; the study's without it.
            to: Folder of the exports; the run's `export/` without it.
            overwrite: Whether earlier exports of the same picks are replaced.
            izer: Whether ai8x-synthesis writes the projects; where it is not installed, or not
                wanted, what it reads is written and nothing is proven.

        Returns:
            For each pick its `folder` and its `manifest`, which says what was proven.

        Raises:
            StudyError: for a wrong request; nothing is written then.
            DoesNotFit: where no pick fits a chip that was asked for.
            RunFailed: where an export is not what was scored.
        """
        from hardware.izer.toolchain import find_toolchain
        from mpqsearch.cache import users_cache
        from mpqsearch.export.export import check_proven, export_picks
        from mpqsearch.export.job import Options, chips_named
        from mpqsearch.export.selection import Selection

        selection = Selection(pick, tuple(_several(where)), trial, length, bits)
        chips = (self.opened.spec.chip,) if chip is None else chips_named(chip)
        toolchain = find_toolchain(None) if izer else None
        options = Options(chips, toolchain, overwrite=overwrite, cache=users_cache())
        folder = self.opened.folder.path / "export" if to is None else Path(to)
        exported = list(export_picks(self.opened, selection, folder, options, logger.info))
        check_proven(exported)
        return exported

    def _table(self, records: Sequence[TrialRecord]) -> "pd.DataFrame":
        import pandas as pd

        fields = [field.name for field in dataclasses.fields(TrialRecord)]
        others = [name for name in fields if name not in (*FIRST_COLUMNS, "candidate")]
        rows = [record.to_json() for record in records]
        table = pd.DataFrame(rows, columns=[*FIRST_COLUMNS, *others])
        table = table.astype({"number": "Int64", "test_accuracy": "Float64"})
        table.attrs.update(dataclasses.asdict(self.opened.about))
        return table


def _several(texts: str | Sequence[str]) -> list[str]:
    """Texts as a list; one alone is no list of its letters."""
    return [texts] if isinstance(texts, str) else list(texts)
