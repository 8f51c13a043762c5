# SPDX-License-Identifier: Apache-2.0
"""Rungs, and members that leave the stack at them."""

from collections.abc import Sequence

import pytest
import torch

from objectives.training import Trained, accuracies_before_qat, grouped, train_quantized
from tests.objectives.networks import SHORT, blobs, one_axis
from tests.objectives.test_stacked import BITS, prefix_of

CPU = torch.device("cpu")
NETWORK = one_axis()
EPOCHS = SHORT.epochs - SHORT.qat_start_epoch


def trained(together: int, stopped: dict[float, Sequence[int]]) -> list[Trained]:
    prefix, batches = prefix_of(NETWORK)

    def stops(share: float, there: Sequence[int], accuracies: Sequence[float]) -> list[bool]:
        assert len(there) == len(accuracies)
        return [member in stopped.get(share, ()) for member in there]

    return train_quantized(
        prefix,
        BITS,
        batches,
        blobs(NETWORK, 300, 2),
        SHORT,
        together=together,
        rungs=(0.0, 0.25),
        stops=stops,
    )


def same(one: Trained, other: Trained) -> bool:
    layers = zip(one.integers.layers, other.integers.layers, strict=True)
    return one.rungs == other.rungs and all(
        (mine.weights == its.weights).all() and mine.output_shift == its.output_shift
        for mine, its in layers
    )


def test_accuracies_are_computed_at_every_rung_and_epoch_end() -> None:
    """Shares of the QAT steps, from 0 to 1."""
    ends = {(epoch + 1) / EPOCHS for epoch in range(EPOCHS)}
    for one in trained(1, {}):
        assert [share for share, _ in one.rungs] == sorted({0.0, 0.25} | ends)
        assert one.finished
        assert one.validation_accuracy == max(
            accuracy for share, accuracy in one.rungs if share in ends
        )


def test_accuracies_before_qat_are_those_of_the_first_rung() -> None:
    """Of each member alone, and without a training."""
    prefix, _ = prefix_of(NETWORK)
    found = accuracies_before_qat(prefix, BITS, blobs(NETWORK, 300, 2), SHORT)
    assert found == [one.rungs[0][1] for one in trained(1, {})]
    assert len(set(found)) > 1


@pytest.mark.parametrize(
    ("members", "size", "sizes"),
    [(9, 8, [9]), (12, 8, [6, 6]), (13, 8, [6, 7]), (3, 8, [3]), (5, 1, [1, 1, 1, 1, 1])],
)
def test_groups_are_even(members: int, size: int, sizes: list[int]) -> None:
    """Nobody takes steps alone beside a full group."""
    prefix, _ = prefix_of(NETWORK)
    groups = grouped(prefix, (BITS * members)[:members], SHORT, size)
    assert [len(one.members) for one in groups] == sizes
    assert [member for one in groups for member in one.members] == list(range(members))
    assert [bits for one in groups for bits in one.stack.bits] == (BITS * members)[:members]


@pytest.mark.parametrize("together", [1, 2, len(BITS)])
def test_who_stays_is_trained_as_if_nobody_had_left(together: int) -> None:
    """Alone or in a group that shrinks: the same integers, bit for bit."""
    everyone = trained(together, {})
    some = trained(together, {0.0: [0], 0.25: [2]})
    for member, (one, other) in enumerate(zip(everyone, some, strict=True)):
        if member in (0, 2):
            assert not other.finished
            assert other.rungs == one.rungs[: len(other.rungs)]
            assert other.rungs[-1][0] == {0: 0.0, 2: 0.25}[member]
        else:
            assert same(one, other)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Members of each group, for every step that is taken."""
    from objectives import training

    found: list[list[int]] = []
    step = training.qat_step

    def noted(groups: Sequence[training.Group], *others: object) -> float:
        found.append([len(group.members) for group in groups])
        return step(groups, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "qat_step", noted)
    return found


def test_what_was_stopped_takes_no_more_steps(taken: list[list[int]]) -> None:
    """Their time is saved, not only their record; with nobody left nothing is computed at all."""
    trained(1, {0.0: range(1, len(BITS)), 0.25: [0]})
    _, batches = prefix_of(NETWORK)
    assert taken == [[1]] * round(0.25 * EPOCHS * batches.steps)


def test_who_stays_takes_steps_in_even_groups_again(taken: list[list[int]]) -> None:
    """What two groups of two have left at the quarter is one group of two."""
    assert len(BITS) == 4
    trained(2, {0.25: [0, 2]})
    _, batches = prefix_of(NETWORK)
    steps = EPOCHS * batches.steps
    quarter = round(0.25 * steps)
    assert taken == [[2, 2]] * quarter + [[2]] * (steps - quarter)
