# SPDX-License-Identifier: Apache-2.0
"""Stacks are sized by measuring steps and memory."""

from collections.abc import Callable

import pytest
import torch

from objectives import stack_size
from objectives.stack_size import halves, largest_stack, members_at_once
from tests.objectives.networks import one_axis

CPU = torch.device("cpu")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that goes on only when a step says so."""
    now = [0.0]
    monkeypatch.setattr(stack_size.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(stack_size.time, "process_time", lambda: now[0])
    return now


def steps(clock: list[float], seconds: dict[int, float]) -> Callable[[int], Callable[[], None]]:
    def step_of(size: int) -> Callable[[], None]:
        def step() -> None:
            clock[0] += seconds[size]

        return step

    return step_of


@pytest.mark.parametrize(
    ("seconds", "best"),
    [
        ({1: 1.0, 2: 2.0, 4: 4.0}, 1),  # no gain, twice
        ({1: 1.0, 2: 1.5, 4: 2.0, 8: 4.0}, 4),  # 1, 0.75, 0.5, 0.5 each
        ({1: 1.0, 2: 1.92, 4: 3.84}, 1),  # 4 % less each is not worth it
        ({1: 1.0, 2: 2.0, 4: 2.0, 8: 4.0}, 4),  # one doubling may bring nothing
        ({1: 1.0, 2: 1.0, 4: 1.0, 8: 1.0}, 8),
    ],
)
def test_groups_double_while_each_member_gains(
    clock: list[float], seconds: dict[int, float], best: int
) -> None:
    """Two doublings in a row that give a member less than 5 % end it."""
    assert members_at_once(steps(clock, seconds), 8) == best


def test_a_machine_that_gets_slower_meanwhile(clock: list[float]) -> None:
    """Each step takes a tenth longer than the one before: what gains more is found."""
    slower = [1.0]

    def step_of(size: int) -> Callable[[], None]:
        def step() -> None:
            clock[0] += slower[0] * (1 + size)
            slower[0] *= 1.1

        return step

    assert members_at_once(step_of, 8) == 4  # each takes 2, 1.5, 1.25, 1.125


def test_there_are_no_more_at_once_than_there_are(clock: list[float]) -> None:
    """Three members are never taken as four."""
    assert members_at_once(steps(clock, {1: 1.0, 2: 1.0}), 3) == 2


def test_a_group_that_does_not_fit_is_not_taken(clock: list[float]) -> None:
    """What ran out of memory ends the doubling."""

    def step_of(size: int) -> Callable[[], None]:
        if size > 2:
            raise torch.OutOfMemoryError("told to")
        return steps(clock, {1: 1.0, 2: 1.0})(size)

    assert members_at_once(step_of, 8) == 2


def test_stacks_fill_half_of_the_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the memory holds twice the members; one is always tried."""
    network = one_axis()
    monkeypatch.setattr(stack_size, "free_bytes", lambda: 10_000_000)
    some = largest_stack(network, 32, CPU)
    monkeypatch.setattr(stack_size, "free_bytes", lambda: 20_000_000)
    assert some > 1
    assert abs(largest_stack(network, 32, CPU) - 2 * some) <= 1
    monkeypatch.setattr(stack_size, "free_bytes", lambda: 1000)
    assert largest_stack(network, 32, CPU) == 1


@pytest.mark.parametrize("count", [2, 3, 9])
def test_halves_are_everyone_once(count: int) -> None:
    """In order, none empty."""
    members = list(range(count))
    first, second = (members[half] for half in halves(members))
    assert first + second == members
    assert first
    assert second
