# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest
import torch

from hardware.candidate import Candidate
from objectives import accuracy
from objectives.accuracy import AccuracyObjective, Failure, Score
from objectives.cache_folder import CacheFolder
from objectives.float_phase import TrainingError
from objectives.prefix_cache import float_facts, key_of
from objectives.tasks.digits import DigitsTask
from tests.objectives.networks import ImagesTask
from tests.tiny_task import TinyTask

CPU = torch.device("cpu")


def objective() -> AccuracyObjective:
    task = ImagesTask()
    return AccuracyObjective(task, task.load(), task.recipe, device=CPU)


def test_a_persons_own_task_trains() -> None:
    """Two axes, two channels, three classes, other layers: it learns, as integers."""
    candidates = [Candidate(9, bits) for bits in ((8, 8, 8, 8), (4, 8, 4, 4), (8, 8, 4, 2))]
    results = list(objective().evaluate(candidates, seed=1))
    for candidate, result in zip(candidates, results, strict=True):
        assert isinstance(result, Score)
        assert result.candidate == candidate
        assert result.validation_accuracy > 0.85
        assert [share for share, _ in result.rungs] == [0, 1 / 3, 2 / 3, 1]


def test_the_reported_accuracy_is_that_of_the_integers() -> None:
    """Score, integer network and validation split belong together."""
    trainer = objective()
    (result,) = trainer.evaluate([Candidate(9, (8, 4, 2, 8))], seed=1)
    assert isinstance(result, Score)
    split = trainer.data.validation
    predicted = result.integers.logits(split.inputs).argmax(axis=1)
    assert result.validation_accuracy == np.mean(predicted == split.labels)
    assert result.integers.bits == (8, 4, 2, 8)
    assert 0 <= trainer.test_accuracy(result.integers) <= 1


def test_one_bad_candidate_does_not_take_its_stack_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stack that fails is tried in halves; the failure is told with its reason."""
    train = accuracy.train_quantized

    def fails_at_two_bits(prefix, bits, *others, **named):  # type: ignore[no-untyped-def]
        if (2, 2, 2, 2) in bits:
            raise TrainingError("the loss of QAT epoch 9 is nan")
        return train(prefix, bits, *others, **named)

    monkeypatch.setattr(accuracy, "train_quantized", fails_at_two_bits)
    candidates = [Candidate(9, (bits,) * 4) for bits in (8, 2, 4)]
    results = list(objective().evaluate(candidates, seed=1))
    assert [type(result) for result in results] == [Score, Failure, Score]
    assert isinstance(results[1], Failure)
    assert results[1].reason == "TrainingError: the loss of QAT epoch 9 is nan"


def test_digits_are_learned_and_two_bits_everywhere_cost_accuracy() -> None:
    """On real images 8 bits reach 93 %, and uniform 2 bits fall behind them."""
    task = DigitsTask()
    trainer = AccuracyObjective(task, task.load(), task.recipe, device=CPU)
    pair = [Candidate(8, (8,) * 4), Candidate(8, (2,) * 4)]
    eight, two = trainer.evaluate(pair, seed=42)
    assert isinstance(eight, Score)
    assert isinstance(two, Score)
    assert eight.validation_accuracy > 0.93
    assert two.validation_accuracy < eight.validation_accuracy


def test_another_length_comes_first_where_a_float_phase_is_underway_elsewhere(
    tmp_path: Path,
) -> None:
    """Two workers on the same lengths run two float phases, instead of waiting for one."""
    task, cache = TinyTask(), CacheFolder(tmp_path)
    trainer = AccuracyObjective(task, task.load(), task.recipe, device=CPU, cache=cache)
    candidates = [Candidate(length, (8, 8)) for length in (8, 7, 6)]
    train = trainer.cropped(trainer.data.train, 8)
    key = key_of(float_facts(task.network(8), train, task.recipe, 1, CPU))
    results = trainer.evaluate(candidates, seed=1)
    with cache.alone(key):
        assert cache.is_held(key)
        order = [next(results).candidate.input_length for _ in range(2)]
    assert not cache.is_held(key)
    order += [one.candidate.input_length for one in results]
    assert order == [7, 6, 8]
    known = [one.candidate.input_length for one in trainer.evaluate(candidates, seed=1)]
    assert known == [8, 7, 6]


def test_larger_stacks_are_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was best among two says nothing of eight; what was best among five holds for seven."""
    measured = []

    def most_at_once(step_of: object, most: int) -> int:
        del step_of
        measured.append(most)
        return most

    monkeypatch.setattr(accuracy, "members_at_once", most_at_once)
    task = TinyTask()
    trainer = AccuracyObjective(task, task.load(), task.recipe, device=CPU)
    every = [Candidate(8, (one, other)) for one in (8, 4, 2) for other in (8, 4, 2)]
    for count in (1, 2, 3, 5, 7, 9):
        assert len(list(trainer.evaluate(every[:count], seed=1))) == count
    assert measured == [2, 5, 9]
