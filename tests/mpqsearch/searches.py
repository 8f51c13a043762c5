# SPDX-License-Identifier: Apache-2.0
"""Searches whose trainings are scripted: nothing is trained, and what is asked is kept."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from hardware.candidate import Candidate
from hardware.integer import IntegerLayer, IntegerNetwork
from mpqsearch.queue import prepare_queue
from mpqsearch.run_folder import RunFolder
from mpqsearch.sampler import make_sampler
from mpqsearch.search import Search
from mpqsearch.storage import open_study
from mpqsearch.study_data import about_study, load_data
from mpqsearch.study_file import StudySpec, read_study
from mpqsearch.trials import TrialRecord
from objectives.accuracy import Failure, Score, Stopped


class ScriptedObjective:
    """Scores more bits higher, trains nothing, and fails, stops or forgets what it is told to.

    Attributes:
        failing: Bits whose training fails, from the study's seed or another on.
        failing_from: The first seed at which they do; None: the study's.
        stopping: Bits whose training is stopped early, half way.
        asked: Every training, as its candidate.
    """

    def __init__(self, spec: StudySpec, failing: Sequence[str] = ()) -> None:
        self.spec = spec
        self.failing = failing
        self.failing_from: int | None = None
        self.stopping: Sequence[str] = ()
        self.forgetful = False
        self.asked: list[str] = []
        self.data = load_data(spec)

    def evaluate(
        self, candidates: Sequence[Candidate], *, seed: int, stops: object
    ) -> Iterator[Score | Stopped | Failure]:
        nobody = self.spec.pruning.rule == "none"
        assert stops is not None or nobody or seed != self.spec.seed
        for candidate in candidates:
            self.asked.append(str(candidate))
            if self.forgetful:
                continue
            if candidate.bits_text in self.stopping:
                yield Stopped(candidate, ((0.0, 0.2), (0.5, 0.3)), 0.5, 1.5)
                continue
            late = self.failing_from is not None and seed < self.failing_from
            if candidate.bits_text in self.failing and not late:
                yield Failure(candidate, "RuntimeError: told to")
                continue
            network = self.spec.task.checked_network(candidate.input_length)
            layers = tuple(
                IntegerLayer(
                    np.zeros(layer.weight_shape, np.int8),
                    np.zeros(layer.out_channels, np.int8) if layer.bias else None,
                    bits,
                    0,
                )
                for layer, bits in zip(network.layers, candidate.bits, strict=True)
            )
            accuracy = 0.5 + sum(candidate.bits) / 100 + candidate.input_length / 1000
            accuracy += (seed - self.spec.seed) / 50
            yield Score(
                candidate, IntegerNetwork(network, layers), ((1.0, accuracy),), accuracy, 0.1
            )

    def test_accuracy(self, integers: IntegerNetwork) -> float:
        return 0.9 if integers.bits else 0.0


class Silent:
    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def advance(self, record: TrialRecord, done: int, total: int) -> None:  # noqa: ARG002
        self.seen.append((done, total))


def make_search(
    study_file: Path, runs: Path, failing: Sequence[str] = (), **overrides: int
) -> tuple[Search, ScriptedObjective]:
    spec = read_study(study_file, **overrides)
    folder = RunFolder(runs, spec.name)
    folder.checkpoints.mkdir(parents=True, exist_ok=True)
    study = open_study(folder, about_study(spec, load_data(spec)), {"test": 1})
    study.sampler = make_sampler(spec, len(study.get_trials()))
    objective = ScriptedObjective(spec, failing)
    prepare_queue(spec, study)
    return Search(spec, study, objective, folder, Silent()), objective  # type: ignore[arg-type]


def edited(study_file: Path, old: str, new: str) -> Path:
    text = study_file.read_text()
    assert old in text
    study_file.write_text(text.replace(old, new))
    return study_file
