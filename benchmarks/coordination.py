# SPDX-License-Identifier: Apache-2.0
"""What the search itself costs for each trial, and what it survives: nothing is trained here.

Run from the repository root: `python -m benchmarks.coordination [--storage URL]
[--finished 10 1000] [--workers 1 4] [--trials 100]`. For each number of finished trials and
of workers: the wall time of a further trial, over `--trials` of them: asked, claimed, priced, told
and kept. Workers share the cores of this machine. Without --storage the study is a SQLite file; it
may be, say, an empty PostgreSQL database. With --kill SECONDS a worker is killed every so often,
and the candidates are counted.
"""

import argparse
import contextlib
import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import optuna
from optuna.study import Study
from optuna.trial import TrialState, create_trial

from benchmarks.cheap import CheapWork, prepared, shortened, write_study
from hardware.cost.model import CostModel
from mpqsearch.storage_address import StorageAddress
from mpqsearch.study_file import StudySpec
from mpqsearch.trials import FIT_CONSTRAINT, Outcome, TrialRecord
from mpqsearch.workers import Workers


class Clock:
    """When candidates were decided."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def advance(self, record: TrialRecord, done: int, total: int) -> None:
        """Notes a candidate."""
        del record, done, total
        self.times.append(time.perf_counter())


def fill(spec: StudySpec, study: Study, count: int) -> None:
    """Puts so many finished trials into a study."""
    costs = CostModel(spec.chip)
    trials = []
    chosen = random.Random(0).sample(list(spec.space), count)
    for number, candidate in enumerate(chosen):
        cost = costs.cost(spec.task.checked_network(candidate.input_length), candidate.bits)
        record = TrialRecord.priced(
            number, candidate, cost, outcome=Outcome.SCORED, accuracy=0.5, seed_accuracies=(0.5,)
        )
        trial = create_trial(
            values=record.values,
            params=spec.space.parameters(candidate),
            distributions=spec.space.distributions(),
            user_attrs=record.attributes(),
        )
        trial.set_constraint(FIT_CONSTRAINT, 0.0)
        trials.append(trial)
    study.add_trials(trials)


def milliseconds(
    folder: Path, storage: StorageAddress | None, sampler: str, sizes: tuple[int, int, int]
) -> float:
    """Wall time of a trial, in ms, for (finished trials, workers, further trials)."""
    finished, workers, further = sizes
    name = f"{sampler}-{finished}-{workers}-{time.time_ns()}"
    lengths = (finished + further) // 9 + 40
    study_file = write_study(
        folder, name, trials=finished + further, sampler=sampler, lengths=lengths
    )
    spec, study, run_folder = prepared(study_file, folder, storage)
    for _ in study.get_trials(states=(TrialState.WAITING,)):  # the references
        study.tell(study.ask(), state=TrialState.FAIL)
    fill(spec, study, finished)
    clock = Clock()
    work = CheapWork(study_file, folder, storage)
    Workers(spec, study, run_folder, work, count=workers, progress=clock).run()
    # the first of each worker include its start
    begun = min(len(clock.times) // 4, 10 * workers)
    return 1000 * (clock.times[-1] - clock.times[begun]) / (len(clock.times) - 1 - begun)


def kill(folder: Path, storage: StorageAddress | None, options: argparse.Namespace) -> None:
    """Kills workers at random while they fill a study, and counts what came of it."""
    name = f"kill-{time.time_ns()}"
    trials, workers = options.trials, max(options.workers)
    study_file = write_study(
        folder, name, trials=trials, sampler=options.sampler, lengths=trials // 9 + 40
    )
    spec, study, run_folder = prepared(study_file, folder, storage)
    work = CheapWork(study_file, folder, storage)
    group = Workers(
        shortened(spec, trials), study, run_folder, work, count=workers, progress=Clock()
    )
    done, kills = threading.Event(), 0

    def killer() -> None:
        nonlocal kills
        while not done.wait(options.kill):
            with contextlib.suppress(ProcessLookupError, IndexError):
                os.kill(random.choice(group.processes), signal.SIGKILL)
                kills += 1

    thread = threading.Thread(target=killer)
    begun = time.perf_counter()
    thread.start()
    group.run()
    taken = time.perf_counter() - begun
    done.set()
    thread.join()
    found = study.get_trials(deepcopy=False)
    decided = Counter(str(one.user_attrs["candidate"]) for one in found if _is_decided(one))
    outcomes = Counter(str(one.user_attrs["outcome"]) for one in found if _is_decided(one))
    states = Counter(one.state.name for one in found)
    print(
        f"{workers} workers, one killed every {options.kill:g} s: {kills} killed in {taken:.0f} s"
    )
    print(f"{len(decided)} candidates decided of {trials}: {dict(outcomes)}")
    print(f"decided twice: {sum(count > 1 for count in decided.values())}; trials: {dict(states)}")


def _is_decided(trial: optuna.trial.FrozenTrial) -> bool:
    outcome = trial.user_attrs.get("outcome")
    failed = trial.state is TrialState.FAIL
    return outcome is not None and failed == (outcome == Outcome.FAILED.value)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table, or the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--storage", help="URL of an empty database")
    parser.add_argument("--sampler", default="random")
    parser.add_argument("--finished", type=int, nargs="+", default=[10, 1000])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--kill", type=float, help="seconds between two kills")
    options = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = None if options.storage is None else StorageAddress.parse(options.storage)
    with tempfile.TemporaryDirectory() as folder:
        if options.kill:
            kill(Path(folder), storage, options)
            return
        print(f"{storage or 'SQLite'}, sampler {options.sampler}: ms a trial")
        print("finished" + "".join(f"{f'{count} workers':>12}" for count in options.workers))
        for finished in options.finished:
            row = [
                milliseconds(
                    Path(folder), storage, options.sampler, (finished, workers, options.trials)
                )
                for workers in options.workers
            ]
            print(f"{finished:8}" + "".join(f"{each:12.1f}" for each in row), flush=True)


if __name__ == "__main__":
    main()
