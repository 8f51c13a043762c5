# SPDX-License-Identifier: Apache-2.0
"""What early stopping loses and saves, replayed over whole grids that were trained once.

Run from the repository root: `python -m benchmarks.pruning`. All 162 candidates of the digits, and
the indoor study's 81 of one length, are trained to their ends with every rung looked at; then the
safe rule decides, in 12 random orders and stacks of 10, without a tolerance and with some. Lost are
members of the full grid's front that were stopped; they are compared with the best that costs no
more and was trained to its end.
"""

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from hardware.candidate import Candidate
from hardware.chips import MAX78002
from hardware.cost.model import CostModel
from mpqsearch import pruning
from mpqsearch.pruning import Judge, SafeRule, Standing, default_floor
from mpqsearch.trainings import costs_of
from objectives.accuracy import AccuracyObjective, Score
from objectives.process import prepare_process
from objectives.task import Task
from objectives.tasks.digits import DigitsTask
from objectives.tasks.indoor import IndoorTask

RUNGS = (0.0, 0.05, 0.2, 0.5)
ORDERS = 12
STACK = 10
SEED = 42
MARGINS = ((2.0, 0.0), (2.5, 0.0), (3.0, 0.0), (3.0, 0.0025), (3.0, 0.005), (3.0, 0.01))
"""Deviations, and tolerance."""


@dataclass(frozen=True)
class Row:
    """A candidate trained to its end: costs, accuracies by rung, and the last one."""

    costs: tuple[float, ...]
    rungs: dict[float, float]
    final: float


def trained(task: Task, lengths: Sequence[int]) -> tuple[list[Row], int]:
    """Every candidate of some lengths, and the samples of the validation split."""
    data = task.load()
    cpu = torch.device("cpu")
    objective = AccuracyObjective(task, data, task.recipe, device=cpu, rungs=RUNGS)
    every = [
        Candidate(length, bits)
        for length in lengths
        for bits in itertools.product((8, 4, 2), repeat=4)
    ]
    model = CostModel(MAX78002)
    rows = []
    for result in objective.evaluate(every, seed=SEED):
        if not isinstance(result, Score):
            raise SystemExit(f"{result.candidate} could not be trained")
        network = task.network(result.candidate.input_length)
        costs = costs_of(model.cost(network, result.candidate.bits))
        rows.append(Row(costs, dict(result.rungs), result.validation_accuracy))
    return rows, len(data.validation.labels)


def replay(
    rows: Sequence[Row], order: Sequence[int], classes: int, tolerance: float
) -> list[float]:
    """Share of the QAT steps that each candidate gets, by its place."""
    judge = Judge(SafeRule(tolerance), default_floor(classes))
    shares = [0.0] * len(rows)
    looks = sorted(rows[0].rungs)
    for start in range(0, len(order), STACK):
        stack = alive = list(order[start : start + STACK])
        for look in looks:
            for one in alive:
                shares[one] = look
            if look < 1:
                here = [Standing(rows[one].costs, rows[one].rungs[look]) for one in alive]
                stopped = judge.stops(look, here)
                alive = [one for one, stop in zip(alive, stopped, strict=True) if not stop]
        for one in stack:
            seen = {look: rows[one].rungs[look] for look in looks if look <= shares[one]}
            judge.remember(rows[one].costs, seen, rows[one].final if shares[one] == 1 else None)
    return shares


def report(name: str, rows: Sequence[Row], classes: int, samples: int) -> None:
    """Prints a line for each margin."""
    losses = np.array([(-row.final, *row.costs) for row in rows])
    front = [
        one
        for one, loss in enumerate(losses)
        if not (np.all(losses <= loss, axis=1) & np.any(losses < loss, axis=1)).any()
    ]
    print(
        f"{name}: {len(rows)} candidates, {len(front)} on the front, {samples} validation samples"
    )
    for deviations, tolerance in MARGINS:
        pruning.DEVIATIONS = deviations
        lost, missed, saved = 0, [0.0], []
        for seed in range(ORDERS):
            order = random.Random(seed).sample(range(len(rows)), len(rows))
            shares = replay(rows, order, classes, tolerance)
            saved.append(1 - float(np.mean(shares)))
            for one in front:
                if shares[one] < 1:
                    lost += 1
                    left = [
                        row.final
                        for row, share in zip(rows, shares, strict=True)
                        if share == 1 and all(np.array(row.costs) <= rows[one].costs)
                    ]
                    missed.append(rows[one].final - max(left, default=0.0))
        print(
            f"  {deviations} deviations, tolerance {100 * tolerance:.2f} points:"
            f" {lost / ORDERS:5.2f} of the front lost, at most {100 * max(missed):.2f} points"
            f" better than what is left; {np.mean(saved):.0%} of the QAT steps saved"
        )


def main() -> None:
    """Trains both grids and prints what the rule does with them."""
    prepare_process(1)
    rows, samples = trained(DigitsTask(), (8, 6))
    report("digits", rows, 10, samples)
    rows, samples = trained(IndoorTask(sweeps_per_point=16), (41,))
    report("indoor, length 41, synthetic", rows, 4, samples)


if __name__ == "__main__":
    main()
