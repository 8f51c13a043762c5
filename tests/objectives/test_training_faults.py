# SPDX-License-Identifier: Apache-2.0
"""Trainings that break: too little memory, losses that are no number; the others go on."""

import subprocess
import sys
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from hardware.candidate import Candidate
from objectives import accuracy, stack_size, training
from objectives.accuracy import AccuracyObjective, Failure, Result, Score
from objectives.float_phase import FloatPrefix
from objectives.stack_size import members_at_once
from objectives.training import Group
from tests.objectives.networks import ImagesTask

CPU = torch.device("cpu")
BAD = Candidate(9, (2, 2, 2, 2))
GOOD = [Candidate(9, bits) for bits in ((8, 8, 8, 8), (4, 8, 4, 4), (8, 8, 4, 2))]
OUT_OF_MEMORY: dict[str, tuple[type[Exception], str]] = {
    "a GPU": (torch.OutOfMemoryError, "CUDA out of memory. Tried to allocate 2.00 GiB"),
    "the CPU": (RuntimeError, "DefaultCPUAllocator: can't allocate memory: you tried to allocate"),
    "Python": (MemoryError, ""),
}


def results(
    candidates: Sequence[Candidate], rungs: Sequence[float] = ()
) -> dict[Candidate, Result]:
    task = ImagesTask()
    objective = AccuracyObjective(task, task.load(), task.recipe, device=CPU, rungs=rungs)
    return {one.candidate: one for one in objective.evaluate(candidates, seed=1)}


def test_a_stack_that_memory_does_not_hold_is_trained_in_parts() -> None:
    """In a process that really runs out of it: all 32 are scored, after a stack that failed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.objectives.short_memory", "32", "200000000"],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first.startswith("a stack of 32 failed (RuntimeError: ")
    assert first.endswith("); trying halves")
    assert "can't allocate memory" in first
    assert [line for line in rest if not line.startswith("a stack of")] == 32 * ["Score "]


@pytest.mark.parametrize("where", OUT_OF_MEMORY)
def test_the_memory_of_a_failed_stack_is_free_before_its_halves(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing holds what the stack was trained in: the halves have all of it."""
    kind, message = OUT_OF_MEMORY[where]
    held: list[weakref.ref[torch.Tensor]] = []
    sizes: list[int] = []
    train = accuracy.train_quantized

    def too_large(prefix: FloatPrefix, bits: Sequence[Any], *others: Any, **named: Any) -> Any:
        assert not any(one() is not None for one in held)
        sizes.append(len(bits))
        if len(bits) > 1:
            weights = torch.zeros(1000)
            held.append(weakref.ref(weights))
            raise kind(message)
        return train(prefix, bits, *others, **named)

    monkeypatch.setattr(accuracy, "train_quantized", too_large)
    found = results(GOOD)
    assert {type(one) for one in found.values()} == {Score}
    assert sizes == [3, 1, 2, 1, 1]
    assert len(held) == 2


@pytest.mark.parametrize("where", OUT_OF_MEMORY)
def test_a_group_that_memory_does_not_hold_is_not_taken(where: str) -> None:
    """Wherever it ran out, while groups are timed: the largest that fits is taken."""
    kind, message = OUT_OF_MEMORY[where]

    def step_of(size: int) -> Any:
        if size > 2:
            raise kind(message)
        return lambda: None

    clock = iter(range(1000))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stack_size.time, "perf_counter", lambda: next(clock))
        assert members_at_once(step_of, 8) == 2


def test_another_error_while_groups_are_timed_is_none_of_memory() -> None:
    """It is passed on."""

    def step_of(_: int) -> Any:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        members_at_once(step_of, 8)


def same(one: Result, other: Result) -> bool:
    assert isinstance(one, Score)
    assert isinstance(other, Score)
    layers = zip(one.integers.layers, other.integers.layers, strict=True)
    return one.rungs == other.rungs and all(
        (mine.weights == its.weights).all() for mine, its in layers
    )


@pytest.mark.parametrize("rungs", [(), (0.0, 0.25)])
@pytest.mark.parametrize("steps", [1, 40])
def test_a_loss_that_is_no_number_is_one_members_own(
    steps: int, rungs: Sequence[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its weights become NaN in the middle of a stack: it fails and says why.

    The others come to the same, bit for bit, as without it.
    """
    monkeypatch.setattr(accuracy, "members_at_once", lambda step_of, most: 1)  # noqa: ARG005
    alone = results(GOOD, rungs)
    step = training.qat_step
    taken: dict[int, int] = {}

    def poisoned(groups: Sequence[Group], *others: Any) -> float:
        loss = step(groups, *others)
        for group in groups:
            for member, bits in enumerate(group.stack.bits):
                if bits == BAD.bits:
                    taken[id(group)] = taken.get(id(group), 0) + 1
                    if taken[id(group)] >= steps:
                        with torch.no_grad():
                            group.stack.weights[0][member].fill_(torch.nan)
        return loss

    monkeypatch.setattr(training, "qat_step", poisoned)
    found = results([GOOD[0], BAD, *GOOD[1:]], rungs)
    failure = found.pop(BAD)
    assert isinstance(failure, Failure)
    epoch = 9 + (steps - 1) // 19
    assert failure.reason == (
        f"TrainingError: the loss of QAT epoch {epoch} is nan; a smaller learning_rate than 0.003"
        " may help"
    )
    assert list(found) == GOOD
    assert all(same(found[one], alone[one]) for one in GOOD)


def test_a_float_phase_that_is_no_number_is_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that start from it fail with its reason; it is not trained again for each of them."""
    real = accuracy.train_float
    trained = []

    def exploding(network: Any, batches: Any, *others: Any) -> FloatPrefix:
        trained.append(network)
        batches.epoch = lambda _: iter([(batches.inputs * torch.nan, batches.labels)])
        return real(network, batches, *others)

    class Loose:
        """Batches whose epoch may be replaced."""

        def __init__(self, found: Any) -> None:
            self.inputs, self.labels, self.size = found.inputs, found.labels, found.size

    batches = AccuracyObjective.batches
    monkeypatch.setattr(AccuracyObjective, "batches", lambda *them: Loose(batches(*them)))
    monkeypatch.setattr(accuracy, "train_float", exploding)
    found = results(GOOD)
    assert len(trained) == 1
    assert {type(one) for one in found.values()} == {Failure}
    (reason,) = {one.reason for one in found.values() if isinstance(one, Failure)}
    assert reason.startswith("TrainingError: the loss of float epoch 0 is nan; a smaller learning_")
