# SPDX-License-Identifier: Apache-2.0
"""Searches that train nothing, to see what the search itself costs and survives."""

import dataclasses
import os
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, cast

import numpy as np
from optuna.study import Study

from hardware.candidate import Candidate
from hardware.integer import IntegerLayer, IntegerNetwork
from hardware.network import Network, conv, linear
from mpqsearch.queue import prepare_queue
from mpqsearch.run_folder import RunFolder
from mpqsearch.sampler import make_sampler
from mpqsearch.search import Search
from mpqsearch.storage import open_finished, open_study
from mpqsearch.storage_address import StorageAddress
from mpqsearch.study_data import about_study, fingerprint_of, load_data
from mpqsearch.study_file import StudySpec, read_study
from mpqsearch.workers import Part, worker_name
from objectives.accuracy import AccuracyObjective, Score
from objectives.recipe import Recipe
from objectives.task import Split, Task, TaskData

os.environ["MPQSEARCH_ALLOW_CODE"] = "1"  # this file's own task, here and in the workers

FULL_LENGTH = 1300
SHORTEST = 16
STUDY = """\
task: {task}:CheapTask
space: {{input_length: [{lengths}]}}
search: {{sampler: {sampler}, trials: {trials}, batch: 4}}
"""


@dataclass(frozen=True)
class CheapTask(Task):
    """Two layers and four samples; nothing is learnt."""

    full_length: ClassVar[int] = FULL_LENGTH
    recipe: ClassVar[Recipe] = Recipe(epochs=2, qat_start_epoch=1, batch_size=2)

    def network(self, input_length: int) -> Network:
        """Nine kernel taps and a linear layer."""
        layers = [conv("conv1", 1, kernel=9, padding=2, bias=False), linear("fc1", 2, bias=False)]
        return Network.chain(1, (input_length,), layers)

    def load(self) -> TaskData:
        """Zeros."""
        split = Split(np.zeros((4, 1, FULL_LENGTH), np.int8), np.array([0, 1, 0, 1]))
        return TaskData(split, split, split, ("first", "second"), "zeros", synthetic=True)


class CheapObjective:
    """Scores at once: more bits and longer inputs higher, with an error by chance."""

    def __init__(self, spec: StudySpec, seconds: float = 0.0) -> None:
        self.spec = spec
        self.data = load_data(spec)
        self._seconds = seconds

    def evaluate(
        self, candidates: Sequence[Candidate], *, seed: int, stops: object = None
    ) -> Iterator[Score]:
        """Scores candidates as `AccuracyObjective` does."""
        del stops
        for candidate in candidates:
            time.sleep(self._seconds)
            network = self.spec.task.checked_network(candidate.input_length)
            layers = tuple(
                IntegerLayer(np.zeros(layer.weight_shape, np.int8), None, bits, 0)
                for layer, bits in zip(network.layers, candidate.bits, strict=True)
            )
            chance = random.Random(f"{candidate} {seed}").gauss(0, 0.01)
            accuracy = 0.6 + sum(candidate.bits) / 80 + candidate.input_length / 10_000 + chance
            integers = IntegerNetwork(network, layers)
            yield Score(candidate, integers, ((1.0, accuracy),), accuracy, self._seconds)


def write_study(folder: Path, name: str, *, trials: int, sampler: str, lengths: int) -> Path:
    """Writes a study file with nine candidates for each of so many input lengths."""
    path = folder / f"{name}.yaml"
    every = ", ".join(str(SHORTEST + one) for one in reversed(range(lengths)))
    task = Path(__file__).resolve()
    path.write_text(STUDY.format(task=task, lengths=every, trials=trials, sampler=sampler))
    return path


def prepared(
    study_file: Path, runs: Path, storage: StorageAddress | None
) -> tuple[StudySpec, Study, RunFolder]:
    """A study ready for workers."""
    spec = read_study(study_file)
    folder = RunFolder(runs, spec.name, storage)
    folder.checkpoints.mkdir(parents=True, exist_ok=True)
    data = load_data(spec)
    study = open_study(folder, about_study(spec, data), fingerprint_of(spec, data))
    prepare_queue(spec, study, alone=not folder.shared)
    return spec, study, folder


@dataclass(frozen=True)
class CheapWork:
    """What a worker process does, with the cheap objective in the place of trainings."""

    study_file: Path
    runs: Path
    storage: StorageAddress | None
    seconds: float = 0.0

    def __call__(self, part: Part) -> None:
        """Searches until the budget is filled."""
        spec = read_study(self.study_file)
        folder = RunFolder(self.runs, spec.name, self.storage)
        worker = worker_name(part.run, os.getpid())
        study = open_finished(folder, spec.name)
        study.sampler = make_sampler(spec, part.told, os.getpid())
        objective = cast("AccuracyObjective", CheapObjective(spec, self.seconds))
        search = Search(spec, study, objective, folder, worker=worker, retried=part.failed)
        search.run(references=part.references)


def shortened(spec: StudySpec, trials: int) -> StudySpec:
    """The study with another budget."""
    return dataclasses.replace(spec, search=spec.search.model_copy(update={"trials": trials}))
