# SPDX-License-Identifier: Apache-2.0
"""A recorded sweep as the objective: how soon a sampler finds its front."""

import csv
import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Protocol

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import TrialState

from hardware.candidate import Candidate
from hardware.layer import NetworkError
from mpqsearch.coordinates import Coordinates, CostAxis
from mpqsearch.errors import StudyError
from mpqsearch.hypervolume import front_mask, hypervolume
from mpqsearch.samplers._base import CostFunction
from mpqsearch.space import Space

Floats = NDArray[np.float64]

SHARES = (0.95, 0.99, 0.999)
"""Shares of the whole table's hypervolume whose runs are counted."""

REPEATS_IN_A_ROW = 5
"""Known candidates a sampler may propose before an untried one is drawn, as in a study."""

SIFTED = 2000
"""Candidates of a large space whose front sifts the others."""

INDOOR_COORDINATES = Coordinates(
    axes=(CostAxis(0.0, 140.0), CostAxis(2000.0, 2000.0 * 10**2.1, logarithmic=True)),
    worst_error=0.5,
)
"""Latency in us over 140, and log10(weight bytes / 2000) / 2.1, of the indoor sweep."""


def indoor_costs(candidate: Candidate) -> tuple[float, float]:
    """Latency in us and weight bytes of the indoor study's network.

    **Source:** Abushahla et al.: weights of the four layers; latency fitted to the board's.
    """
    length = candidate.input_length
    conv1, conv2, fc1, fc2 = candidate.bits
    weight_bits = 60 * conv1 + 300 * conv2 + 2000 * length * fc1 + 800 * fc2
    return 7.87 + 1.245 * length, weight_bits / 8


@dataclass(frozen=True)
class SweepColumns:
    """What the columns of a sweep are called.

    Attributes:
        input_length: Column of input lengths.
        bits: Columns of weight widths in layer order; by default all that end in `_bits`.
        seed: Column of seeds.
        accuracy: Column of accuracies.
        percent: Whether those are 0 to 100, not 0 to 1.
    """

    input_length: str = "input_length"
    bits: tuple[str, ...] = ()
    seed: str = "seed"
    accuracy: str = "test_accuracy"
    percent: bool = True


class Recording(Protocol):
    """What can be searched as if it were trained."""

    @property
    def space(self) -> Space:
        """The candidates."""

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds each of them was trained at."""

    def accuracy(self, candidate: Candidate, seed: int) -> float:
        """Accuracy, 0 to 1, of one training."""

    def mean_accuracy(self, candidate: Candidate) -> float:
        """Accuracy, 0 to 1, that its seeds scatter around."""


@dataclass(frozen=True)
class Sweep:
    """Every candidate of a space, trained at the same seeds.

    Attributes:
        space: The candidates.
        seeds: In ascending order.
        accuracies: 0 to 1, at each seed in order.
    """

    space: Space
    seeds: tuple[int, ...]
    accuracies: dict[Candidate, tuple[float, ...]] = field(repr=False)

    def accuracy(self, candidate: Candidate, seed: int) -> float:
        """Accuracy of one training."""
        return self.accuracies[candidate][self.seeds.index(seed)]

    def mean_accuracy(self, candidate: Candidate) -> float:
        """The mean over the seeds."""
        return float(np.mean(self.accuracies[candidate]))


@dataclass(frozen=True)
class Replay:
    """How soon a sampler found the front, over several searches.

    Attributes:
        shares: Hypervolume found, of the whole table's, (repeats, runs): after each run, by the
            mean accuracies over all seeds, which the sampler never saw.
        proposal_seconds: Median wall time of a proposal.
    """

    shares: Floats
    proposal_seconds: float

    @property
    def median(self) -> Floats:
        """Median over the repeats, (runs,)."""
        return np.asarray(np.median(self.shares, axis=0))

    @property
    def band(self) -> tuple[Floats, Floats]:
        """The 5th and 95th percentile over the repeats, (runs,) each."""
        low, high = np.percentile(self.shares, [5, 95], axis=0)
        return low, high

    def runs_to(self, share: float) -> int | None:
        """Runs after which the median reaches a share of the whole; None where it does not."""
        reached = np.flatnonzero(self.median >= share)
        return int(reached[0]) + 1 if len(reached) else None


def read_sweep(path: Path, columns: SweepColumns | None = None) -> Sweep:
    """Reads a sweep from a CSV file.

    Raises:
        StudyError: one line, for a file that cannot be read, a column that is missing, a value
            that is none, a row that stands twice, or a candidate that lacks a seed.
    """
    columns = columns or SweepColumns()
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            header = list(reader.fieldnames or [])
            bits = columns.bits or tuple(name for name in header if name.endswith("_bits"))
            _check_header(path, header, columns, bits)
            table = _rows(path, reader, columns, bits)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StudyError(f"sweep {path} cannot be read: {error}") from None
    if not table:
        raise StudyError(f"sweep {path} holds no rows")
    return _sweep(path, table, tuple(name.removesuffix("_bits") for name in bits))


def replay(
    sweep: Recording,
    sampler_of: Callable[[int], BaseSampler],
    *,
    runs: int,
    repeats: int,
    costs_of: CostFunction = indoor_costs,
    coordinates: Coordinates = INDOOR_COORDINATES,
    whole: float | None = None,
) -> Replay:
    """Lets a sampler search a sweep, several times.

    Each run is one training: the sampler is told the accuracy of its proposal at one random seed.
    As in a study, a candidate proposed again costs no training and is told as pruned, and after
    five in a row an untried one is drawn.

    Args:
        sweep: What is searched.
        sampler_of: Makes a sampler from a seed: 0, 1, ...
        runs: Trainings of each search.
        repeats: Searches.
        costs_of: Costs of a candidate, in the order of the coordinates.
        coordinates: What the hypervolume is measured in.
        whole: Hypervolume of all candidates, where it is known already.
    """
    if whole is None:
        whole = whole_volume(sweep, costs_of, coordinates)
    shares = np.empty((repeats, runs))
    seconds: list[float] = []
    for repeat in range(repeats):
        found = _search(
            sweep,
            sampler_of(repeat),
            runs=runs,
            seed=repeat,
            costs_of=costs_of,
            seconds=seconds,
        )
        errors, costs = _losses(sweep, found, costs_of, coordinates)
        for at in range(runs):
            shares[repeat, at] = hypervolume(errors[: at + 1], costs[: at + 1]) / whole
    return Replay(shares, float(np.median(seconds)))


def whole_volume(sweep: Recording, costs_of: CostFunction, coordinates: Coordinates) -> float:
    """Hypervolume of all candidates together."""
    errors, costs = _losses(sweep, sweep.space, costs_of, coordinates)
    losses = np.column_stack([errors, costs])
    generator = np.random.default_rng(0)
    while len(losses) > SIFTED:  # what a few beat need not be looked at one by one
        chosen = losses[generator.permutation(len(losses))[:SIFTED]]
        kept = np.ones(len(losses), dtype=bool)
        for other in chosen[front_mask(chosen)]:
            kept &= (losses < other).any(axis=1) | (losses == other).all(axis=1)
        if kept.all():
            break
        losses = losses[kept]
    return hypervolume(losses[:, 0], losses[:, 1:])


def _search(
    sweep: Recording,
    sampler: BaseSampler,
    *,
    runs: int,
    seed: int,
    costs_of: CostFunction,
    seconds: list[float],
) -> list[Candidate]:
    """One search: what was trained, in order."""
    space = sweep.space
    axes = len(costs_of(next(iter(space))) or ())
    directions = [StudyDirection.MAXIMIZE] + [StudyDirection.MINIMIZE] * axes
    study = optuna.create_study(directions=directions, sampler=sampler)
    generator = random.Random(seed)
    found: dict[Candidate, None] = {}
    repeated = 0
    while len(found) < min(runs, space.size):
        begun = perf_counter()
        trial = study.ask(space.distributions())
        seconds.append(perf_counter() - begun)
        candidate = space.candidate(trial.params)
        if candidate in found:
            study.tell(trial, state=TrialState.PRUNED)
            repeated += 1
            if repeated >= REPEATS_IN_A_ROW:
                drawn = space.draw_untried(found.keys(), generator)
                study.enqueue_trial(space.parameters(drawn or candidate))
            continue
        repeated = 0
        accuracy = sweep.accuracy(candidate, generator.choice(sweep.seeds))
        study.tell(trial, (accuracy, *(costs_of(candidate) or ())))
        found[candidate] = None
    return list(found)


def _losses(
    sweep: Recording, candidates: Iterable[Candidate], costs_of: CostFunction, scale: Coordinates
) -> tuple[Floats, Floats]:
    """Errors (candidates,) and costs (candidates, axes), scaled."""
    rows = [(sweep.mean_accuracy(one), *(costs_of(one) or ())) for one in candidates]
    table = np.array(rows, dtype=np.float64)
    return scale.error_losses(table[:, 0]), scale.cost_losses(table[:, 1:])


def _check_header(
    path: Path, header: Sequence[str], columns: SweepColumns, bits: Sequence[str]
) -> None:
    if not bits:
        raise StudyError(f"sweep {path} has no column that ends in _bits; name its bit columns")
    for name in (columns.input_length, *bits, columns.seed, columns.accuracy):
        if name not in header:
            raise StudyError(
                f"sweep {path} has no column {name!r}; it has {', '.join(header) or 'none'}"
            )


def _rows(
    path: Path, reader: "csv.DictReader[str]", columns: SweepColumns, bits: Sequence[str]
) -> dict[Candidate, dict[int, float]]:
    table: dict[Candidate, dict[int, float]] = {}
    for row in reader:
        where = f"sweep {path}, line {reader.line_num}"
        widths = tuple(_whole(where, row, name) for name in bits)
        try:
            candidate = Candidate(_whole(where, row, columns.input_length), widths)
        except NetworkError as error:
            raise StudyError(f"{where}: {error}") from None
        seed = _whole(where, row, columns.seed)
        seeds = table.setdefault(candidate, {})
        if seed in seeds:
            raise StudyError(f"{where}: {candidate} with seed {seed} stands there twice")
        seeds[seed] = _accuracy(where, row, columns)
    return table


def _whole(where: str, row: dict[str, str], name: str) -> int:
    try:
        return int(row[name])
    except (TypeError, ValueError):
        raise StudyError(f"{where}: {name!r} must be a whole number but is {row[name]!r}") from None


def _accuracy(where: str, row: dict[str, str], columns: SweepColumns) -> float:
    highest = 100.0 if columns.percent else 1.0
    try:
        value = float(row[columns.accuracy])
    except (TypeError, ValueError):
        value = math.nan
    if not 0.0 <= value <= highest:
        raise StudyError(
            f"{where}: {columns.accuracy!r} must be a number from 0 to {highest:g} but is"
            f" {row[columns.accuracy]!r}"
        )
    return value / highest


def _sweep(path: Path, table: dict[Candidate, dict[int, float]], names: tuple[str, ...]) -> Sweep:
    """The sweep, where every candidate of the space has every seed."""
    lengths = {candidate.input_length for candidate in table}
    widths = zip(*(candidate.bits for candidate in table), strict=True)
    space = Space(
        tuple(sorted(lengths, reverse=True)),
        names,
        tuple(tuple(sorted(set(allowed), reverse=True)) for allowed in widths),
    )
    seeds = sorted({seed for known in table.values() for seed in known})
    if space.size > len(table):
        missing = next(candidate for candidate in space if candidate not in table)
        raise StudyError(
            f"sweep {path} lacks {missing}: it must hold every mix of its lengths and widths,"
            f" {space.size} candidates, but holds {len(table)}"
        )
    for candidate, known in table.items():
        for seed in seeds:
            if seed not in known:
                raise StudyError(f"sweep {path}: {candidate} lacks seed {seed}")
    accuracies = {one: tuple(known[seed] for seed in seeds) for one, known in table.items()}
    return Sweep(space, tuple(seeds), accuracies)
